"""RTP packets (RFC 3550, section 5.1) with the static telephone payloads (RFC 3551, table 4): bytes in, fields out.

 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
|V=2|P|X|  CC   |M|     PT      |       sequence number         |
|                           timestamp                           |
|                             SSRC                              |
|               CSRC × CC, then an extension if X               |
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from edge.sources.errors import BadDataError

PCMU, PCMA, G722 = 0, 8, 9
NAMES = {PCMU: "PCMU", PCMA: "PCMA", G722: "G.722"}
CLOCK_RATE = 8000
"""Ticks of the timestamp a second. G.722 samples at 16 kHz, but RFC 3551 section 4.5.2 keeps 8000 for an old mistake's
sake; so one byte of any of the three payloads lasts one tick."""
IGNORED = frozenset({13, 19, 101})
"""Comfort noise (RFC 3389, and its older number) and what is usually telephone-event (RFC 4733): no voice in them. They
take a sequence number all the same, so that dropping them unseen would look like loss."""
RTCP = range(72, 77)
"""What the type of a control packet looks like where it shares the port (RFC 5761, section 4)."""
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
    marker: bool = False

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
    return Packet(second & 0x7F, sequence, timestamp, ssrc, data[begin:end], bool(second & 0x80))
