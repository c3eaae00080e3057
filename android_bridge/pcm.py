"""PCM16 from the app: bytes in, float32 out; what does not fit is refused before it is heard."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from android_bridge.errors import PcmError

Float = NDArray[np.float32]

SAMPLE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Hz, what `AudioRecord`, VoIP libraries and recordings have."""
MAX_PIECE_S = 60.0
"""More at once is a recording, or a mistake about the unit."""


def check_rate(sample_rate: Any) -> int:
    """The rate, if it is one.

    Raises
    ------
    PcmError
        No whole number, or none of `SAMPLE_RATES`.
    """
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, int) or sample_rate not in SAMPLE_RATES:
        raise PcmError(
            f"sample rate {sample_rate!r}: expected one of {', '.join(map(str, SAMPLE_RATES))} Hz; "
            "pass the rate that the audio was recorded at"
        )
    return sample_rate


def decode_pcm16(data: Any, sample_rate: int) -> Float:
    """Samples [shape=(n,), range -1 to 1] of PCM16, little-endian, mono.

    Raises
    ------
    PcmError
        No bytes, half a sample, or more than `MAX_PIECE_S` seconds.
    """
    raw = as_bytes(data)
    if len(raw) % 2:
        raise PcmError(
            f"{len(raw)} bytes: expected an even number, two for each sample of PCM16 mono; "
            "pass only as many bytes as AudioRecord.read returned, and keep an odd one for the next piece"
        )
    if len(raw) > 2 * sample_rate * MAX_PIECE_S:
        raise PcmError(
            f"{len(raw)} bytes are {len(raw) / 2 / sample_rate:.0f} s at {sample_rate} Hz: expected at most "
            f"{MAX_PIECE_S:g} s at once; push pieces of 20 to 100 ms, and recordings block by block"
        )
    return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768.0)


def as_bytes(data: Any) -> bytes:
    """Bytes of what a bridge passes for ``byte[]``: Python's own, a buffer, or numbers from -128 to 255.

    Raises
    ------
    PcmError
        None of these.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    # Java's bytes are signed; Chaquopy and JPype hand over their own array types.
    try:
        numbers = np.array(data)
        if numbers.ndim == 1 and not len(numbers):
            return b""
        if numbers.ndim == 1 and numbers.dtype.kind in "iu" and numbers.min() >= -128 and numbers.max() <= 255:
            return numbers.astype(np.uint8).tobytes()
    except (TypeError, ValueError):
        pass
    raise PcmError(f"expected the bytes of PCM16 mono, got {type(data).__name__}; pass a byte[]")
