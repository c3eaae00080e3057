"""The graph's side of `workbench.models.band_blocks`: rows of a picture, rearranged so that a filter spans channels."""

from __future__ import annotations

import tensorflow as tf


def rows_as_channels(rows: tf.Tensor, stride: int, steps: int, block: int) -> tf.Tensor:
    """Rows [B, T, M, C] to what `workbench.models.band_blocks.spread` is convolved with: all of ``steps`` as channels.

    The result [B, T / stride - steps + 1, M / block, steps * stride * block * C] holds, at each place in time, the
    ``steps * stride`` rows that follow it, each as blocks of bands.
    """
    batch = -1 if rows.shape[0] is None else rows.shape[0]
    count, blocks, channels = rows.shape[1] // stride, rows.shape[2] // block, block * rows.shape[3]
    stepwise = tf.transpose(tf.reshape(rows, [batch, count, stride, blocks, channels]), [0, 1, 3, 2, 4])
    stepwise = tf.reshape(stepwise, [batch, count, blocks, stride * channels])
    places = count - steps + 1
    return tf.concat([stepwise[:, step : step + places] for step in range(steps)], axis=-1)
