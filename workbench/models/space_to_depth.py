"""Space-to-depth for convolutions over single bands and frames: the same sums as one over blocks of both, in less time.

Kernels of one or two channels leave most of a processor's lanes empty: the runtimes' int8 convolutions take channels by
fours or eights, and each place of a kernel costs a look-up. Where a filter steps by one band, ``block`` neighbouring
bands can be moved into the channels, and the outputs at ``block`` neighbouring places become filters of their own, each
the same kernel moved on by a band; all frames that a filter spans are channels, too, and the convolution goes along
bands alone. That halved its time against blocks of bands with a kernel over frames. Letters: B batch, T rows, M bands,
C channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from workbench.models.blocks import Convolution, Float, View, Weights
from workbench.models.config import InputPlane, ModelConfig

_LANES = 8


class BandConvolution(Convolution):
    """Filters over frames and bands of an input plane [B, past + T, M, C]; deployed, both are moved into the channels.

    A filter ends with the last row of a step; rows of the past that no filter needs are not read. The output is
    [B, T / step, places, filters]; deployed [B, T / step, places / block, block * filters], in the same order.
    """

    def __init__(self, plane: InputPlane, filters: int, model: ModelConfig) -> None:
        strides = (model.row_step(plane), model.patch_stride[1])
        super().__init__(
            plane.name, filters, model.patch_size, strides, batch_norm=model.batch_norm, activation=model.activation
        )
        self.plane = plane
        span, regions = model.patch_size[1], model.patch_regions
        self.block = band_block(plane.bands, plane.channels, span, regions) if strides[1] == 1 else 1

    def __call__(self, hidden: Any, view: View) -> Any:
        (length, span), (along, _) = self.size, self.strides
        steps = steps_spanned(length, along)
        if self.block > 1 and view.form.folded:
            hidden = space_to_depth(hidden, along, steps, self.block)
            return self.convolve(hidden, view, self.block * self.filters, (1, blocks_spanned(span, self.block)))
        return self.convolve(hidden[:, steps * along - length :], view, self.filters, self.size, self.strides)

    def fold(self, weights: Weights) -> Weights:
        kernel, bias = super().fold(weights)[self.layer]
        if self.block > 1 and kernel.shape[-1] == self.filters:  # not spread yet
            kernel, bias = spread(kernel, bias, self.block, self.strides[0])
        return {self.layer: [kernel, bias]}

    def parameters(self, kernel: Float) -> int:
        """As `Convolution.parameters`; what the blocks repeat counts once."""
        return self.filters * (self.size[0] * self.size[1] * self.plane.channels + 1)


def band_block(bands: int, channels: int, span: int, regions: int) -> int:
    """Count the bands to move into the channels: as many as fill the lanes, if blocks fit and no region loses a place.

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
    """Count the blocks that hold a filter of ``span`` bands wherever in the first of them it starts."""
    return -(-(span + block - 1) // block)


def steps_spanned(length: int, stride: int) -> int:
    """Count the steps of ``stride`` frames that hold a filter of ``length`` frames; it ends with the last of them."""
    return -(-length // stride)


def rows_before(length: int, stride: int) -> int:
    """Count the rows of the past that a filter's first place needs: all steps that it spans but the last."""
    return (steps_spanned(length, stride) - 1) * stride


def spread(kernel: Float, bias: Float, block: int, stride: int) -> tuple[Float, Float]:
    """Turn a kernel [shape=(length, span, C, F)] and bias [shape=(F,)] of single bands and frames to those over blocks.

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


def space_to_depth(rows: tf.Tensor, stride: int, steps: int, block: int) -> tf.Tensor:
    """Move the rows [B, T, M, C] of ``steps``, and blocks of bands, into the channels, as in the kernels of `spread`.

    The result [B, T / stride - steps + 1, M / block, steps * stride * block * C] holds, at each place in time, the
    ``steps * stride`` rows that follow it, each as blocks of bands.
    """
    batch = -1 if rows.shape[0] is None else rows.shape[0]
    count, blocks, channels = rows.shape[1] // stride, rows.shape[2] // block, block * rows.shape[3]
    stepwise = tf.transpose(tf.reshape(rows, [batch, count, stride, blocks, channels]), [0, 1, 3, 2, 4])
    stepwise = tf.reshape(stepwise, [batch, count, blocks, stride * channels])
    places = count - steps + 1
    return tf.concat([stepwise[:, step : step + places] for step in range(steps)], axis=-1)
