"""Open a source, hear it for a while, and keep what came apart: audio, losses, troubles, ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from edge.doctor.signal import Float, arrival_rate_hz
from edge.sources.events import AudioChunk, Clock, Source, StreamEnd, StreamStart, Trouble

PATIENCE_S = 3.0
"""How much longer than asked a source may take: sound servers and decoders start late."""


@dataclass(frozen=True)
class Take:
    """What a source gave.

    Attributes
    ----------
    name, detail : the source, and where its longest stream came from.
    samples : of the longest stream [shape=(n,), range -1 to 1], without those that were lost.
    sample_rate : Hz that the stream promised; 0 where none began.
    arrival_hz : samples a second that came; None where it was too little to tell.
    streams : how many began.
    lost_samples, sent_samples : of the longest stream; the second counts the first in.
    breaks : overruns, after each of which an unknown amount is missing.
    troubles, ends : as they were told.
    """

    name: str
    detail: str = ""
    samples: Float = field(default_factory=lambda: np.zeros(0, np.float32))
    sample_rate: int = 0
    arrival_hz: float | None = None
    streams: int = 0
    lost_samples: int = 0
    sent_samples: int = 0
    breaks: int = 0
    troubles: tuple[Trouble, ...] = ()
    ends: tuple[StreamEnd, ...] = ()


class _Stream:
    """One stream as it comes."""

    def __init__(self, start: StreamStart) -> None:
        self.start = start
        self.pieces: list[Float] = []
        self.times_s: list[float] = []
        self.ends: list[int] = []
        self.lost = self.breaks = 0

    def add(self, chunk: AudioChunk, now: float) -> None:
        self.times_s.append(now)
        self.ends.append(chunk.end)
        self.lost += chunk.lost_samples
        self.breaks += chunk.broken
        self.pieces.append(chunk.samples if chunk.lost is None else chunk.samples[~chunk.lost])

    @property
    def length(self) -> int:
        return self.ends[-1] if self.ends else 0


def hear(source: Source, seconds: float, *, clock: Clock = time, patience_s: float = PATIENCE_S) -> Take:
    """Hear a source until ``seconds`` of audio have come, it has ended, or they have long passed.

    Raises
    ------
    EdgeError
        The source cannot be opened.
    """
    streams: dict[str, _Stream] = {}
    troubles: list[Trouble] = []
    ends: list[StreamEnd] = []
    with source:
        begun_at = clock.monotonic()
        for event in source:
            now = clock.monotonic()
            if isinstance(event, StreamStart):
                streams[event.stream] = _Stream(event)
            elif isinstance(event, AudioChunk):
                streams[event.stream].add(event, now)
                if event.end >= seconds * event.sample_rate:
                    break
            elif isinstance(event, Trouble):
                troubles.append(event)
            elif isinstance(event, StreamEnd):
                ends.append(event)
            if now - begun_at >= seconds + patience_s:
                break
    return _take(source.name, streams, troubles, ends)


def _take(name: str, streams: dict[str, _Stream], troubles: list[Trouble], ends: list[StreamEnd]) -> Take:
    if not streams:
        return Take(name, troubles=tuple(troubles), ends=tuple(ends))
    best = max(streams.values(), key=lambda stream: stream.length / stream.start.sample_rate)
    return Take(
        name=name,
        detail=best.start.detail,
        samples=np.concatenate([np.zeros(0, np.float32), *best.pieces]),
        sample_rate=best.start.sample_rate,
        arrival_hz=arrival_rate_hz(best.times_s, best.ends),
        streams=len(streams),
        lost_samples=best.lost,
        sent_samples=best.length,
        breaks=best.breaks,
        troubles=tuple(troubles),
        ends=tuple(ends),
    )
