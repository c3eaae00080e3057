"""G.711, the codec of the fixed telephone network (ITU-T G.711): 8-bit logarithmic samples, in NumPy.

The decoder is the runtime's, `edge.audio.g711`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.audio.g711 import A_LAW, MU_LAW

_MU_BIAS = 132
_MU_CLIP = 32635
"""The largest magnitude that does not overflow once the bias is added."""
_TOGGLED = 0x55
"""A-law inverts every other bit, so that silence has edges to keep a line's clock by."""


def mu_law_encode(pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Codes of 16-bit samples [shape=(n,)]; µ-law of North America and Japan."""
    wide = pcm.astype(np.int32)
    biased = np.minimum(np.abs(wide), _MU_CLIP) + _MU_BIAS
    segment = _bit_length(biased) - 8
    mantissa = (biased >> (segment + 3)) & 0x0F
    sign = np.where(wide < 0, 0x80, 0)
    return (~(sign | segment << 4 | mantissa) & 0xFF).astype(np.uint8)


def mu_law_decode(codes: NDArray[np.uint8]) -> NDArray[np.int16]:
    """16-bit samples of µ-law codes [shape=(n,)]."""
    return _to_pcm(MU_LAW[codes])


def a_law_encode(pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Codes of 16-bit samples [shape=(n,)]; A-law of the rest of the world."""
    wide = pcm.astype(np.int32)
    # Negative intervals are closed at their other end: -1 falls into the same interval as 0 does on its side.
    magnitude = np.where(wide < 0, ~wide, wide) >> 4
    segment = np.maximum(_bit_length(magnitude) - 4, 0)
    segment = np.where(magnitude < 16, 0, segment)
    mantissa = (magnitude >> np.maximum(segment - 1, 0)) & 0x0F
    sign = np.where(wide < 0, 0, 0x80)
    return ((sign | segment << 4 | mantissa) ^ _TOGGLED).astype(np.uint8)


def a_law_decode(codes: NDArray[np.uint8]) -> NDArray[np.int16]:
    """16-bit samples of A-law codes [shape=(n,)]."""
    return _to_pcm(A_LAW[codes])


def _to_pcm(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    # Exact: the tables are 16-bit levels over 32768.
    return (samples * 32768.0).astype(np.int16)


def _bit_length(values: NDArray[np.int32]) -> NDArray[np.int32]:
    # Exact: a float64 holds any int32.
    exponents: NDArray[np.int32] = np.frexp(values.astype(np.float64))[1]
    return exponents
