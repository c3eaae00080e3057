"""What every source promises of its events."""

from __future__ import annotations

import time

import numpy as np
import pytest

from edge.sources.events import AudioChunk, Idle, StreamEnd, StreamStart


class Received:
    """Events sorted by stream; every promise about positions is checked on the way in."""

    def __init__(self, events=()):
        self.order = []
        self.starts, self.ends, self.chunks, self._lengths = {}, {}, {}, {}
        for event in events:
            self.add(event)

    def add(self, event):
        self.order.append(event)
        if isinstance(event, StreamStart):
            assert event.stream not in self.starts, "a name is used once"
            self.starts[event.stream] = event
            self.chunks[event.stream] = []
            self._lengths[event.stream] = 0
        elif isinstance(event, AudioChunk):
            assert event.stream not in self.ends, "nothing comes after the end"
            assert event.sample_rate == self.starts[event.stream].sample_rate
            assert event.samples.dtype == np.float32
            assert event.samples.ndim == 1
            assert len(event.samples) > 0
            assert event.position == self.length(event.stream), "chunks are contiguous"
            if event.lost is not None:
                assert event.lost.shape == event.samples.shape
                assert not event.samples[event.lost].any()
            self.chunks[event.stream].append(event)
            self._lengths[event.stream] += len(event.samples)
        elif isinstance(event, StreamEnd):
            assert event.stream not in self.ends
            assert event.position == self.length(event.stream)
            assert event.lost_samples == self.lost(event.stream)
            self.ends[event.stream] = event

    def length(self, stream):
        return self._lengths[stream]

    def lost(self, stream):
        return sum(chunk.lost_samples for chunk in self.chunks[stream])

    def samples(self, stream):
        return np.concatenate([np.zeros(0, np.float32), *(chunk.samples for chunk in self.chunks[stream])])

    def mask(self, stream):
        masks = [np.zeros(len(c.samples), bool) if c.lost is None else c.lost for c in self.chunks[stream]]
        return np.concatenate([np.zeros(0, bool), *masks])

    def of(self, kind):
        return [event for event in self.order if isinstance(event, kind)]


def port_of(source):
    """The port that a source was given where 0 asked for any."""
    return source._socket.getsockname()[1]


def listen(source, until, got=None, limit_s=20.0):
    """Hear a source, on from ``got``, until ``until(got)``; fail when that does not come."""
    got = got or Received()
    deadline = time.monotonic() + limit_s
    for event in source:
        got.add(event)
        if until(got):
            return got
        if time.monotonic() > deadline:
            pytest.fail(
                f"not within {limit_s} s; got {[type(e).__name__ for e in got.order if not isinstance(e, Idle)]}"
            )
    if not until(got):
        pytest.fail(f"the source stopped before; got {got.order}")
    return got
