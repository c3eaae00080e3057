"""PCM from a pipe: standard input, and what a command's run shares with it."""

from __future__ import annotations

import os
import select
import time
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from edge.sources.errors import BadDataError, SourceOpenError
from edge.sources.events import Clock, Idle, SourceEvent
from edge.sources.pcm import PcmDecoder, PcmFormat
from edge.sources.track import Track

IDLE_S = 1.0
READ_BYTES = 16384
"""Half a second at 16 kHz: a pipe that is full holds four times as much."""


class PcmStream:
    """Bytes of one stream in, events out; no files and no clock."""

    def __init__(self, name: str, pcm: PcmFormat) -> None:
        self.track = Track(name, pcm.sample_rate)
        self._decoder = PcmDecoder(pcm)

    def feed(self, data: bytes) -> list[SourceEvent]:
        """Take bytes; return the audio in them.

        Raises
        ------
        BadDataError
            They are not the PCM that was promised.
        """
        samples = self._decoder.feed(data)
        return [self.track.audio(samples)] if len(samples) else []

    def finish(self) -> list[SourceEvent]:
        """End the stream; return the audio that was held.

        Raises
        ------
        BadDataError
            It ended inside a sample, or before the first one.
        """
        samples = self._decoder.finish()
        if len(samples):
            return [self.track.audio(samples)]
        if not self.track.position:
            raise BadDataError("it ended without any audio; run what should give it by itself to see why")
        return []


class StandardInput:
    """Headerless PCM on a file descriptor, standard input unless another is given; the sender waits when we do.

    Raises
    ------
    SourceOpenError
        On entering: it is a terminal, or closed.
    """

    name = "-"

    def __init__(self, pcm: PcmFormat | None = None, *, descriptor: int = 0, clock: Clock = time) -> None:
        self.counts: Counter[str] = Counter()
        self._pcm = pcm or PcmFormat()
        self._descriptor = descriptor
        self._clock = clock

    def __enter__(self) -> Self:
        """Check that something can come."""
        try:
            os.fstat(self._descriptor)
        except OSError as error:
            raise SourceOpenError("standard input is closed; pipe PCM into this command") from error
        if os.isatty(self._descriptor):
            raise SourceOpenError(
                "standard input is a terminal; pipe PCM into this command, "
                "for example: parec --raw --format=s16le --rate=16000 --channels=1 | edge listen --source -"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the descriptor open: it belongs to whoever passed it."""

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield the stream; its end is the end of the input."""
        stream = PcmStream("stdin", self._pcm)
        yield stream.track.start("standard input")
        heard_at = self._clock.monotonic()
        try:
            while True:
                if not wait_readable([self._descriptor], IDLE_S):
                    yield Idle(self._clock.monotonic() - heard_at)
                    continue
                data = os.read(self._descriptor, READ_BYTES)
                if not data:
                    break
                heard_at = self._clock.monotonic()
                yield from stream.feed(data)
            yield from stream.finish()
        except BadDataError as error:
            yield stream.track.end("bad_data", f"standard input: {error}")
            return
        except OSError as error:
            yield stream.track.end("gone", f"standard input cannot be read ({error.strerror})")
            return
        yield stream.track.end("finished")


def wait_readable(descriptors: list[int], timeout_s: float) -> list[int]:
    """Return those of the descriptors that can be read without waiting, after at most ``timeout_s`` seconds."""
    # Not selectors.DefaultSelector: epoll refuses a file, which standard input may be.
    return select.select(descriptors, [], [], timeout_s)[0]
