"""Audio from the app: PCM16 to float32, and sample-rate conversion in NumPy alone, for phones without soxr.

The converter is chosen by name, never fallen back to. A windowed sinc, one row of taps for each phase of the output
against the input (Crochiere and Rabiner, Multirate Digital Signal Processing, 1983, section 2.3); Kaiser's window,
Oppenheim and Schafer's equation for it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from android_bridge.errors import PcmError

Float = NDArray[np.float32]

SAMPLE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Hz, what `AudioRecord`, VoIP libraries and recordings have."""
MAX_PIECE_S = 60.0
"""More at once is a recording, or a mistake about the unit."""


def check_rate(sample_rate: Any) -> int:
    """Return the sample rate, if phones record at it.

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
    """Decode PCM16, little-endian, mono, to samples [shape=(n,), range -1 to 1].

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
    """Return the bytes of what a bridge passes for ``byte[]``: Python's own, a buffer, or numbers from -128 to 255.

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


ZERO_CROSSINGS = 64
"""Of the sinc, on each side, at the lower rate."""
ROLL_OFF = 0.955
"""Where the response has fallen to a half, as a share of the lower Nyquist frequency."""
BETA = 10.0
"""Kaiser's; the stop band begins at the lower Nyquist frequency and lies about 100 dB down."""
_BLOCK = 4096
_FEW_PHASES = 8


class PolyphaseResampler:
    """Convert a mono stream from ``source_rate`` to ``target_rate`` Hz, piece by piece.

    The same verbs as `edge.resampling.Resampler`. How the stream is cut does not change the result; zeros stay zeros;
    the delay is compensated. Equal rates pass through.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        common = math.gcd(source_rate, target_rate)
        self._up, self._down = target_rate // common, source_rate // common
        self._bank = _bank(self._up, min(1.0, self._up / self._down))
        self._half = self._bank.shape[1] // 2
        self._pending = np.zeros(self._half - 1, np.float32)
        self._first = 1 - self._half  # position in the input of the first pending sample
        self._next = 0  # position in the output of the next sample
        self._taken = 0

    def feed(self, samples: Float) -> Float:
        """Add samples [shape=(n,)]; return those of the target rate that are ready [shape=(m,)]."""
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        if self._up == self._down:
            return samples
        self._taken += len(samples)
        self._pending = np.concatenate([self._pending, samples])
        last = self._first + len(self._pending) - self._half
        return self._convert(-(-last * self._up // self._down))

    def flush(self) -> Float:
        """End the stream; return what the filter still held."""
        if self._up == self._down:
            return np.zeros(0, np.float32)
        self._pending = np.concatenate([self._pending, np.zeros(self._half, np.float32)])
        return self._convert(-(-self._taken * self._up // self._down))

    def _convert(self, stop: int) -> Float:
        """Make the output up to position ``stop``, and forget the input that no later one needs."""
        if stop <= self._next:
            return np.zeros(0, np.float32)
        blocks = [self._block(start, min(start + _BLOCK, stop)) for start in range(self._next, stop, _BLOCK)]
        self._next = stop
        kept = stop * self._down // self._up - self._half + 1
        self._pending, self._first = self._pending[kept - self._first :], kept
        return np.concatenate(blocks)

    def _block(self, start: int, stop: int) -> Float:
        windows = sliding_window_view(self._pending, 2 * self._half)
        converted = np.empty(stop - start, np.float32)
        if self._up > _FEW_PHASES:
            first, phase = self._place(np.arange(start, stop))
            return np.einsum("ij,ij->i", windows[first], self._bank[phase], out=converted)
        # Outputs of one phase lie evenly in the input: a view of it, without a copy, in a third of the time and less.
        for position in range(start, min(start + self._up, stop)):
            part = converted[position - start :: self._up]
            first, phase = self._place(position)
            last = first + (len(part) - 1) * self._down
            np.einsum("ij,j->i", windows[first : last + 1 : self._down], self._bank[phase], out=part)
        return converted

    def _place(self, position: Any) -> tuple[Any, Any]:
        """The first pending sample that an output (or several) is made of, and its phase."""
        scaled = position * self._down
        return scaled // self._up - self._half + 1 - self._first, scaled % self._up


def _bank(up: int, ratio: float) -> Float:
    """Taps [shape=(up, 2 * half)] of every phase; each row sums to 1."""
    half = math.ceil(ZERO_CROSSINGS / ratio)
    offsets = np.arange(1 - half, half + 1)[None, :] - np.arange(up)[:, None] / up
    window = np.i0(BETA * np.sqrt(np.maximum(0.0, 1.0 - (offsets / half) ** 2))) / np.i0(BETA)
    taps = np.sinc(offsets * ratio * ROLL_OFF) * window
    bank: Float = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return bank
