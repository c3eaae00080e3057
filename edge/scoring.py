"""From recordings to scores: find the files, read each as a stream, decide. Constant memory, whatever the length."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.audio.reading import open_audio, select_channels
from edge.decision import Decision, FileDecider, SpoofPassage, TimelinePoint
from edge.errors import AudioError, UnreadableAudioError
from edge.resampling import Resampler
from edge.stream import MakeConverter, StepModel, StreamScorer, check_samples

Float = NDArray[np.float32]
Progress = Callable[[float], None]

AUDIO_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("wav", "w64", "aif", "aiff", "au", "caf", "flac", "mp3", "ogg", "oga", "opus"),
        *("m4a", "mp4", "aac", "amr", "awb", "3gp", "3gpp", "mka", "webm", "wma"),
    )
)
"""What is read of a folder; a file that is named is tried whatever it is called."""


@dataclass(frozen=True)
class Score:
    """The decision on one channel of one recording; its numbers can be read here, too.

    Attributes
    ----------
    path : of the recording; None where samples were scored.
    channel : ``mono``, ``mix``, ``left``, ``right`` or a number from 1.
    decision : `edge.decision.Decision`, which explains each number.
    duration_s : seconds of the recording.
    model : name of the model.
    """

    path: Path | None
    channel: str
    decision: Decision
    duration_s: float
    model: str

    @property
    def verdict(self) -> str:
        """``bonafide``, ``spoof``, ``uncertain``, ``too_short``, ``no_speech`` or ``silenced``."""
        return self.decision.verdict

    @property
    def p_bonafide(self) -> float | None:
        """Probability of bona fide at even odds, in [0, 1]; None where there is no score."""
        return self.decision.p_bonafide

    @property
    def cm_score(self) -> float | None:
        """Calibrated log-likelihood ratio in nats, higher = more bona fide; None where there is no score."""
        return self.decision.cm_score

    @property
    def speech_s(self) -> float:
        """Seconds of speech that were scored."""
        return self.decision.speech_s

    @property
    def spoof_s(self) -> float:
        """Seconds of speech in spans that, alone, were judged spoof."""
        return self.decision.spoof_s

    @property
    def spoof_passages(self) -> tuple[SpoofPassage, ...]:
        """Where those spans are; of more than 20 passages the 20 that score lowest."""
        return self.decision.spoof_passages

    @property
    def timeline(self) -> tuple[TimelinePoint, ...]:
        """The score over time, empty unless asked for."""
        return self.decision.timeline

    def as_dict(self, *, with_timeline: bool = False) -> dict[str, Any]:
        """The score as JSON takes it: the path as text, numbers with six digits after the point."""
        data = {
            "path": None if self.path is None else os.fspath(self.path),
            "channel": self.channel,
            "verdict": self.verdict,
            "p_bonafide": self.p_bonafide,
            "cm_score": self.cm_score,
            "speech_s": self.speech_s,
            "spoof_s": self.spoof_s,
            "spoof_passages": [_rounded(asdict(passage)) for passage in self.spoof_passages],
            "duration_s": self.duration_s,
            "model": self.model,
        }
        timeline = {"timeline": [_rounded(asdict(point)) for point in self.timeline]} if with_timeline else {}
        return {**_rounded(data), **timeline}


@dataclass(frozen=True)
class Failure:
    """A recording or folder that could not be scored, with the whole reason."""

    path: Path
    error: str


def json_line(result: Score | Failure, *, with_timeline: bool = False) -> str:
    """One JSON object of a result, with ``timeline`` only where it is asked for."""
    if isinstance(result, Failure):
        return json.dumps({"path": os.fspath(result.path), "error": result.error})
    return json.dumps(result.as_dict(with_timeline=with_timeline), allow_nan=False)


class ChannelScorer:
    """Score one channel of one recording: resample, score, decide at its end.

    Parameters
    ----------
    model : computes the raw scores.
    sample_rate : of the recording, in Hz.
    keep_timeline : keep the score of every chunk.
    make_converter : makes the converter from ``sample_rate`` to the model's rate.

    Raises
    ------
    UnsupportedFormatError
        The rates differ and soxr is not installed.
    """

    def __init__(
        self,
        model: StepModel,
        sample_rate: int,
        *,
        keep_timeline: bool = False,
        make_converter: MakeConverter = Resampler,
    ) -> None:
        self.sample_rate = sample_rate
        self.position = 0
        """Samples of the recording so far."""
        self._converter = make_converter(sample_rate, model.contract.frontend.sample_rate)
        self._scorer = StreamScorer(model)
        self._decider = FileDecider(model.contract, keep_timeline=keep_timeline)
        self._all_zero = True

    @property
    def duration_s(self) -> float:
        """Seconds of the recording so far."""
        return self.position / self.sample_rate

    def feed(self, samples: Float) -> None:
        """Add samples [shape=(n,), range -1 to 1] at the recording's rate."""
        self.position += len(samples)
        self._all_zero = self._all_zero and not samples.any()
        self._add(self._converter.feed(samples))

    def flush(self) -> Decision:
        """End the recording and decide on it."""
        self._add(self._converter.flush())
        for raw_score in self._scorer.flush():
            self._decider.add(raw_score)
        return self._decider.decide(all_zero=self._all_zero)

    def _add(self, samples: Float) -> None:
        for raw_score in self._scorer.feed(samples):
            self._decider.add(raw_score)


