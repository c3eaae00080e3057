"""Between a thread that must not wait and a consumer that may: drop the oldest audio, and count it."""

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from collections.abc import Iterator

from edge.sources.events import AudioChunk, SourceEvent, StreamEnd, Trouble
from edge.sources.track import fill

MAX_S = 5.0
"""Older audio is no longer live: an alarm about it would come too late."""
REPEAT_S = 10.0
"""A machine that is always too slow drops a little with almost every chunk; it is told as a sum, now and then."""


class _Queue:
    """What waits of one stream, and how far the consumer has heard it."""

    def __init__(self) -> None:
        self.events: deque[SourceEvent] = deque()
        self.waiting = 0
        self.heard = 0
        self.sample_rate = 0
        self.dropped = 0
        self.untold = 0
        self.tell_from = 0


class Backlog:
    """A queue of events a stream; `put` never waits.

    A stream that holds more than ``max_s`` seconds loses its oldest chunks. `get` fills what was dropped with chunks of
    lost samples, so that positions stay contiguous, and says so with a `Trouble`, at most one in `REPEAT_S` seconds of
    the stream. Streams take turns: a busy one cannot hold up another. Both methods may be called from
    different threads.
    """

    def __init__(self, max_s: float = MAX_S) -> None:
        self._max_s = max_s
        self._queues: dict[str | None, _Queue] = {}
        self._changed = threading.Condition()
        self._filled: Iterator[SourceEvent] = iter(())
        self.dropped_samples = 0

    @property
    def streams(self) -> int:
        """Streams that hold something, or have not ended."""
        with self._changed:
            return len(self._queues) - (None in self._queues)

    def put(self, event: SourceEvent) -> None:
        """Add an event; events of one stream keep their order."""
        with self._changed:
            stream = getattr(event, "stream", None)
            queue = self._queues.setdefault(None if isinstance(event, Trouble) else stream, _Queue())
            queue.events.append(event)
            if isinstance(event, AudioChunk):
                queue.sample_rate = event.sample_rate
                queue.waiting += len(event.samples)
                while queue.waiting > self._max_s * event.sample_rate and self._drop_oldest(queue):
                    pass
            self._changed.notify()

    def get(self, timeout_s: float) -> SourceEvent | None:
        """Return the next event, or None when there is none within ``timeout_s`` seconds."""
        event = next(self._filled, None)
        if event is not None:
            return event
        with self._changed:
            if not self._changed.wait_for(self._has_events, timeout_s):
                return None
            name, queue = next((name, queue) for name, queue in self._queues.items() if queue.events)
            event = queue.events.popleft()
            # To the end of the line.
            del self._queues[name]
            is_over = isinstance(event, StreamEnd) or (name is None and not queue.events)
            if not is_over:
                self._queues[name] = queue
            self._filled = self._account(queue, event)
        return next(self._filled)

    def _has_events(self) -> bool:
        return any(queue.events for queue in self._queues.values())

    def _drop_oldest(self, queue: _Queue) -> bool:
        """Give up the oldest chunk but the newest; there is at most a `StreamStart` before it."""
        chunks = (index for index, event in enumerate(queue.events) if isinstance(event, AudioChunk))
        oldest = next(chunks)
        if next(chunks, None) is None:
            return False
        chunk = queue.events[oldest]
        assert isinstance(chunk, AudioChunk)
        del queue.events[oldest]
        queue.waiting -= len(chunk.samples)
        # Those that were lost before are counted already.
        new = len(chunk.samples) - chunk.lost_samples
        queue.dropped += new
        self.dropped_samples += new
        return True

    def _account(self, queue: _Queue, event: SourceEvent) -> Iterator[SourceEvent]:
        """Put before an event what was dropped before it."""
        events: list[SourceEvent] = []
        gap: Iterator[AudioChunk] = iter(())
        if isinstance(event, (AudioChunk, StreamEnd)):
            missing = event.position - queue.heard
            if missing > 0:
                queue.untold += missing
                gap = fill(event.stream, queue.sample_rate, queue.heard, missing, lost=True)
            if queue.untold and (isinstance(event, StreamEnd) or event.position >= queue.tell_from):
                events.append(self._dropped(queue, event.stream))
                queue.tell_from = event.position + round(REPEAT_S * queue.sample_rate)
            queue.heard = event.position
        if isinstance(event, AudioChunk):
            queue.waiting -= len(event.samples)
            queue.heard = event.end
        if isinstance(event, StreamEnd):
            event = dataclasses.replace(event, lost_samples=event.lost_samples + queue.dropped)
        return _chain(events, gap, event)

    def _dropped(self, queue: _Queue, stream: str) -> Trouble:
        seconds, queue.untold = queue.untold / queue.sample_rate, 0
        return Trouble(
            "dropped",
            f"{seconds:.1f} s of audio were given up, since more than {self._max_s:g} s waited; "
            "this machine is too busy to listen to all of it",
            stream=stream,
        )


def _chain(before: list[SourceEvent], gap: Iterator[AudioChunk], event: SourceEvent) -> Iterator[SourceEvent]:
    yield from before
    yield from gap
    yield event
