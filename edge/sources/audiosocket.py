"""Asterisk's AudioSocket, byte by byte: a TCP stream in, messages out.

Every message is ``type: u8 | length: u16, big-endian | payload``. The first one identifies the call by a UUID.
Source: Asterisk's documentation, "AudioSocket", and its ``res_audiosocket.c``, which numbers the sample rates.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

import numpy as np

from edge.sources.events import BadDataError, Float

HANGUP, IDENTIFY, DTMF, ERROR = 0x00, 0x01, 0x03, 0xFF
SAMPLE_RATES = {
    0x10: 8000,
    0x11: 12000,
    0x12: 16000,
    0x13: 24000,
    0x14: 32000,
    0x15: 44100,
    0x16: 48000,
    0x17: 96000,
    0x18: 192000,
}
"""Type of an audio message → Hz; samples are 16-bit, little-endian, mono. (Some documents call 0x11 16 kHz: wrong.)"""
HANGUP_MESSAGE = bytes([HANGUP, 0, 0])
_HEADER = struct.Struct(">BH")
_FIXED_LENGTHS = {HANGUP: 0, IDENTIFY: 16, DTMF: 1}


@dataclass(frozen=True)
class Identify:
    """Identity of the call, chosen by the dialplan."""

    call: uuid.UUID


@dataclass(frozen=True, eq=False)
class Audio:
    """Samples [shape=(n,), range -1 to 1] at ``sample_rate`` Hz."""

    samples: Float
    sample_rate: int


@dataclass(frozen=True)
class Hangup:
    """The other side hung up."""


@dataclass(frozen=True)
class PeerError:
    """The other side reports an error, by its code where it gives one."""

    code: int | None


Message = Identify | Audio | Hangup | PeerError


class MessageReader:
    """Cut a byte stream into messages; at most one incomplete message (65,538 bytes) waits."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending_bytes(self) -> int:
        """Bytes of a message that is not complete: more than 0 at the end of the stream is a cut message."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that further bytes complete. DTMF, which may be a PIN, and unknown types are skipped.

        Raises
        ------
        BadDataError
            A payload whose length its type does not have. The stream cannot be read on after it.
        """
        self._buffer += data
        messages, begin = [], 0
        while len(self._buffer) - begin >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._buffer, begin)
            # Before waiting for the payload: with a wrong length it would never come.
            _check_length(kind, length)
            end = begin + _HEADER.size + length
            if end > len(self._buffer):
                break
            message = _parse(kind, bytes(self._buffer[begin + _HEADER.size : end]))
            begin = end
            if message is not None:
                messages.append(message)
        del self._buffer[:begin]
        return messages


def _check_length(kind: int, length: int) -> None:
    expected = _FIXED_LENGTHS.get(kind, length)
    if length != expected:
        raise BadDataError(f"an AudioSocket message 0x{kind:02x} of {length} bytes; expected {expected}")
    rate = SAMPLE_RATES.get(kind)
    if rate is not None and length % 2:
        raise BadDataError(f"an AudioSocket audio message of {length} bytes; expected whole samples of 2 bytes")
    if rate is not None and length > 2 * rate:
        raise BadDataError(
            f"an AudioSocket audio message of {length} bytes; expected at most a second "
            f"({2 * rate} bytes at {rate} Hz), usually 20 ms"
        )


def _parse(kind: int, payload: bytes) -> Message | None:
    if kind == IDENTIFY:
        return Identify(uuid.UUID(bytes=payload))
    if kind == HANGUP:
        return Hangup()
    if kind == ERROR:
        return PeerError(payload[0] if payload else None)
    rate = SAMPLE_RATES.get(kind)
    if rate is None:
        return None
    return Audio((np.frombuffer(payload, "<i2") / 32768.0).astype(np.float32), rate)
