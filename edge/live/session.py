"""One stream from its samples to the verdict: resample, score, decide, and know what really arrived."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edge.contract import OperatingPoint
from edge.decision import LiveDecider, LiveState, RawScore
from edge.live.arrivals import Arrivals, Arrived
from edge.live.lag import LagMeter
from edge.model import Model
from edge.resampling import Resampler
from edge.sources.events import AudioChunk, Clock, Float
from edge.stream import StreamScorer

BATCH_S = 0.128
"""Packets of 20 ms are gathered to half of the model's chunk: most of their cost is the same for any length."""
_FACTOR_MEMORY_S = 10.0


@dataclass(frozen=True)
class Step:
    """What is known after one chunk of the model: the decision, and what it rests on."""

    state: LiveState
    arrived: Arrived
    seconds: float


class Session:
    """Follow one stream from its first sample to its last; how it is cut never changes a score.

    Parameters
    ----------
    model : may be shared by all sessions of a thread; what it remembers of a stream is here.
    point : one of its operating points.
    sample_rate : of the stream, in Hz.
    pace : seconds of audio a second of the clock brings.

    Raises
    ------
    UnsupportedFormatError
        The stream needs resampling and soxr is not installed.
    """

    def __init__(
        self, model: Model, point: OperatingPoint, sample_rate: int, *, clock: Clock, pace: float = 1.0
    ) -> None:
        self.sample_rate = sample_rate
        self.model_rate = model.contract.frontend.sample_rate
        self.position = 0
        self.lost_samples = 0
        self._clock = clock
        self._resampler = Resampler(sample_rate, self.model_rate)
        self._scorer = StreamScorer(model)
        self._decider = LiveDecider(model.contract, point)
        self._arrivals = Arrivals(sample_rate, self.model_rate)
        self._lag = LagMeter(pace)
        self._gathered: list[AudioChunk] = []
        self._gathered_samples = 0
        self._waited = False
        self._batch_samples = math.ceil(BATCH_S * sample_rate)
        self._busy_s = self._audio_s = 0.0

    @property
    def position_s(self) -> float:
        """Seconds of the stream that came, lost ones included."""
        return self.position / self.sample_rate

    @property
    def lost_s(self) -> float:
        """Seconds of them that were lost."""
        return self.lost_samples / self.sample_rate

    @property
    def realtime_factor(self) -> float:
        """Seconds of computing for one second of audio, over the last ten; 0 before any."""
        return self._busy_s / self._audio_s if self._audio_s else 0.0

    @property
    def lag_s(self) -> float | None:
        """How far the audio heard lies behind the clock, in seconds; None where it cannot."""
        return self._lag.lag_s

    def take_worst_lag(self) -> float | None:
        """The worst of it since the last call, in seconds."""
        return self._lag.take_worst()

    def feed(self, chunk: AudioChunk, *, waited: bool = False) -> list[Step]:
        """Take the next chunk; return a step for each chunk of the model that it completes.

        Parameters
        ----------
        waited : the source had nothing before this, so nothing can be queued.

        Raises
        ------
        ValueError
            It does not begin where the one before it ended.
        """
        if chunk.position != self.position:
            raise ValueError(f"stream {chunk.stream}: expected a chunk at {self.position}, got one at {chunk.position}")
        self.position = chunk.end
        if chunk.lost is not None:
            self.lost_samples += chunk.lost_samples
        self._gathered.append(chunk)
        self._gathered_samples += len(chunk.samples)
        self._waited = self._waited or waited
        if self._gathered_samples < self._batch_samples:
            return []
        steps = self._run_gathered()
        self._lag.heard(self.position_s, self._clock.monotonic(), waited=self._waited)
        self._waited = False
        return steps

    def finish(self) -> list[Step]:
        """End the stream; return what was still to say."""
        steps = self._run_gathered()
        rest = self._resampler.flush()
        steps += [self._step(raw_score) for raw_score in self._scorer.feed(rest)]
        steps += [self._step(raw_score) for raw_score in self._scorer.flush()]
        self._scorer.close()
        return steps

    def _run_gathered(self) -> list[Step]:
        chunks, self._gathered = self._gathered, []
        seconds, self._gathered_samples = self._gathered_samples / self.sample_rate, 0
        if not chunks:
            return []
        begun_at = self._clock.monotonic()
        for chunk in chunks:
            self._arrivals.add(chunk.samples, chunk.lost, broken=chunk.broken)
        samples = self._resampler.feed(_joined(chunk.samples for chunk in chunks))
        steps = [self._step(raw_score) for raw_score in self._scorer.feed(samples)]
        kept = math.exp(-seconds / _FACTOR_MEMORY_S)
        self._busy_s = kept * self._busy_s + self._clock.monotonic() - begun_at
        self._audio_s = kept * self._audio_s + seconds
        return steps

    def _step(self, raw_score: RawScore) -> Step:
        arrived = self._arrivals.take(raw_score.end)
        # What stands on both sides of a break was never spoken so: it is no more heard than what was lost.
        lost_share = 1.0 if arrived.broken else arrived.lost_share
        state = self._decider.add(raw_score, all_zero=arrived.all_zero and not arrived.broken, lost_share=lost_share)
        return Step(state, arrived, (raw_score.end - raw_score.start) / self.model_rate)


def _joined(pieces: Iterable[Float]) -> Float:
    found = list(pieces)
    return found[0] if len(found) == 1 else np.concatenate(found)
