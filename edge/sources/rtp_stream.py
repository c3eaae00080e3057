"""One RTP stream: order its packets, fill what is missing, decode the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from edge.audio import g711
from edge.sources.events import EndReason, Float, SourceEvent
from edge.sources.g722 import SAMPLE_RATE as WIDE_RATE
from edge.sources.g722 import G722Decoder
from edge.sources.jitter import JitterBuffer, Released
from edge.sources.rtp import CLOCK_RATE, G722, PCMU, Packet
from edge.sources.track import Track


def rate_of(payload_type: int) -> int:
    """Sample rate in Hz that a payload decodes to."""
    return WIDE_RATE if payload_type == G722 else g711.SAMPLE_RATE


class RtpStream:
    """Turn the packets of one sender and SSRC into chunks of one `Track`; times are passed in, in seconds.

    Raises
    ------
    UnsupportedFormatError
        G.722 without a decoder installed.
    """

    def __init__(self, name: str, first: Packet, *, depth_s: float, now: float) -> None:
        self.track = Track(name, rate_of(first.payload_type))
        self.begun_at = now
        self.heard_at = now
        self._buffer = JitterBuffer(first, depth_s=depth_s)
        self._wide = G722Decoder() if first.payload_type == G722 else None
        self._restart_at: int | None = None

    @property
    def counts(self) -> Counter[str]:
        """Totals of the jitter buffer, and ``lost_samples``."""
        return self._buffer.counts + Counter(lost_samples=self.track.lost_samples)

    @property
    def is_waiting(self) -> bool:
        """Whether packets wait for a missing one."""
        return self._buffer.is_waiting

    def accepts(self, packet: Packet) -> bool:
        """Whether its sequence number can continue this stream."""
        return self._buffer.fits(packet)

    def is_restart(self, packet: Packet) -> bool:
        """Whether a packet that is not accepted follows another such: two in a row are a sender that started again."""
        expected, self._restart_at = self._restart_at, packet.sequence + 1 & 0xFFFF
        return packet.sequence == expected

    def push(self, packet: Packet, now: float) -> list[SourceEvent]:
        """Take an accepted packet; return the audio that is in turn."""
        self.heard_at = now
        self._restart_at = None
        return self._hear(self._buffer.push(packet, now))

    def tick(self, now: float) -> list[SourceEvent]:
        """Let time pass; return the audio that waited long enough."""
        return self._hear(self._buffer.poll(now))

    def end(self, reason: EndReason, detail: str) -> list[SourceEvent]:
        """Return the rest of the audio and the end."""
        return [*self._hear(self._buffer.flush()), self.track.end(reason, detail)]

    def _hear(self, released: Iterable[Released]) -> list[SourceEvent]:
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
