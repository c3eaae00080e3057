"""Put packets back in order, and say how much is missing between them. Nothing is played here, so nothing is delayed
unless a packet is missing: then those after it wait about 60 ms for it.

    arrives   1 2 4 5 3 6 . 8 9 10 11
    released  1 2 · · 345 6 · · ·  8 (160 ticks missing, lost) 9 10 …
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from edge.sources.rtp import CLOCK_RATE, Packet

DEPTH_S = 0.06
MAX_DROPOUT = 3000
"""Forward jump that is still loss (RFC 3550, appendix A.1)."""
MAX_MISORDER = 100
"""Backward jump that is still reordering (RFC 3550, appendix A.1)."""
MAX_HELD = 64
"""Packets that wait; those without audio have no length, so that the depth alone would not bound them."""
MAX_LEAD_S = 5.0
"""How far filled-in silence may run ahead of the clock: a burst after a stall of the network does, but a forged
timestamp must not buy hours of it."""
_LATE_MEMORY = 512
"""How many given-up numbers are remembered, to tell a late packet from a duplicate in the counts."""


@dataclass(frozen=True)
class Released:
    """A packet in its turn.

    Attributes
    ----------
    missing : ticks between the end of what was released before and this packet, >= 0.
    lost : whether packets are missing there; if not, the sender sent nothing (silence suppression).
    broken : whether the timestamp leapt so far that nobody knows how much is missing; ``missing`` is then 0.
    """

    packet: Packet
    missing: int = 0
    lost: bool = False
    broken: bool = False


class JitterBuffer:
    """Order the packets of one stream by sequence number; times are passed in, in seconds.

    ``counts`` totals ``packets``, ``duplicates``, ``late``, ``lost_packets``, ``overlaps`` and ``leaps``: timestamps
    that go back, or far ahead of the clock, although the sequence goes on; then the sequence is believed.
    """

    def __init__(self, first: Packet, *, depth_s: float = DEPTH_S) -> None:
        self.counts: Counter[str] = Counter()
        self._depth_s = depth_s
        self._next = first.sequence
        self._tick = first.timestamp
        self._held: dict[int, tuple[Packet, float]] = {}
        self._given_up: dict[int, None] = {}
        self._lost = False
        self._released_ticks = 0
        self._begun_at: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether packets wait for a missing one, so that `poll` has to be called."""
        return bool(self._held)

    def fits(self, packet: Packet) -> bool:
        """Whether the sequence number can belong to the stream as it is; if not, the sender may have restarted."""
        return -MAX_MISORDER <= self._distance(packet) < MAX_DROPOUT

    def push(self, packet: Packet, now: float) -> list[Released]:
        """Take a packet that `fits`; return what is in turn."""
        distance = self._distance(packet)
        key = self._next + distance
        if distance < 0 and key in self._given_up:
            del self._given_up[key]
            self.counts["late"] += 1
        elif distance < 0 or key in self._held:
            self.counts["duplicates"] += 1
        else:
            self.counts["packets"] += 1
            self._held[key] = (packet, now)
        return self.poll(now)

    def poll(self, now: float) -> list[Released]:
        """Return what is in turn, or has waited long enough for what is missing."""
        released = []
        while self._held:
            if self._next not in self._held:
                if not self._waited(now):
                    break
                self._give_up()
            released.append(self._release())
        return released

    def flush(self) -> list[Released]:
        """End the stream: return what still waits."""
        return self.poll(float("inf"))

    def _distance(self, packet: Packet) -> int:
        """Steps from the number in turn, by the shorter way around the circle of 65536."""
        return ((packet.sequence - self._next + 0x8000) & 0xFFFF) - 0x8000

    def _waited(self, now: float) -> bool:
        ticks = sum(packet.ticks for packet, _ in self._held.values())
        oldest = min(arrived for _, arrived in self._held.values())
        return now - oldest >= self._depth_s or ticks >= self._depth_s * CLOCK_RATE or len(self._held) >= MAX_HELD

    def _give_up(self) -> None:
        found = min(self._held)
        self.counts["lost_packets"] += found - self._next
        for key in range(max(self._next, found - MAX_MISORDER), found):
            self._given_up[key] = None
        while len(self._given_up) > _LATE_MEMORY:
            del self._given_up[next(iter(self._given_up))]
        self._next = found
        self._lost = True

    def _release(self) -> Released:
        packet, arrived = self._held.pop(self._next)
        self._next += 1
        if not packet.is_audio:
            # An event's timestamp is that of its beginning, repeated: it says nothing about where the audio stands.
            return Released(packet)
        missing = self._missing(packet, arrived)
        lost, self._lost = self._lost, False
        self._tick = packet.timestamp + packet.ticks & 0xFFFFFFFF
        self._released_ticks += (missing or 0) + packet.ticks
        return Released(packet, missing or 0, lost and bool(missing), broken=missing is None)

    def _missing(self, packet: Packet, arrived: float) -> int | None:
        """Ticks from where the audio stands to a packet in its turn; None when its timestamp cannot be believed."""
        self._begun_at = arrived if self._begun_at is None else self._begun_at
        # By the shorter way around the circle of 2**32.
        ticks = ((packet.timestamp - self._tick + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        if ticks < 0:
            self.counts["overlaps"] += 1
            return 0
        lead_s = (self._released_ticks + ticks) / CLOCK_RATE - (arrived - self._begun_at)
        if ticks and lead_s > MAX_LEAD_S:
            self.counts["leaps"] += 1
            return None
        return ticks
