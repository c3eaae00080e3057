"""A convolution over single bands and frames, written as one over blocks of both: the same sums, in less time.

Kernels of one or two channels leave most of a processor's lanes empty: the runtimes' int8 convolutions take channels by
fours or eights, and each place of a kernel costs a look-up. Where a filter steps by one band, ``block`` neighbouring
bands can be read as channels, and the outputs at ``block`` neighbouring places as filters of their own, each the same
kernel moved on by a band; all frames that a filter spans are channels, too, and the convolution goes along bands alone.
That halved its time against blocks of bands with a kernel over frames.
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


def steps_spanned(length: int, stride: int) -> int:
    """Steps of ``stride`` frames that hold a filter of ``length`` frames; it ends with the last of them."""
    return -(-length // stride)


def rows_before(length: int, stride: int) -> int:
    """Rows of the past that a filter's first place needs: all steps that it spans but the last."""
    return (steps_spanned(length, stride) - 1) * stride


def spread(kernel: Float, bias: Float, block: int, stride: int) -> tuple[Float, Float]:
    """Kernel [shape=(length, span, C, F)] and bias [shape=(F,)] of single bands and frames as those over blocks.

    Returns
    -------
    kernel : [shape=(1, blocks_spanned, frames * block * C, block * F)], with as many frames as whole steps of
        ``stride`` hold; the first of them may be zero.
    bias : [shape=(block * F,)]
    """
    length, span, channels, filters = kernel.shape
    blocks, frames = blocks_spanned(span, block), steps_spanned(length, stride) * stride
    wide = np.zeros((frames, blocks * block, channels, block, filters), np.float32)
    for shift in range(block):
        wide[frames - length :, shift : shift + span, :, shift] = kernel
    by_block = wide.reshape(frames, blocks, block * channels, block * filters).transpose(1, 0, 2, 3)
    return by_block.reshape(1, blocks, frames * block * channels, block * filters), np.tile(bias, block)
