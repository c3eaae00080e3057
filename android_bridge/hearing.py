"""The audio of one call on its way to `edge.decision`: one rate, whole chunks, and what was withheld kept apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from android_bridge.errors import PcmError
from edge.contract import OperatingPoint
from edge.decision import LiveDecider, LiveState
from edge.stream import StepModel, StreamScorer

Float = NDArray[np.float32]


class RateConverter(Protocol):
    """`edge.resampling.Resampler`, or what stands for it on a phone."""

    def feed(self, samples: Float, /) -> Float:
        """Take samples [shape=(n,)]; return those of the target rate that are ready [shape=(m,)]."""

    def flush(self) -> Float:
        """End the stream; return what was still held."""


MakeConverter = Callable[[int, int], RateConverter]
"""Of a source and a target rate, Hz."""


class Hearing:
    """Resample, score and decide on one call.

    Parameters
    ----------
    model : computes the evidence; a stream begins with this object.
    point : how the call is decided.
    make_converter : makes the resampler, when the first piece tells the rate.
    """

    def __init__(self, model: StepModel, point: OperatingPoint, make_converter: MakeConverter) -> None:
        self._target_rate = model.contract.frontend.sample_rate
        self._chunk = model.contract.chunk_samples
        self._make_converter = make_converter
        self._converter: RateConverter | None = None
        self._scorer = StreamScorer(model)
        self._decider = LiveDecider(model.contract, point)
        self._filled = 0
        self._sounded = False
        self.sample_rate: int | None = None

    def check_rate(self, sample_rate: int) -> None:
        """Refuse a rate that the call does not have.

        Raises
        ------
        PcmError
            The rate changed.
        """
        if self.sample_rate not in (None, sample_rate):
            raise PcmError(
                f"the call began at {self.sample_rate} Hz and goes on at {sample_rate} Hz: expected one rate for a "
                "call; close it and open another when the route changes"
            )

    def push(self, samples: Float, sample_rate: int) -> Iterator[LiveState]:
        """Take samples [shape=(n,), range -1 to 1]; yield the state after every chunk that they complete."""
        self.check_rate(sample_rate)
        if self._converter is None:
            self._converter = self._make_converter(sample_rate, self._target_rate)
            self.sample_rate = sample_rate
        yield from self._hear(self._converter.feed(samples))

    def flush(self) -> Iterator[LiveState]:
        """End the audio; yield the states after the chunks that were still open."""
        if self._converter is not None:
            yield from self._hear(self._converter.flush())
        for raw_score in self._scorer.flush():
            yield self._decider.add(raw_score, all_zero=not self._sounded)

    def _hear(self, samples: Float) -> Iterator[LiveState]:
        offset = 0
        # Cut at the model's chunks, so that each knows whether any of its samples was not zero.
        while offset < len(samples):
            piece = samples[offset : offset + self._chunk - self._filled]
            offset += len(piece)
            self._filled = (self._filled + len(piece)) % self._chunk
            self._sounded = self._sounded or bool(piece.any())
            for raw_score in self._scorer.feed(piece):
                sounded, self._sounded = self._sounded, False
                yield self._decider.add(raw_score, all_zero=not sounded)
