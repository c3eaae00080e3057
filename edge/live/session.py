"""One stream from its samples to the verdict: resample, score, decide, and measure what arrived and how late."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge.contract import OperatingPoint
from edge.decision import LiveDecider, LiveState, RawScore
from edge.model import Model
from edge.resampling import Resampler
from edge.sources.events import AudioChunk, Clock, Float, Mask
from edge.stream import StreamScorer

BATCH_S = 0.128
"""Packets of 20 ms are gathered to half of the model's chunk: most of their cost is the same for any length."""
LAG_WINDOW_S = 15.0
_FACTOR_MEMORY_S = 10.0


@dataclass(frozen=True)
class ChunkStats:
    """Packet loss, silence and level of one chunk of the model, in the samples that the source gave.

    Attributes
    ----------
    lost_share : share of the samples that did not arrive, in [0, 1].
    all_zero : every sample arrived and is exactly zero.
    broken : an unknown amount of audio is missing somewhere inside.
    level_db : RMS of what arrived in dB of full scale (amplitude 1); minus infinity for zeros or nothing.
    """

    lost_share: float
    all_zero: bool
    broken: bool
    level_db: float


class ChunkMeter:
    """Keeps the source's samples until the model's chunk that they went into is known, and measures that.

    A chunk's bounds at the model's rate are taken back to the source's rate in proportion; the resampler keeps time.
    """

    def __init__(self, source_rate: int, model_rate: int) -> None:
        self._source_rate, self._model_rate = source_rate, model_rate
        self._samples: list[Float] = []
        self._lost: list[Mask] = []
        self._breaks: list[int] = []
        self._begin = self._end = 0

    def add(self, samples: Float, lost: Mask | None, *, broken: bool = False) -> None:
        """Add the next samples [shape=(n,)], their lost mask, and whether audio is missing before the first."""
        if broken:
            self._breaks.append(self._end)
        self._samples.append(samples)
        self._lost.append(np.zeros(len(samples), np.bool_) if lost is None else lost)
        self._end += len(samples)

    def measure(self, end: int) -> ChunkStats:
        """Measure from the last call's end to ``end``, in samples of the model, and forget that part."""
        bound = min(self._end, (end * self._source_rate + self._model_rate // 2) // self._model_rate)
        count = bound - self._begin
        samples, rest = np.split(np.concatenate(self._samples), [count])
        lost, rest_lost = np.split(np.concatenate(self._lost), [count])
        broken = any(position < bound for position in self._breaks)
        self._samples, self._lost, self._begin = [rest], [rest_lost], bound
        self._breaks = [position for position in self._breaks if position >= bound]
        missing = int(np.count_nonzero(lost))
        # Lost samples are zeros, so they add nothing to the energy.
        energy = float(np.dot(samples, samples))
        arrived = len(samples) - missing
        return ChunkStats(
            lost_share=missing / len(samples) if len(samples) else 0.0,
            all_zero=missing == 0 and len(samples) > 0 and not samples.any(),
            broken=broken,
            level_db=10.0 * math.log10(energy / arrived) if arrived and energy else -math.inf,
        )


class LagMeter:
    """How far the audio that was scored lies behind the clock; pure, times are passed in, in seconds.

    The reference is the least delay of the last seconds: what a buffer always holds is not seen, all above it is. It
    is renewed only while the source makes us wait, since then nothing is queued: a pause of the sender is forgotten
    after two windows, but a queue that only grows is not.

    Parameters
    ----------
    pace : seconds of audio a second of the clock brings; infinity, where nothing can lag.
    """

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._older = self._newer = math.inf
        self._turned_at: float | None = None
        self._lag_s = self._worst_s = 0.0

    @property
    def lag_s(self) -> float | None:
        """The lag in seconds at the last update; None where nothing can lag."""
        return None if math.isinf(self._pace) else self._lag_s

    def update(self, audio_s: float, now: float, *, waited: bool) -> None:
        """Note that ``audio_s`` seconds of the stream were scored at ``now``; ``waited``: for the source."""
        if math.isinf(self._pace):
            return
        if self._turned_at is None:
            self._turned_at = now
        if waited and now - self._turned_at >= LAG_WINDOW_S:
            self._older, self._newer, self._turned_at = self._newer, math.inf, now
        behind = now - audio_s / self._pace
        self._newer = min(self._newer, behind)
        self._lag_s = behind - min(self._older, self._newer)
        self._worst_s = max(self._worst_s, self._lag_s)

    def pop_worst(self) -> float | None:
        """Return the worst lag in seconds since the last call; None where nothing can lag."""
        worst_s, self._worst_s = self._worst_s, 0.0
        return None if math.isinf(self._pace) else worst_s


@dataclass(frozen=True)
class Step:
    """The decision after one chunk of the model, and what arrived of that chunk in ``seconds`` of audio."""

    state: LiveState
    stats: ChunkStats
    seconds: float


class Session:
    """Scores one stream from its first sample to its last; how it is cut never changes a score.

    Parameters
    ----------
    model : may be shared by all sessions of a thread; the state of a stream is here.
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
        self.lag = LagMeter(pace)
        self.position = self.lost_samples = 0
        self._clock = clock
        self._resampler = Resampler(sample_rate, self.model_rate)
        self._scorer = StreamScorer(model)
        self._decider = LiveDecider(model.contract, point)
        self._meter = ChunkMeter(sample_rate, self.model_rate)
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

    def feed(self, chunk: AudioChunk, *, waited: bool = False) -> list[Step]:
        """Add the next chunk; return a step for each chunk of the model that it completes.

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
        self.lost_samples += chunk.lost_samples
        self._gathered.append(chunk)
        self._gathered_samples += len(chunk.samples)
        self._waited = self._waited or waited
        if self._gathered_samples < self._batch_samples:
            return []
        steps = self._run_gathered()
        self.lag.update(self.position_s, self._clock.monotonic(), waited=self._waited)
        self._waited = False
        return steps

    def flush(self) -> list[Step]:
        """End the stream; return its last steps."""
        steps = self._run_gathered()
        steps += [self._step(raw_score) for raw_score in self._scorer.feed(self._resampler.flush())]
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
            self._meter.add(chunk.samples, chunk.lost, broken=chunk.broken)
        samples = chunks[0].samples if len(chunks) == 1 else np.concatenate([chunk.samples for chunk in chunks])
        steps = [self._step(raw_score) for raw_score in self._scorer.feed(self._resampler.feed(samples))]
        kept = math.exp(-seconds / _FACTOR_MEMORY_S)
        self._busy_s = kept * self._busy_s + self._clock.monotonic() - begun_at
        self._audio_s = kept * self._audio_s + seconds
        return steps

    def _step(self, raw_score: RawScore) -> Step:
        stats = self._meter.measure(raw_score.end)
        # What stands on both sides of a break was never spoken so: it counts no more than what was lost.
        lost_share = 1.0 if stats.broken else stats.lost_share
        state = self._decider.add(raw_score, all_zero=stats.all_zero and not stats.broken, lost_share=lost_share)
        return Step(state, stats, (raw_score.end - raw_score.start) / self.model_rate)
