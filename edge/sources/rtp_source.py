"""RTP over UDP as a source: the socket and the clock, the receiver of all streams, and one stream."""

from __future__ import annotations

import select
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from edge.audio import g711
from edge.errors import UnsupportedFormatError
from edge.sources.backlog import TroubleMeter
from edge.sources.events import BadDataError, Clock, EndReason, Float, Idle, Source, SourceEvent, Track
from edge.sources.pcm import G722_RATE, G722Decoder
from edge.sources.peers import PeerList, open_socket
from edge.sources.rtp import CLOCK_RATE, G722, IGNORED, NAMES, PCMU, JitterBuffer, Packet, Released, parse_packet

MAX_STREAMS = 8
IDLE_TIMEOUT_S = 30.0
REPLACED_AFTER_S = 1.0
"""Silence of a stream, while its sender goes on as another, after which it is over."""
_MAX_CANDIDATES = 32
IDLE_S = 1.0
_WAITING_S = 0.01
"""How often to check whether the wait for a missing packet is over."""
_GATHER_S = 0.12
"""A call sends 50 datagrams a second, and waking for each costs more than scoring them: six are read at once."""
_MAX_DATAGRAM = 65535
_DATAGRAMS_A_TURN = 64
"""Then timeouts are checked, however fast a sender floods."""
_RECEIVE_BUFFER = 1 << 20
"""Bytes for the seconds in which the consumer is busy; what overflows counts as loss."""


class RtpSource(Source):
    """Listen for RTP at a UDP port. The source never ends by itself; streams in it start and end.

    Raises
    ------
    SourceOpenError
        On opening: the port is taken or the address is not of this machine.
    """

    def __init__(self, host: str, port: int, receiver: RtpReceiver, *, clock: Clock = time) -> None:
        self.name = f"rtp://{host}:{port}"
        self._address = (host, port)
        self._receiver = receiver
        self._clock = clock
        self._socket: socket.socket | None = None
        self._behind = False

    @property
    def counts(self) -> Counter[str]:
        """Packets, losses and troubles since it was opened."""
        return self._receiver.counts

    def open(self) -> None:
        """Bind the port."""
        self._socket = open_socket(self.name, *self._address, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)

    def close(self) -> None:
        """Free the port."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield events until the source is closed; then the streams that are open end."""
        audio_at = idle_at = self._clock.monotonic()
        while self._socket is not None:
            events = self._turn(self._socket)
            now = self._clock.monotonic()
            yield from events
            if events:
                audio_at = idle_at = now
            elif now - idle_at >= IDLE_S:
                idle_at = now
                yield Idle(now - audio_at)
        yield from self._receiver.flush()

    def _turn(self, opened: socket.socket) -> list[SourceEvent]:
        """Wait for datagrams, read those that came, and check the timeouts."""
        ready, _, _ = select.select([opened], [], [], _WAITING_S if self._receiver.is_waiting else IDLE_S)
        if ready and not self._behind:
            self._clock.sleep(_GATHER_S)
        self._behind = True
        events: list[SourceEvent] = []
        for _ in range(_DATAGRAMS_A_TURN):
            try:
                data, peer = opened.recvfrom(_MAX_DATAGRAM)
            except BlockingIOError:
                self._behind = False
                break
            events += self._receiver.feed(data, peer[0], peer[1], self._clock.monotonic())
        return events + self._receiver.tick(self._clock.monotonic())


Key = tuple[str, int]
"""Sender, as ``HOST:PORT``, and SSRC."""


