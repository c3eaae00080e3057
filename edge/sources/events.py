"""Events of a source, the errors that it raises, and `Track`, which numbers the samples of a stream.

    source ──► StreamStart, AudioChunk, AudioChunk, …, StreamEnd      one stream: a call, a device, a command's run
          └──► Trouble, Idle                                         beside the streams

Three things stay apart. Silence is an `AudioChunk` of small samples. Bad data is a `StreamEnd` or a `Trouble` whose
reason says so. An end is a `StreamEnd`; the iteration itself stops only when nothing can follow. `Idle` says that the
source is open and nothing came: the consumer's turn to look at its clocks, notify a watchdog, or leave.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from edge.service.source_address import SourceError

FILL_SAMPLES = 8000
"""Longest chunk of filled-in silence, so that a long gap is not one large array."""

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]

EndReason = Literal["finished", "gone", "bad_data", "timed_out", "replaced"]
"""``finished``: the sender ended it. ``gone``: device, program or connection vanished. ``bad_data``: what came was cut
or not what was promised. ``timed_out``: nothing came for too long. ``replaced``: its sender went on as a new stream."""

TroubleKind = Literal["bad_data", "dropped", "overrun", "peer", "refused", "unsupported", "vanished"]
"""``dropped``: we were too slow and the oldest audio was given up. ``overrun``: the device's buffer overflowed.
``peer``: the other side reports an error. ``refused``: a sender that is not allowed, or one too many.
``unsupported``: an encoding that cannot be decoded here. ``vanished``: the device does not deliver any more."""


class SourceOpenError(SourceError):
    """The source cannot be opened: no such device or command, a port that is taken, a missing part."""


class BadDataError(SourceError):
    """What came is not what was promised; inside the sources only, a consumer sees a `StreamEnd` or a `Trouble`."""


@dataclass(frozen=True)
class StreamStart:
    """A stream starts; its positions count from 0.

    Attributes
    ----------
    stream : name of the stream, unique within the source's life.
    sample_rate : Hz; it never changes within a stream.
    detail : where it comes from, for people; no program reads it.
    call_id : identity of the call, where the stream is one: the UUID of AudioSocket, else the name of the stream.
    peer : ``HOST:PORT`` of the sender, where the network brings the stream; of RTP with ``/SSRC``, in hexadecimal.
    """

    stream: str
    sample_rate: int
    detail: str = ""
    call_id: str | None = None
    peer: str = ""


@dataclass(frozen=True, eq=False)
class AudioChunk:
    """Mono audio of one stream; each chunk starts where the one before it ended.

    Attributes
    ----------
    stream : the `StreamStart` that it belongs to.
    samples : float32 [shape=(n,), nominal range -1 to 1], n >= 1.
    sample_rate : Hz.
    position : samples from the start of the stream to the first sample of this chunk.
    lost : None, or True [shape=(n,)] where a zero stands for a sample that was sent and did not arrive.
        A chunk whose samples are all lost may be skipped, its position counts on.
    broken : an unknown amount of audio is missing before the first sample (a device's overrun).
    """

    stream: str
    samples: Float
    sample_rate: int
    position: int
    lost: Mask | None = None
    broken: bool = False

    @property
    def end(self) -> int:
        """Position of the sample after the last one."""
        return self.position + len(self.samples)

    @property
    def lost_samples(self) -> int:
        """Number of samples that are filled in."""
        return 0 if self.lost is None else int(np.count_nonzero(self.lost))


@dataclass(frozen=True)
class StreamEnd:
    """A stream ends; others may follow.

    Attributes
    ----------
    position : length of the stream in samples, lost ones included.
    lost_samples : how many of them were lost.
    detail : what came and what to do, for people; empty after an ordinary end.
    """

    stream: str
    reason: EndReason
    position: int
    lost_samples: int = 0
    detail: str = ""


@dataclass(frozen=True)
class Trouble:
    """Something is wrong and the source goes on; repeated ones are counted and reported now and then.

    Attributes
    ----------
    detail : what was expected, what came, what to do.
    count : how often it happened since the last report.
    stream : the stream it concerns, None for the whole source.
    """

    kind: TroubleKind
    detail: str
    count: int = 1
    stream: str | None = None


@dataclass(frozen=True)
class Idle:
    """The source is open and nothing came for ``waited_s`` seconds."""

    waited_s: float


SourceEvent = StreamStart | AudioChunk | StreamEnd | Trouble | Idle


class Source(ABC):
    """A live source: open it with ``with``, then iterate once.

    Opening raises what the user has to put right (`SourceOpenError`, `UnsupportedFormatError`, `AudioError`); after it
    everything is an event, and iterating raises nothing of its own.
    """

    name: str
    """The source as a person would call it."""

    @property
    def counts(self) -> Counter[str]:
        """Totals since it was opened, for metrics: overruns, refused, lost_packets … as the kind has them."""
        return Counter()

    @abstractmethod
    def open(self) -> None:
        """Open device, file, command or port."""

    @abstractmethod
    def close(self) -> None:
        """Free everything."""

    @abstractmethod
    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield events until nothing can follow."""

    def __enter__(self) -> Self:
        """Open the source."""
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the source."""
        self.close()


class Clock(Protocol):
    """The part of the module ``time`` that a source uses; tests pass one that does not wait."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class Track:
    """Number the samples of one stream and count the lost ones: positions never drift, whatever is lost."""

    def __init__(self, stream: str, sample_rate: int) -> None:
        self.stream = stream
        self.sample_rate = sample_rate
        self.position = 0
        self.lost_samples = 0

    def start(self, detail: str = "", *, call_id: str | None = None, peer: str = "") -> StreamStart:
        """Return the event that opens the stream."""
        return StreamStart(self.stream, self.sample_rate, detail, call_id, peer)

    def audio(self, samples: Float, *, broken: bool = False) -> AudioChunk:
        """Place samples [shape=(n,)] after all that came before."""
        chunk = AudioChunk(self.stream, samples, self.sample_rate, self.position, broken=broken)
        self.position = chunk.end
        return chunk

    def gap(self, samples: int, *, lost: bool) -> Iterator[AudioChunk]:
        """Fill ``samples`` with silence; ``lost`` unless the sender meant to send nothing."""
        for chunk in fill(self.stream, self.sample_rate, self.position, samples, lost=lost):
            self.position = chunk.end
            self.lost_samples += chunk.lost_samples
            yield chunk

    def end(self, reason: EndReason, detail: str = "") -> StreamEnd:
        """Return the event that closes the stream."""
        return StreamEnd(self.stream, reason, self.position, self.lost_samples, detail)


def fill(stream: str, sample_rate: int, position: int, samples: int, *, lost: bool) -> Iterator[AudioChunk]:
    """Silence of ``samples`` samples from ``position`` on, in chunks of at most `FILL_SAMPLES`."""
    end = position + samples
    while position < end:
        length = min(FILL_SAMPLES, end - position)
        mask = np.ones(length, np.bool_) if lost else None
        yield AudioChunk(stream, np.zeros(length, np.float32), sample_rate, position, mask)
        position += length
