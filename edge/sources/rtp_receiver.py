"""Datagrams in, events out: senders told apart, packets ordered, payloads decoded. No sockets and no clock."""

from __future__ import annotations

from collections import Counter

from edge.errors import UnsupportedFormatError
from edge.sources.errors import BadDataError
from edge.sources.events import EndReason, SourceEvent, TroubleKind
from edge.sources.jitter import DEPTH_S, JitterBuffer
from edge.sources.peers import PeerList
from edge.sources.rtp import IGNORED, NAMES, Packet, parse_packet
from edge.sources.rtp_stream import RtpStream, rate_of
from edge.sources.troubles import TroubleMeter

MAX_STREAMS = 8
IDLE_TIMEOUT_S = 30.0
REPLACED_AFTER_S = 1.0
"""Silence of a stream, while its sender goes on as another, after which it is over."""
_MAX_CANDIDATES = 32

Key = tuple[str, int]


class RtpReceiver:
    """All streams that arrive at one port.

    A stream is a sender and its SSRC. It begins with the second packet that fits the first (RFC 3550, appendix A.1), so
    that a stray datagram opens none, and ends when nothing came for ``idle_timeout_s``: RTP itself has no end.

    Parameters
    ----------
    allow : who may send.
    max_streams : streams at once; more are refused.
    idle_timeout_s, depth_s : seconds.
    """

    def __init__(
        self,
        *,
        allow: PeerList | None = None,
        max_streams: int = MAX_STREAMS,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        depth_s: float = DEPTH_S,
    ) -> None:
        self._allow = allow or PeerList()
        self._max_streams = max_streams
        self._idle_timeout_s = idle_timeout_s
        self._depth_s = depth_s
        self._streams: dict[Key, RtpStream] = {}
        self._candidates: dict[Key, Packet] = {}
        self._begun = 0
        self._meter = TroubleMeter()
        self._past: Counter[str] = Counter()

    @property
    def counts(self) -> Counter[str]:
        """Totals of troubles and of the jitter buffers, of streams that ended too."""
        total = self._past + self._meter.counts
        for stream in self._streams.values():
            total += stream.counts
        return total

    @property
    def is_waiting(self) -> bool:
        """Whether `tick` should be called soon, because packets wait for a missing one."""
        return any(stream.is_waiting for stream in self._streams.values())

    def receive(self, data: bytes, host: str, port: int, now: float) -> list[SourceEvent]:
        """Take a datagram from ``host``:``port``, arrived at ``now`` seconds; it may hold anything."""
        if not self._allow.allows(host):
            return self._trouble("refused", self._allow.refusal(host), now)
        try:
            packet = parse_packet(data)
        except BadDataError as error:
            return self._trouble("bad_data", f"{host}: {error}", now)
        if packet is None:
            return []
        key = (f"{host}:{port}", packet.ssrc)
        events: list[SourceEvent] = []
        if not packet.is_audio and packet.payload_type not in IGNORED:
            wanted = ", ".join(f"{name} ({number})" for number, name in NAMES.items())
            events += self._trouble(
                "unsupported", f"{host} sends payload type {packet.payload_type}; set the sender to {wanted}", now
            )
        # It goes on all the same: it takes a number in the sequence, which would look like loss.
        stream = self._streams.get(key)
        if stream is None:
            return events + self._consider(key, packet, now)
        return events + self._continue(key, stream, packet, now)

    def tick(self, now: float) -> list[SourceEvent]:
        """Let time pass: release what waited long enough, end what is silent."""
        events: list[SourceEvent] = []
        for key, stream in list(self._streams.items()):
            events += stream.tick(now)
            silent_s = now - stream.heard_at
            if silent_s >= self._idle_timeout_s:
                events += self._end(key, "timed_out", f"nothing came for {self._idle_timeout_s:g} s")
            elif silent_s >= REPLACED_AFTER_S and self._has_successor(key, stream):
                events += self._end(key, "replaced", "its sender goes on as another stream")
        return events

    def close(self) -> list[SourceEvent]:
        """End every stream."""
        return [event for key in list(self._streams) for event in self._end(key, "finished", "")]

    def _consider(self, key: Key, packet: Packet, now: float) -> list[SourceEvent]:
        """Begin a stream with the second packet of a sender; hold the first until then."""
        if not packet.is_audio:
            return []
        held = self._candidates.pop(key, None)
        if held is None or not JitterBuffer(held).fits(packet) or held.sequence == packet.sequence:
            self._candidates[key] = packet
            while len(self._candidates) > _MAX_CANDIDATES:
                del self._candidates[next(iter(self._candidates))]
            return []
        if len(self._streams) >= self._max_streams:
            return self._trouble(
                "refused", f"{key[0]}: a stream more than the {self._max_streams} that are allowed; end one first", now
            )
        is_swapped = (held.sequence - packet.sequence & 0xFFFF) < 0x8000
        return self._begin(key, (packet, held) if is_swapped else (held, packet), now)

    def _begin(self, key: Key, packets: tuple[Packet, ...], now: float) -> list[SourceEvent]:
        first = packets[0]
        try:
            stream = RtpStream(f"rtp-{self._begun + 1}", first, depth_s=self._depth_s, now=now)
        except UnsupportedFormatError as error:
            return self._trouble("unsupported", f"{key[0]}: {error}", now)
        self._begun += 1
        self._streams[key] = stream
        detail = f"{NAMES[first.payload_type]} from {key[0]}, SSRC {key[1]:08x}"
        start = stream.track.start(detail, call_id=stream.track.stream, peer=f"{key[0]}/{key[1]:08x}")
        events: list[SourceEvent] = [start]
        for packet in packets:
            events += stream.push(packet, now)
        return events

    def _continue(self, key: Key, stream: RtpStream, packet: Packet, now: float) -> list[SourceEvent]:
        if packet.is_audio and rate_of(packet.payload_type) != stream.track.sample_rate:
            ended = self._end(key, "replaced", f"its sender changed to {NAMES[packet.payload_type]}")
            return ended + self._begin(key, (packet,), now)
        if stream.accepts(packet):
            return stream.push(packet, now)
        if not stream.is_restart(packet):
            return self._trouble("bad_data", f"{key[0]}: an RTP packet far out of its stream", now)
        ended = self._end(key, "replaced", "its sender started again")
        return ended + self._begin(key, (packet,), now) if packet.is_audio else ended

    def _end(self, key: Key, reason: EndReason, detail: str) -> list[SourceEvent]:
        stream = self._streams.pop(key)
        events = stream.end(reason, detail)
        self._past += stream.counts
        return events

    def _has_successor(self, key: Key, stream: RtpStream) -> bool:
        return any(
            other[0] == key[0] and other != key and later.begun_at > stream.heard_at
            for other, later in self._streams.items()
        )

    def _trouble(self, kind: TroubleKind, detail: str, now: float) -> list[SourceEvent]:
        return list(self._meter.add(kind, detail, now))
