"""Positions of one stream: they never drift, whatever is lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge.sources.events import AudioChunk, EndReason, Float, StreamEnd, StreamStart

FILL_SAMPLES = 8000
"""Longest chunk of filled-in silence, so that a long gap is not one large array."""


class Track:
    """Number the samples of one stream and count the lost ones."""

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
