"""G.711, the codec of the fixed telephone network: each byte is one sample of 8 kHz, looked up in a table.

Source: ITU-T Recommendation G.711, tables 1a (A-law) and 2a (µ-law). Python's own ``audioop`` left with version 3.13.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

SAMPLE_RATE = 8000


def _mu_law_table() -> Float:
    plain = ~np.arange(256) & 0xFF
    # The bias of 33 (132 at 16 bits) is what makes every segment begin at a power of two.
    magnitude = (((plain & 0x0F) << 3) + 132 << (plain >> 4 & 7)) - 132
    return _frozen(np.where(plain & 0x80, -magnitude, magnitude))


def _a_law_table() -> Float:
    # Every other bit is inverted on the line, so that silence has edges to keep a clock by.
    plain = np.arange(256) ^ 0x55
    segment, step = plain >> 4 & 7, (plain & 0x0F) << 4
    magnitude = np.where(segment == 0, step + 8, step + 264 << np.maximum(segment - 1, 0))
    return _frozen(np.where(plain & 0x80, magnitude, -magnitude))


def _frozen(levels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Float:
    table = (levels / 32768.0).astype(np.float32)
    table.setflags(write=False)
    return table


MU_LAW = _mu_law_table()
"""Samples of the 256 µ-law codes [shape=(256,), range -1 to 1]: North America and Japan."""
A_LAW = _a_law_table()
"""Samples of the 256 A-law codes [shape=(256,), range -1 to 1]: the rest of the world."""


def decode(data: bytes, table: Float) -> Float:
    """Samples [shape=(len(data),), range -1 to 1] of codes; ``table`` is `MU_LAW` or `A_LAW`."""
    return table[np.frombuffer(data, np.uint8)]
