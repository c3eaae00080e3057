"""RTP packets (RFC 3550, section 5.1) with the static telephone payloads (RFC 3551, table 4), and their order.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
|V=2|P|X|  CC   |M|     PT      |       sequence number         |
|                           timestamp                           |
|                             SSRC                              |
|               CSRC × CC, then an extension if X               |

`JitterBuffer` puts packets back in order and counts what is missing between them. Nothing is played here, so nothing is
delayed unless a packet is missing: then those after it wait about 60 ms for it.

    arrives   1 2 4 5 3 6 . 8 9 10 11
    released  1 2 · · 345 6 · · ·  8 (160 ticks missing, lost) 9 10 …
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass

from edge.sources.events import BadDataError

PCMU, PCMA, G722 = 0, 8, 9
NAMES = {PCMU: "PCMU", PCMA: "PCMA", G722: "G.722"}
CLOCK_RATE = 8000
"""Ticks of the timestamp a second. G.722 samples at 16 kHz, but RFC 3551 section 4.5.2 keeps 8000 for an old mistake's
sake; so one byte of any of the three payloads lasts one tick."""
IGNORED = frozenset({13, 19, 101})
"""Comfort noise (RFC 3389, and its older number) and what is usually telephone-event (RFC 4733): no voice in them.
They still use a sequence number, so that dropping them here would look like loss."""
RTCP = range(72, 77)
"""What the type of a control packet looks like where it shares the port (RFC 5761, section 4)."""
DEPTH_S = 0.06
"""Longest wait for a missing packet."""
MAX_DROPOUT = 3000
"""Largest forward jump that counts as loss (RFC 3550, appendix A.1)."""
MAX_MISORDER = 100
"""Largest backward jump that counts as reordering (RFC 3550, appendix A.1)."""
MAX_HELD = 64
"""Packets that wait; those without audio have no length, so that the depth alone would not bound them."""
MAX_LEAD_S = 5.0
"""How far filled-in silence may run ahead of the clock: a burst after a stall of the network does, but a forged
timestamp must not buy hours of it."""
_LATE_MEMORY = 512
"""How many given-up numbers are remembered, to count a late packet apart from a duplicate."""
_FIXED = struct.Struct(">BBHII")


@dataclass(frozen=True)
class Packet:
    """One packet of a stream.

    Attributes
    ----------
    sequence : 0 to 65535, wraps around.
    timestamp : ticks of `CLOCK_RATE`, 0 to 2**32 - 1, wraps around.
    ssrc : the stream's random name.
    payload : the encoded audio, without padding.
    """

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @property
    def is_audio(self) -> bool:
        """Whether the payload is of a kind that is decoded here."""
        return self.payload_type in NAMES

    @property
    def ticks(self) -> int:
        """How long its audio lasts."""
        return len(self.payload) if self.is_audio else 0


def parse_packet(data: bytes) -> Packet | None:
    """Read a datagram; None for a control packet (RTCP), which is no error.

    Raises
    ------
    BadDataError
        Too short, another version, or lengths inside that go beyond the datagram.
    """
    if len(data) < _FIXED.size:
        raise BadDataError(f"a datagram of {len(data)} bytes; an RTP packet has at least {_FIXED.size}")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first >> 6 != 2:
        raise BadDataError(f"a datagram of RTP version {first >> 6}; expected 2; is something else sent to this port?")
    if second & 0x7F in RTCP:
        return None
    begin = _FIXED.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < begin + 4:
            raise BadDataError("an RTP packet that ends inside its header extension")
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
    end = len(data)
    if first & 0x20:
        # The last byte counts the padding, itself included: zero of it is as wrong as more than there is.
        if not 1 <= data[-1] <= end - begin:
            raise BadDataError(f"an RTP packet whose padding of {data[-1]} bytes does not fit in it")
        end -= data[-1]
    if begin > end:
        raise BadDataError(f"an RTP packet of {len(data)} bytes whose header alone would take {begin}")
    return Packet(second & 0x7F, sequence, timestamp, ssrc, data[begin:end])


@dataclass(frozen=True)
class Released:
    """A packet in its turn.

    Attributes
    ----------
    missing : ticks between the end of what was released before and this packet, >= 0.
    lost : whether packets are missing there; if not, the sender sent nothing (silence suppression).
    broken : whether the timestamp leapt so far that how much is missing is unknown; ``missing`` is then 0.
    """

    packet: Packet
    missing: int = 0
    lost: bool = False
    broken: bool = False


class JitterBuffer:
    """Order the packets of one stream by sequence number; times are passed in, in seconds.

    ``counts`` totals ``packets``, ``duplicates``, ``late``, ``lost_packets``, ``overlaps`` and ``leaps``: timestamps
    that go back, or far ahead of the clock, although the sequence goes on; then the sequence counts.
    """

    def __init__(self, first: Packet) -> None:
        self.counts: Counter[str] = Counter()
        self._next = first.sequence
        self._tick = first.timestamp
        self._held: dict[int, tuple[Packet, float]] = {}
        self._given_up: dict[int, None] = {}
        self._lost = False
        self._released_ticks = 0
        self._started_at: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether packets wait for a missing one, so that `poll` must be called."""
        return bool(self._held)

    def fits(self, packet: Packet) -> bool:
        """Whether the sequence number can belong to the stream as it is; if not, the sender may have restarted."""
        return -MAX_MISORDER <= self._distance(packet) < MAX_DROPOUT

    def feed(self, packet: Packet, now: float) -> list[Released]:
        """Add a packet that `fits`; return what is in turn."""
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
        return now - oldest >= DEPTH_S or ticks >= DEPTH_S * CLOCK_RATE or len(self._held) >= MAX_HELD

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
        """Ticks from where the audio stands to a packet in its turn; None when its timestamp cannot be right."""
        self._started_at = arrived if self._started_at is None else self._started_at
        # By the shorter way around the circle of 2**32.
        ticks = ((packet.timestamp - self._tick + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        if ticks < 0:
            self.counts["overlaps"] += 1
            return 0
        lead_s = (self._released_ticks + ticks) / CLOCK_RATE - (arrived - self._started_at)
        if ticks and lead_s > MAX_LEAD_S:
            self.counts["leaps"] += 1
            return None
        return ticks
