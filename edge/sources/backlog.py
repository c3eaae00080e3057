"""A queue between a thread that must not wait and a slow consumer, and a meter that bounds repeated reports."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter, deque
from collections.abc import Iterator
from itertools import chain

from edge.sources.events import AudioChunk, SourceEvent, StreamEnd, Trouble, TroubleKind, fill

MAX_S = 5.0
"""Older audio is no longer live: an alarm about it would come too late."""
REPEAT_S, LONGEST_REPEAT_S = 10.0, 640.0
"""A lasting trouble is reported again after this long, then after twice as long, and so on: it may last all night. A
machine that is always too slow drops a little with almost every chunk, and reports the sum."""


class _Queue:
    """Events of one stream that wait, and the position that the consumer has reached."""

    def __init__(self) -> None:
        self.events: deque[SourceEvent] = deque()
        self.waiting = 0
        self.reached = 0
        self.sample_rate = 0
        self.dropped = 0
        self.unreported = 0
        self.report_from = 0


class Backlog:
    """A queue of events a stream; `put` never waits.

    A stream that holds more than ``max_s`` seconds loses its oldest chunks. `get` fills what was dropped with chunks of
    lost samples, so that positions stay contiguous, and reports it with a `Trouble`, at most once in `REPEAT_S` seconds
    of the stream. Streams take turns: a busy one cannot hold up another. Both methods may be called from different
    threads.
    """

    def __init__(self, max_s: float) -> None:
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
        """Drop the oldest chunk, never the only one; there is at most a `StreamStart` before it."""
        chunks = (index for index, event in enumerate(queue.events) if isinstance(event, AudioChunk))
        oldest = next(chunks)
        if next(chunks, None) is None:
            return False
        chunk = queue.events[oldest]
        assert isinstance(chunk, AudioChunk)
        del queue.events[oldest]
        queue.waiting -= len(chunk.samples)
        # Those that were lost before are already counted.
        new = len(chunk.samples) - chunk.lost_samples
        queue.dropped += new
        self.dropped_samples += new
        return True

    def _account(self, queue: _Queue, event: SourceEvent) -> Iterator[SourceEvent]:
        """Yield the gap and the report of what was dropped before an event, then the event."""
        events: list[SourceEvent] = []
        gap: Iterator[AudioChunk] = iter(())
        if isinstance(event, (AudioChunk, StreamEnd)):
            missing = event.position - queue.reached
            if missing > 0:
                queue.unreported += missing
                gap = fill(event.stream, queue.sample_rate, queue.reached, missing, lost=True)
            if queue.unreported and (isinstance(event, StreamEnd) or event.position >= queue.report_from):
                events.append(self._dropped(queue, event.stream))
                queue.report_from = event.position + round(REPEAT_S * queue.sample_rate)
            queue.reached = event.position
        if isinstance(event, AudioChunk):
            queue.waiting -= len(event.samples)
            queue.reached = event.end
        if isinstance(event, StreamEnd):
            event = dataclasses.replace(event, lost_samples=event.lost_samples + queue.dropped)
        return chain(events, gap, [event])

    def _dropped(self, queue: _Queue, stream: str) -> Trouble:
        seconds, queue.unreported = queue.unreported / queue.sample_rate, 0
        return Trouble(
            "dropped",
            f"{seconds:.1f} s of audio were given up, since more than {self._max_s:g} s waited; "
            "this machine is too busy to listen to all of it",
            stream=stream,
        )


class TroubleMeter:
    """Give at most one report a kind in `REPEAT_S` seconds; what happens between is counted and comes with the next."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._reported_at: dict[TroubleKind, float] = {}
        self._pause_s: dict[TroubleKind, float] = {}
        self._pending: Counter[TroubleKind] = Counter()

    def add(self, kind: TroubleKind, detail: str, now: float, *, stream: str | None = None) -> list[SourceEvent]:
        """Count one; return the `Trouble` that is due, if one is (``now`` in seconds)."""
        self.counts[kind] += 1
        self._pending[kind] += 1
        reported_at, pause_s = self._reported_at.get(kind), self._pause_s.get(kind, REPEAT_S)
        if reported_at is not None and now - reported_at < pause_s:
            return []
        lasts = reported_at is not None and now - reported_at < 2.0 * pause_s
        self._pause_s[kind] = min(2.0 * pause_s, LONGEST_REPEAT_S) if lasts else REPEAT_S
        self._reported_at[kind] = now
        return [Trouble(kind, detail, self._pending.pop(kind), stream)]