def score_samples(
    model: StepModel, samples: Float, *, sample_rate: int | None = None, keep_timeline: bool = False
) -> Decision:
    """Decide on samples.

    Parameters
    ----------
    samples : one channel [shape=(n,), float, range -1 to 1].
    sample_rate : their rate in Hz; None for the model's own.
    keep_timeline : keep the score of every chunk.

    Raises
    ------
    UnreadableAudioError
        No one-dimensional array of finite floats.
    UnsupportedFormatError
        The rate needs soxr, which is not installed.
    """
    scorer = ChannelScorer(model, sample_rate or model.contract.frontend.sample_rate, keep_timeline=keep_timeline)
    scorer.feed(check_samples(samples))
    return scorer.flush()


def score_file(
    model: StepModel,
    path: str | Path,
    *,
    channel: str = "mix",
    keep_timeline: bool = False,
    progress: Progress | None = None,
    make_converter: MakeConverter = Resampler,
) -> list[Score]:
    """Score a recording of any length, in constant memory.

    Parameters
    ----------
    path : a recording in any format whose decoder is installed, at 8 kHz or more.
    channel : ``mix`` (all channels averaged), ``left``, ``right``, a number from 1, or ``each``.
    keep_timeline : keep the score of every chunk.
    progress : called with the seconds read so far.
    make_converter : makes the converter from the recording's rate to the model's.

    Returns
    -------
    One score; with ``each``, one a channel.

    Raises
    ------
    UnreadableAudioError
        Missing, empty, truncated, or not audio.
    UnsupportedFormatError
        Its decoder is not installed, or its rate is below 8 kHz.
    ChannelError
        It lacks the channel.

    Examples
    --------
    >>> import edge
    >>> from edge.scoring import score_file
    >>> call = "examples/call-left-bonafide-right-spoof.wav"
    >>> [(score.channel, score.verdict) for score in score_file(edge.load_model(), call, channel="each")]
    [('left', 'bonafide'), ('right', 'uncertain')]
    """
    path = Path(path)
    scorers: dict[str, ChannelScorer] = {}
    position = 0
    with open_audio(path) as audio:
        for block in audio:
            for name, samples in select_channels(block, channel):
                if name not in scorers:
                    scorers[name] = ChannelScorer(
                        model, audio.sample_rate, keep_timeline=keep_timeline, make_converter=make_converter
                    )
                scorers[name].feed(samples)
            position += len(block)
            if progress is not None:
                progress(position / audio.sample_rate)
    if not scorers:
        raise UnreadableAudioError(f"{path}: holds no samples; expected a recording, record or copy it again")
    return [
        Score(path, name, scorer.flush(), scorer.duration_s, model.contract.name) for name, scorer in scorers.items()
    ]


def score_paths(
    model: StepModel,
    paths: Iterable[str | Path],
    *,
    channel: str = "mix",
    keep_timeline: bool = False,
    progress: Callable[[Path], Progress] | None = None,
) -> Iterator[Score | Failure]:
    """Score recordings and folders one by one; one that fails does not stop the rest.

    ``progress`` is called with each path; what it returns is called with the seconds read. See `score_file` for the
    others.
    """
    for found in find_recordings(paths):
        if isinstance(found, Failure):
            yield found
            continue
        read = None if progress is None else progress(found)
        try:
            yield from score_file(model, found, channel=channel, keep_timeline=keep_timeline, progress=read)
        except AudioError as error:
            yield Failure(found, str(error))


def find_recordings(paths: Iterable[str | Path]) -> Iterator[Path | Failure]:
    """Yield each file as it is named, and of each folder, sorted, what has the suffix of audio."""
    for path in map(Path, paths):
        # Path.is_dir raises where a parent is closed or the name too long; the file's reader reports it.
        if not os.path.isdir(path):
            yield path
            continue
        empty = True
        for item in _below(path):
            empty = False
            yield item
        if empty:
            yield Failure(path, f"{path}: a folder without recordings; expected files such as .wav, .mp3 or .m4a in it")


def _below(folder: Path) -> Iterator[Path | Failure]:
    problems: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=problems.append):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            if path.suffix.lower() in AUDIO_SUFFIXES and not name.startswith(".") and not _is_special(path):
                yield path
        while problems:
            yield _unreadable(problems.pop())
    for problem in problems:
        yield _unreadable(problem)


def _is_special(path: Path) -> bool:
    """Whether it is a pipe, a socket or a device, which would wait for a writer for ever."""
    # Path.exists raises where the folder may be listed but not searched; the file's reader reports it.
    return os.path.exists(path) and not os.path.isfile(path)


def _unreadable(problem: OSError) -> Failure:
    folder = Path(problem.filename)
    return Failure(folder, f"{folder}: the folder cannot be read ({problem.strerror}); check its permissions")


def _rounded(data: dict[str, Any]) -> dict[str, Any]:
    """Six digits after the point: below that int8 has nothing to say, and lines stay readable."""
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in data.items()}