class RtpReceiver:
    """Turn the datagrams of one port into the events of its streams; no sockets and no clock.

    A stream is a sender and its SSRC. It starts with the second packet that fits the first (RFC 3550, appendix A.1), so
    that a stray datagram opens none, and ends when nothing came for `IDLE_TIMEOUT_S`: RTP itself has no end.

    Parameters
    ----------
    allow : who may send.
    max_streams : streams at once; more are refused.
    """

    def __init__(self, *, allow: PeerList | None = None, max_streams: int = MAX_STREAMS) -> None:
        self._allow = allow or PeerList()
        self._max_streams = max_streams
        self._streams: dict[Key, RtpStream] = {}
        self._candidates: dict[Key, Packet] = {}
        self._started = 0
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
        return any(stream.buffer.is_waiting for stream in self._streams.values())

    def feed(self, data: bytes, host: str, port: int, now: float) -> list[SourceEvent]:
        """Handle a datagram from ``host``:``port`` that arrived at ``now`` seconds; it may hold anything."""
        if not self._allow.allows(host):
            return self._meter.add("refused", self._allow.refusal(host), now)
        try:
            packet = parse_packet(data)
        except BadDataError as error:
            return self._meter.add("bad_data", f"{host}: {error}", now)
        if packet is None:
            return []
        key = (f"{host}:{port}", packet.ssrc)
        events: list[SourceEvent] = []
        if not packet.is_audio and packet.payload_type not in IGNORED:
            wanted = ", ".join(f"{name} ({number})" for number, name in NAMES.items())
            events += self._meter.add(
                "unsupported", f"{host} sends payload type {packet.payload_type}; set the sender to {wanted}", now
            )
        # It is fed all the same: its sequence number would look like loss.
        stream = self._streams.get(key)
        if stream is None:
            return events + self._consider(key, packet, now)
        return events + self._continue(key, stream, packet, now)

    def tick(self, now: float) -> list[SourceEvent]:
        """Release what waited until ``now``, and end the streams that are silent."""
        events: list[SourceEvent] = []
        for key, stream in list(self._streams.items()):
            events += stream.tick(now)
            silent_s = now - stream.received_at
            if silent_s >= IDLE_TIMEOUT_S:
                events += self._end(key, "timed_out", f"nothing came for {IDLE_TIMEOUT_S:g} s")
            elif silent_s >= REPLACED_AFTER_S and self._has_successor(key, stream):
                events += self._end(key, "replaced", "its sender goes on as another stream")
        return events

    def flush(self) -> list[SourceEvent]:
        """End every stream."""
        return [event for key in list(self._streams) for event in self._end(key, "finished", "")]

    def _consider(self, key: Key, packet: Packet, now: float) -> list[SourceEvent]:
        """Start a stream with the second packet of a sender; hold the first until then."""
        if not packet.is_audio:
            return []
        held = self._candidates.pop(key, None)
        if held is None or not JitterBuffer(held).fits(packet) or held.sequence == packet.sequence:
            self._candidates[key] = packet
            while len(self._candidates) > _MAX_CANDIDATES:
                del self._candidates[next(iter(self._candidates))]
            return []
        if len(self._streams) >= self._max_streams:
            return self._meter.add(
                "refused", f"{key[0]}: a stream more than the {self._max_streams} that are allowed; end one first", now
            )
        is_swapped = (held.sequence - packet.sequence & 0xFFFF) < 0x8000
        return self._start(key, (packet, held) if is_swapped else (held, packet), now)

    def _start(self, key: Key, packets: tuple[Packet, ...], now: float) -> list[SourceEvent]:
        first = packets[0]
        try:
            stream = RtpStream(f"rtp-{self._started + 1}", first, now=now)
        except UnsupportedFormatError as error:
            return self._meter.add("unsupported", f"{key[0]}: {error}", now)
        self._started += 1
        self._streams[key] = stream
        detail = f"{NAMES[first.payload_type]} from {key[0]}, SSRC {key[1]:08x}"
        start = stream.track.start(detail, call_id=stream.track.stream, peer=f"{key[0]}/{key[1]:08x}")
        events: list[SourceEvent] = [start]
        for packet in packets:
            events += stream.feed(packet, now)
        return events

    def _continue(self, key: Key, stream: RtpStream, packet: Packet, now: float) -> list[SourceEvent]:
        if packet.is_audio and rate_of(packet.payload_type) != stream.track.sample_rate:
            ended = self._end(key, "replaced", f"its sender changed to {NAMES[packet.payload_type]}")
            return ended + self._start(key, (packet,), now)
        if stream.buffer.fits(packet):
            return stream.feed(packet, now)
        if not stream.is_restart(packet):
            return self._meter.add("bad_data", f"{key[0]}: an RTP packet far out of its stream", now)
        ended = self._end(key, "replaced", "its sender started again")
        return ended + self._start(key, (packet,), now) if packet.is_audio else ended

    def _end(self, key: Key, reason: EndReason, detail: str) -> list[SourceEvent]:
        stream = self._streams.pop(key)
        events = stream.end(reason, detail)
        self._past += stream.counts
        return events

    def _has_successor(self, key: Key, stream: RtpStream) -> bool:
        return any(
            other[0] == key[0] and other != key and later.started_at > stream.received_at
            for other, later in self._streams.items()
        )


class RtpStream:
    """Turn the packets of one sender and SSRC into chunks of one `Track`; times are passed in, in seconds.

    Raises
    ------
    UnsupportedFormatError
        G.722 without a decoder installed.
    """

    def __init__(self, name: str, first: Packet, *, now: float) -> None:
        self.track = Track(name, rate_of(first.payload_type))
        self.started_at = now
        self.received_at = now
        self.buffer = JitterBuffer(first)
        self._wide = G722Decoder() if first.payload_type == G722 else None
        self._restart_at: int | None = None

    @property
    def counts(self) -> Counter[str]:
        """Totals of the jitter buffer, and ``lost_samples``."""
        return self.buffer.counts + Counter(lost_samples=self.track.lost_samples)

    def is_restart(self, packet: Packet) -> bool:
        """Whether a packet that is not accepted follows another such: two in a row are a sender that started again."""
        expected, self._restart_at = self._restart_at, packet.sequence + 1 & 0xFFFF
        return packet.sequence == expected

    def feed(self, packet: Packet, now: float) -> list[SourceEvent]:
        """Add an accepted packet; return the audio that is in turn."""
        self.received_at = now
        self._restart_at = None
        return self._decoded(self.buffer.feed(packet, now))

    def tick(self, now: float) -> list[SourceEvent]:
        """Return the audio that waited until ``now``."""
        return self._decoded(self.buffer.poll(now))

    def end(self, reason: EndReason, detail: str) -> list[SourceEvent]:
        """Return the rest of the audio and the end of the stream."""
        return [*self._decoded(self.buffer.flush()), self.track.end(reason, detail)]

    def _decoded(self, released: Iterable[Released]) -> list[SourceEvent]:
        events: list[SourceEvent] = []
        for item in released:
            if item.missing:
                events += self.track.gap(item.missing * self.track.sample_rate // CLOCK_RATE, lost=item.lost)
            if item.packet.ticks:
                samples = self._decode(item.packet)
                if len(samples):
                    events.append(self.track.audio(samples, broken=item.broken))
        return events

    def _decode(self, packet: Packet) -> Float:
        if self._wide is not None:
            return self._wide.decode(packet.payload)
        return g711.decode(packet.payload, g711.MU_LAW if packet.payload_type == PCMU else g711.A_LAW)


def rate_of(payload_type: int) -> int:
    """Sample rate in Hz that a payload decodes to."""
    return G722_RATE if payload_type == G722 else g711.SAMPLE_RATE
