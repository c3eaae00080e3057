"""Streams of samples: gather them to the model's chunks, run it, and decide after each chunk.

`StreamScorer` gives raw scores and is the only code that computes them, for files and calls alike. `Stream` adds the
conversion of the sample rate and the decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.audio.reading import check_range
from edge.contract import Contract, OperatingPoint
from edge.decision import LiveDecider, LiveState, RawScore
from edge.errors import StreamEndedError, UnreadableAudioError
from edge.resampling import Resampler

Float = NDArray[np.float32]


class StepModel(Protocol):
    """What a stream needs of a model: `edge.model.Model`, or an interpreter in Java behind `android_bridge`."""

    @property
    def contract(self) -> Contract:
        """The numbers that the model and the runtime agree on."""

    def initial_states(self) -> Any:
        """The states at the start of a stream; the scorer only passes them back."""

    def step(self, samples: Float, states: Any) -> tuple[float, float, Any]:
        """Run one chunk [shape=(chunk_samples,)]; return the raw score, speech frames and the new states."""


class RateConverter(Protocol):
    """What a stream needs to change its rate: `edge.resampling.Resampler`, or another where soxr cannot be had."""

    def feed(self, samples: Float, /) -> Float:
        """Add samples [shape=(n,)]; return those of the target rate that are ready [shape=(m,)]."""

    def flush(self) -> Float:
        """End the stream; return what was still held."""


MakeConverter = Callable[[int, int], RateConverter]
"""Makes a converter from a source to a target rate, in Hz."""


class StreamScorer:
    """Feed samples in pieces of any length; get a raw score for each full chunk.

    The pieces are gathered to the model's own chunks, so how a stream is cut never changes a score.
    """

    def __init__(self, model: StepModel) -> None:
        self.model = model
        self._pending = np.zeros(model.contract.chunk_samples, np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the stream and start another."""
        self._states = self.model.initial_states()
        self._filled = 0
        self._position = 0

    def feed(self, samples: Float) -> Iterator[RawScore]:
        """Add samples [shape=(n,), at the model's rate, range -1 to 1]; yield the raw score of each completed chunk.

        The iterator must be exhausted before the next call.
        """
        chunk, offset = self.model.contract.chunk_samples, 0
        while offset < len(samples):
            added = min(chunk - self._filled, len(samples) - offset)
            self._pending[self._filled : self._filled + added] = samples[offset : offset + added]
            self._filled += added
            offset += added
            if self._filled == chunk:
                yield self._run(chunk)

    def flush(self) -> Iterator[RawScore]:
        """End the stream: pad the last chunk with silence, which is not scored, and yield its raw score."""
        if self._filled:
            length = self._filled
            self._pending[length:] = 0.0
            yield self._run(length)

    def close(self) -> None:
        """Drop the states; the model stays loaded for others."""
        self._states = {}

    def _run(self, length: int) -> RawScore:
        value, speech_frames, self._states = self.model.step(self._pending, self._states)
        start, self._position = self._position, self._position + length
        self._filled = 0
        return RawScore(start, self._position, value, speech_frames)


class Stream:
    """A live stream: feed samples in pieces of any length, get the state after each chunk of the model.

    Streams of one model may be fed in turns, each in the thread of the model.

    Parameters
    ----------
    model : computes the raw scores.
    sample_rate : of the samples, in Hz.
    point : how alarms are decided, one of the operating points of the model's contract.
    make_converter : makes the converter from ``sample_rate`` to the model's rate.

    Raises
    ------
    UnsupportedFormatError
        The rates differ and soxr is not installed.

    Examples
    --------
    >>> import edge, numpy as np
    >>> with edge.load_model().stream(sample_rate=8000) as stream:
    ...     states = stream.feed(np.zeros(24000, np.float32)) + stream.flush()
    >>> states[-1].verdict
    'silenced'
    """

    def __init__(
        self, model: StepModel, sample_rate: int, point: OperatingPoint, *, make_converter: MakeConverter = Resampler
    ) -> None:
        self.sample_rate, self.point = sample_rate, point
        self._model, self._make_converter = model, make_converter
        self._scorer = StreamScorer(model)
        self._start()

    def feed(self, samples: Float) -> list[LiveState]:
        """Add samples [shape=(n,), float, range -1 to 1]; return the state after each chunk that they complete.

        Raises
        ------
        UnreadableAudioError
            No one-dimensional array of finite floats.
        StreamEndedError
            The stream was flushed or closed.
        """
        self._check_open()
        return self._add(self._converter.feed(check_samples(samples)))

    def flush(self) -> list[LiveState]:
        """End the stream; return the states after the chunks that were still open.

        Raises
        ------
        StreamEndedError
            The stream was flushed or closed before.
        """
        self._check_open()
        self._ended = True
        return [*self._add(self._converter.flush()), *(self._decide(raw_score) for raw_score in self._scorer.flush())]

    def reset(self) -> None:
        """Forget the stream and start another, with the same rate and operating point."""
        self._scorer.reset()
        self._start()

    def close(self) -> None:
        """Free the states of the stream; the model stays loaded."""
        self._ended = True
        self._scorer.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        contract = self._model.contract
        self._converter = self._make_converter(self.sample_rate, contract.frontend.sample_rate)
        self._decider = LiveDecider(contract, self.point)
        self._filled = 0
        self._all_zero = True
        self._ended = False

    def _add(self, samples: Float) -> list[LiveState]:
        states, offset = [], 0
        # Cut at the model's chunks, so that each is known to be all zero or not.
        while offset < len(samples):
            piece = samples[offset : offset + self._model.contract.chunk_samples - self._filled]
            offset += len(piece)
            self._filled = (self._filled + len(piece)) % self._model.contract.chunk_samples
            self._all_zero = self._all_zero and not piece.any()
            states += [self._decide(raw_score) for raw_score in self._scorer.feed(piece)]
        return states

    def _decide(self, raw_score: RawScore) -> LiveState:
        all_zero, self._all_zero = self._all_zero, True
        return self._decider.add(raw_score, all_zero=all_zero)

    def _check_open(self) -> None:
        if self._ended:
            raise StreamEndedError("the stream was flushed or closed; call reset() to start another with it")


def check_samples(samples: Any) -> Float:
    """Samples [shape=(n,)] as float32.

    Raises
    ------
    UnreadableAudioError
        No one-dimensional array of finite floats in the range of audio.
    """
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise UnreadableAudioError(
            f"expected samples of one channel, a one-dimensional array of floats from -1 to 1; got shape "
            f"{samples.shape} of {samples.dtype}; select a channel, and divide integers by their full scale"
        )
    check_range(samples)
    return np.asarray(samples, np.float32)
