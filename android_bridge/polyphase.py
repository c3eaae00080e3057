"""Sample-rate conversion in NumPy alone, for phones where soxr cannot be had. Chosen by name, never fallen back to.

A windowed sinc, one row of taps for each phase of the output against the input (Crochiere and Rabiner, Multirate
Digital Signal Processing, 1983, section 2.3). Kaiser's window, Oppenheim and Schafer's equation for it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Float = NDArray[np.float32]

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
        """Take samples [shape=(n,)]; return those of the target rate that are ready [shape=(m,)]."""
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
