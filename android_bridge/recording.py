"""After the call: the verdict on a recording, by the same scorer and decider as `edge score`.

WAV is read here. What else phones write (M4A, AMR) needs PyAV, which Termux has and Chaquopy has not: there the app
decodes with `MediaExtractor` and `MediaCodec` and hands over PCM16.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from android_bridge.errors import FactsError
from android_bridge.hearing import MakeConverter
from android_bridge.pcm import decode_pcm16
from edge.audio.reading import open_audio, select_channels
from edge.decision import Decision, FileDecider
from edge.errors import UnreadableAudioError
from edge.stream import StepModel, StreamScorer

Float = NDArray[np.float32]


class RecordingScorer:
    """One recording: resample, score, decide at its end."""

    def __init__(self, model: StepModel, sample_rate: int, make_converter: MakeConverter) -> None:
        self._model, self._rate = model, sample_rate
        self._converter = make_converter(sample_rate, model.contract.frontend.sample_rate)
        self._scorer = StreamScorer(model)
        self._decider = FileDecider(model.contract, keep_timeline=True)
        self._samples = 0
        self._sounded = False

    @property
    def duration_s(self) -> float:
        """Seconds taken so far."""
        return self._samples / self._rate

    def feed_pcm16(self, data: bytes) -> None:
        """Take a block of PCM16, little-endian, mono, at the recording's rate.

        Raises
        ------
        PcmError
            The bytes are none.
        """
        self.feed(decode_pcm16(data, self._rate))

    def feed(self, samples: Float) -> None:
        """Take samples [shape=(n,), range -1 to 1] at the recording's rate."""
        self._samples += len(samples)
        self._sounded = self._sounded or bool(samples.any())
        self._add(self._converter.feed(samples))

    def finish(self) -> dict[str, Any]:
        """End the recording and give the verdict.

        Returns
        -------
        ``verdict``, ``p_bonafide``, ``cm_score`` (None without a score), ``speech_s``, ``spoof_s``, ``duration_s``,
        ``model``, ``timeline`` (``end_s``, ``cm_score``, ``verdict`` of each chunk).

        Raises
        ------
        UnreadableAudioError
            It holds no samples.
        """
        if not self._samples:
            raise UnreadableAudioError("the recording holds no samples; expected speech of a second at least")
        self._add(self._converter.flush())
        for raw_score in self._scorer.flush():
            self._decider.add(raw_score)
        return self._as_dict(self._decider.decide(all_zero=not self._sounded))

    def _add(self, samples: Float) -> None:
        for raw_score in self._scorer.feed(samples):
            self._decider.add(raw_score)

    def _as_dict(self, decision: Decision) -> dict[str, Any]:
        points = [
            {"end_s": point.end_s, "cm_score": point.cm_score, "verdict": point.verdict} for point in decision.timeline
        ]
        return {
            "verdict": decision.verdict,
            "p_bonafide": decision.p_bonafide,
            "cm_score": decision.cm_score,
            "speech_s": decision.speech_s,
            "spoof_s": decision.spoof_s,
            "duration_s": self.duration_s,
            "model": self._model.contract.name,
            "timeline": points,
        }


def check_channel(channel: str) -> None:
    """Refuse to judge several channels in one verdict.

    Raises
    ------
    FactsError
        Neither ``mix``, ``left``, ``right`` nor a number.
    """
    if channel in ("mix", "left", "right") or (channel.isdecimal() and int(channel) > 0):
        return
    raise FactsError(f"channel {channel!r}: expected mix, left, right or a number from 1")


def score_path(model: StepModel, path: str, *, channel: str, make_converter: MakeConverter) -> dict[str, Any]:
    """Score a recording by its path; returns what `RecordingScorer.finish` does.

    Raises
    ------
    AudioError
        It cannot be read, or lacks the channel.
    FactsError
        No single channel is meant.
    """
    check_channel(channel)
    scorer: RecordingScorer | None = None
    with open_audio(path) as audio:
        for block in audio:
            ((_, samples),) = select_channels(block, channel)
            scorer = scorer or RecordingScorer(model, audio.sample_rate, make_converter)
            scorer.feed(samples)
    if scorer is None:
        raise UnreadableAudioError(f"{path}: holds no samples; expected a recording")
    return scorer.finish()
