"""A convolution over single bands, written as one over blocks of neighbouring bands: the same sums, in less time.

Kernels of one or two channels leave most of a processor's lanes empty: the runtimes' int8 convolutions take channels by
fours or eights. Where a filter steps by one band, ``block`` neighbouring bands can be read as channels, and the outputs
at ``block`` neighbouring places as filters of their own, each the same kernel moved on by a band. The reshapes on both
sides move nothing in memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_LANES = 8


def band_block(bands: int, channels: int, span: int, regions: int) -> int:
    """How many bands to read as channels: as many as fill the lanes, if the blocks fit and no region loses a place.

    ``span``: bands of a filter; ``regions``: of equal width, over which its outputs are averaged.
    """
    block = max(_LANES // channels, 1)
    while block > 1:
        places = (bands // block - blocks_spanned(span, block) + 1) * block
        if bands % block == 0 and places // regions == (bands - span + 1) // regions:
            return block
        block //= 2
    return 1


def blocks_spanned(span: int, block: int) -> int:
    """Blocks that hold a filter of ``span`` bands wherever in the first of them it begins."""
    return -(-(span + block - 1) // block)


def spread(kernel: Float, bias: Float, block: int) -> tuple[Float, Float]:
    """Kernel [shape=(frames, span, C, F)] and bias [shape=(F,)] of single bands as those over blocks.

    Returns
    -------
    kernel : [shape=(frames, blocks_spanned, block * C, block * F)]
    bias : [shape=(block * F,)]
    """
    frames, span, channels, filters = kernel.shape
    blocks = blocks_spanned(span, block)
    wide = np.zeros((frames, blocks * block, channels, block, filters), np.float32)
    for shift in range(block):
        wide[:, shift : shift + span, :, shift] = kernel
    return wide.reshape(frames, blocks, block * channels, block * filters), np.tile(bias, block)
