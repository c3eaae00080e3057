"""From recordings to scores: find the files, read each as a stream, decide. Constant memory, whatever the length."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.audio.reading import AudioFile, open_audio, select_channels
from edge.decision import Decision, FileDecider, TimelinePoint
from edge.errors import AudioError, UnreadableAudioError
from edge.model import Model, StreamScorer
from edge.resampling import Resampler

Float = NDArray[np.float32]
Progress = Callable[[float], None]

AUDIO_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("wav", "w64", "aif", "aiff", "au", "caf", "flac", "mp3", "ogg", "oga", "opus"),
        *("m4a", "mp4", "aac", "amr", "awb", "3gp", "3gpp", "mka", "webm", "wma"),
    )
)
"""What is taken from a folder; a file that is named is tried whatever it is called."""


@dataclass(frozen=True)
class Score:
    """The verdict on one channel of one recording.

    Attributes
    ----------
    channel : ``mono``, ``mix``, ``left``, ``right`` or a number from 1.
    cm_score : calibrated log-likelihood ratio in nats, higher = more bona fide; None where there is no score.
    p_bonafide : probability of bona fide at even odds, in [0, 1]; None where there is no score.
    speech_s : seconds of speech that was scored.
    spoof_s : seconds of speech in spans that, alone, were judged spoof.
    timeline : the score over time, empty unless asked for.
    """

    path: Path
    channel: str
    verdict: str
    p_bonafide: float | None
    cm_score: float | None
    speech_s: float
    spoof_s: float
    duration_s: float
    model: str
    timeline: tuple[TimelinePoint, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A recording or folder that could not be scored, with the whole reason."""

    path: Path
    error: str


class ChannelScorer:
    """One channel of one recording: resample, score, decide."""

    def __init__(self, model: Model, sample_rate: int, *, keep_timeline: bool = False) -> None:
        self._resampler = Resampler(sample_rate, model.contract.frontend.sample_rate)
        self._scorer = StreamScorer(model)
        self._decider = FileDecider(model.contract, keep_timeline=keep_timeline)
        self._all_zero = True

    def feed(self, samples: Float) -> None:
        """Take samples [shape=(n,), range -1 to 1] at the recording's rate."""
        self._all_zero = self._all_zero and not samples.any()
        self._add(self._resampler.feed(samples))

    def finish(self) -> Decision:
        """End the recording."""
        self._add(self._resampler.flush())
        for raw_score in self._scorer.flush():
            self._decider.add(raw_score)
        return self._decider.decide(all_zero=self._all_zero)

    def _add(self, samples: Float) -> None:
        for raw_score in self._scorer.feed(samples):
            self._decider.add(raw_score)


def score_samples(model: Model, samples: Float, *, keep_timeline: bool = False) -> Decision:
    """Decide on samples [shape=(n,), range -1 to 1] at the model's own rate."""
    scorer = ChannelScorer(model, model.contract.frontend.sample_rate, keep_timeline=keep_timeline)
    scorer.feed(samples)
    return scorer.finish()


def score_file(
    model: Model,
    path: str | Path,
    *,
    channel: str = "mix",
    keep_timeline: bool = False,
    progress: Progress | None = None,
) -> list[Score]:
    """Score a recording: one `Score`, or one a channel with ``channel="each"``.

    ``progress`` is told the seconds read so far.

    Raises
    ------
    AudioError
        The recording cannot be read, or lacks the channel.
    """
    path = Path(path)
    with open_audio(path) as audio:
        scorers: dict[str, ChannelScorer] = {}
        position = _feed(audio, channel, scorers, model, keep_timeline, progress)
        if not scorers:
            raise UnreadableAudioError(f"{path}: holds no samples; expected a recording, record or copy it again")
        duration_s = position / audio.sample_rate
    return [_score(path, name, scorer.finish(), duration_s, model) for name, scorer in scorers.items()]


def score_paths(
    model: Model,
    paths: Iterable[str | Path],
    *,
    channel: str = "mix",
    keep_timeline: bool = False,
    progress: Callable[[Path], Progress] | None = None,
) -> Iterator[Score | Failure]:
    """Score recordings and folders, each result as soon as it is there; one that fails does not stop the rest."""
    for found in find_recordings(paths):
        if isinstance(found, Failure):
            yield found
            continue
        tell = None if progress is None else progress(found)
        try:
            yield from score_file(model, found, channel=channel, keep_timeline=keep_timeline, progress=tell)
        except AudioError as error:
            yield Failure(found, str(error))


def find_recordings(paths: Iterable[str | Path]) -> Iterator[Path | Failure]:
    """Each file as it is named; below each folder, sorted, what looks like audio by its suffix."""
    for path in map(Path, paths):
        # Path.is_dir raises where a parent is closed or the name too long; here the file's own reader tells.
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
    # Path.exists raises where the folder may be listed but not searched; here the file's own reader tells.
    return os.path.exists(path) and not os.path.isfile(path)


def _unreadable(problem: OSError) -> Failure:
    folder = Path(problem.filename)
    return Failure(folder, f"{folder}: the folder cannot be read ({problem.strerror}); check its permissions")


def _feed(
    audio: AudioFile,
    channel: str,
    scorers: dict[str, ChannelScorer],
    model: Model,
    keep_timeline: bool,
    progress: Progress | None,
) -> int:
    """Read the recording through; return its length in samples a channel."""
    position = 0
    for block in audio:
        for name, samples in select_channels(block, channel):
            if name not in scorers:
                scorers[name] = ChannelScorer(model, audio.sample_rate, keep_timeline=keep_timeline)
            scorers[name].feed(samples)
        position += len(block)
        if progress is not None:
            progress(position / audio.sample_rate)
    return position


def _score(path: Path, channel: str, decision: Decision, duration_s: float, model: Model) -> Score:
    return Score(
        path=path,
        channel=channel,
        verdict=decision.verdict,
        p_bonafide=decision.p_bonafide,
        cm_score=decision.cm_score,
        speech_s=decision.speech_s,
        spoof_s=decision.spoof_s,
        duration_s=duration_s,
        model=model.name,
        timeline=decision.timeline,
    )
