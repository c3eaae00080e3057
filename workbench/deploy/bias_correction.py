"""Taking out of an int8 network what rounding does to it on average (Nagel et al. 2019, section 4.2: bias correction).

Rounding a filter's weights moves its response to what a patch holds on average, always to the same side, and a
rectifier turns rounding that is as often up as down into responses that are too large. Single ones are small; a head
adds hundreds of them up. Calibration audio tells their mean, and no label takes part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workbench.deploy.fold import assign_convolution, convolution_weights
from workbench.models.network import Network
from workbench.models.planes import planes_of

Float = NDArray[np.float32]
Batches = Sequence[tuple[Float, Float]]
"""Features [B, T, 1, F] and speech weights [B, T]."""

_LEVELS = 127.0
"""Of int8 weights, symmetric, on either side of zero."""


def correct_patches(network: Network, batches: Batches) -> None:
    """Move the biases of the patch filters of a quantised ``network`` by the mean error of their rounded weights."""
    model, frontend = network.config.model, network.config.frontend
    if not model.patch_filters:
        return
    heard = sum(float(mask.sum()) for _, mask in batches)
    total = sum((features[:, :, 0] * mask[:, :, None]).sum(axis=(0, 1), dtype=np.float64) for features, mask in batches)
    mean = total / max(heard, 1.0)
    planes = planes_of(frontend)
    for name in model.patch_parts(frontend):
        plane = planes[name]
        bands = mean[plane.columns].reshape(plane.rows, plane.bands, plane.channels).mean(axis=0)
        layer = network.layers[f"{name}_conv"]
        kernel, bias = convolution_weights(layer)
        block = network.patch_block(name)
        blocks = bands.reshape(1, 1, -1, block * bands.shape[1])
        # In a deployed kernel frames are channels, too; what a patch holds on average is the same in all of them.
        image = np.tile(blocks, (1, len(kernel), 1, kernel.shape[2] // blocks.shape[3]))
        error = tf.nn.conv2d(image.astype(np.float32), rounded(kernel) - kernel, 1, "VALID").numpy()
        assign_convolution(layer, kernel, bias - error.mean(axis=(0, 1, 2)))


def rounded(kernel: Float) -> Float:
    """``kernel`` [shape=(…, filters)] as int8 holds it, with a step for each filter."""
    step = np.maximum(np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1))), 1e-6) / _LEVELS
    return np.asarray(np.round(kernel / step) * step, dtype=np.float32)


def correct_compression(reference: Network, network: Network, batches: Batches) -> None:
    """Move the squash of a quantised ``network`` by what int8 does, on average, to the statistics of ``batches``.

    ``reference`` is the same network, with the same weights, in float. Nothing is done without
    `ModelConfig.head_compression`.
    """
    if not network.config.model.head_compression:
        return
    moved = []
    for features, mask in batches:
        after, before = (
            each.statistics_model(features.shape[1])([features, mask])[:, -1].numpy() for each in (network, reference)
        )
        moved.append(after - before)
    scale, shift = network.layers["head_compression"].get_weights()
    network.layers["head_compression"].set_weights([scale, shift - scale * np.concatenate(moved).mean(axis=0)])
