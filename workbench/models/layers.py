"""Keras layers of the detector: pooling, taps, compression, and what emulates int8.

Letters: B batch, T frames, C channels.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantizers
from tensorflow_model_optimization.quantization import keras as tfmot_quantization


class RunningStatistics(tf_keras.layers.Layer):
    """Speech-weighted running mean and deviation with forgetting, read once a chunk (statistics pooling).

    Inputs: frames [B, T, 1, C], weights [B, T], sums [B, 1 + 2C] (mass, weighted sum, weighted square sum).
    Output: statistics [B, T / chunk, S * C] after each chunk, and the new sums.
    Mass decays only while speech arrives: silence neither adds to the statistics nor wears them away.
    """

    def __init__(
        self, chunk_frames: int, forgetting_frames: float | None, statistics: tuple[str, ...], **kwargs: Any
    ) -> None:
        super().__init__(trainable=False, **kwargs)
        self.chunk_frames = chunk_frames
        self.rate = 0.0 if forgetting_frames is None else 1.0 / forgetting_frames
        self.statistics = statistics

    def call(self, frames: tf.Tensor, mask: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        length, chunks = self.chunk_frames, frames.shape[1] // self.chunk_frames
        weights = tf.reshape(mask, [-1, length])
        values = tf.reshape(frames, [-1, length, frames.shape[3]])
        # Speech mass that follows each frame inside its chunk, and so has made it fade already.
        after = tf.matmul(weights, np.triu(np.ones((length, length), np.float32), 1).T)
        faded = weights * tf.exp(-self.rate * after)
        mass = tf.reduce_sum(faded, axis=1, keepdims=True)
        first = tf.reduce_sum(faded[:, :, None] * values, axis=1)
        second = tf.reduce_sum(faded[:, :, None] * tf.square(values), axis=1)
        added = tf.concat([mass, first, second], axis=1)
        speech = tf.reduce_sum(weights, axis=1, keepdims=True)
        if chunks == 1:
            sums = tf.exp(-self.rate * speech) * sums + added
            return tf.stack([self._read(sums)], axis=1), sums
        # The recursion of a stream in closed form: a chunk fades by the speech of those that follow it.
        passed = tf.cumsum(tf.reshape(speech, [-1, chunks]), axis=1)
        fading = tf.linalg.band_part(tf.exp(self.rate * (passed[:, None, :] - passed[:, :, None])), -1, 0)
        totals = tf.matmul(fading, tf.reshape(added, [-1, chunks, added.shape[1]]))
        totals += tf.exp(-self.rate * passed)[:, :, None] * sums[:, None, :]
        return self._read(totals), totals[:, -1]

    def _read(self, sums: tf.Tensor) -> tf.Tensor:
        channels = (sums.shape[-1] - 1) // 2
        mass = tf.maximum(sums[..., :1], 1e-3)
        mean = sums[..., 1 : 1 + channels] / mass
        parts = [mean] if "mean" in self.statistics else []
        if "deviation" in self.statistics:
            variance = sums[..., 1 + channels :] / mass - tf.square(mean)
            parts.append(tf.sqrt(tf.maximum(variance, 0.0) + 1e-4))
        return tf.concat(parts, axis=-1) if len(parts) > 1 else parts[0]


class Taps(tf_keras.layers.Layer):
    """Frames with context [B, (k - 1) * d + T, 1, C] to the k taps of each output side by side [B, T, 1, k * C].

    A 1x1 convolution of this is a causal convolution dilated by d: TFLite needs no SPACE_TO_BATCH, the weights
    quantise per channel, and batch normalisation folds.
    """

    def __init__(self, kernel: int, dilation: int, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.kernel, self.dilation = kernel, dilation

    def call(self, frames: tf.Tensor) -> tf.Tensor:
        outputs = frames.shape[1] - (self.kernel - 1) * self.dilation
        taps = [frames[:, i * self.dilation : i * self.dilation + outputs] for i in range(self.kernel)]
        return tf.concat(taps, axis=-1) if len(taps) > 1 else taps[0]


class CompressionLayer(tf_keras.layers.Layer):
    """Statistics [..., S] to ``tanh(x * scale + shift)``, in (-1, 1); `workbench.train` fits scale and shift."""

    def build(self, input_shape: Any) -> None:
        size = (input_shape[-1],)
        self.scale = self.add_weight(name="scale", shape=size, initializer="ones", trainable=False)
        self.shift = self.add_weight(name="shift", shape=size, initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, statistics: tf.Tensor) -> tf.Tensor:
        return tf.tanh(statistics * self.scale + self.shift)


class ActivationQuantizer(tf_keras.layers.Layer):
    """Emulates int8 activations with the toolkit's moving-average quantiser.

    Its range comes from `observe` … `freeze` around eager calls (post-training), and moves on in training. ``beyond``
    is the share of the values of a call that may lie above it.
    """

    def __init__(self, beyond: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.beyond = beyond
        self.quantizer = tfmot_quantization.quantizers.MovingAverageQuantizer(
            num_bits=8, per_axis=False, symmetric=False, narrow_range=False
        )
        self.seen: list[tuple[float, float]] | None = None

    def build(self, input_shape: tf.TensorShape) -> None:
        self.ranges = self.quantizer.build(input_shape, "range", self)
        super().build(input_shape)

    def observe(self) -> None:
        """Until `freeze`, pass values through and note the range of each call."""
        self.seen = []

    def freeze(self) -> None:
        """Set the range to hold all the noted ones: clipping costs more than the coarser level that an odd clip brings.

        Measured on the first model over dev: the largest change of the raw score against float is 0.023 nats so, and
        0.25 with the mean of the batches' ranges.
        """
        if not self.seen:
            raise ValueError("freeze without a call since observe: there is no range to set")
        low, high = (bound(values) for bound, values in zip((min, max), zip(*self.seen, strict=True), strict=True))
        self.ranges["min_var"].assign(min(low, 0.0))
        self.ranges["max_var"].assign(max(high, 1e-3))
        self.seen = None

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if self.seen is not None:
            values = np.asarray(inputs).ravel()
            rank = min(int((1.0 - self.beyond) * values.size), values.size - 1)
            self.seen.append((float(values.min()), float(np.partition(values, rank)[rank])))
            return inputs
        return self.quantizer(inputs, training, self.ranges)


class Int8Kernels(tfmot_quantization.QuantizeConfig):
    """Symmetric int8 for the kernels of a layer and of the layers inside it: by channel for convolutions.

    Those of a Dense have one range, since the converter turns them round. Activations have quantisers of their own;
    biases and other weights stay float.
    """

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        # Noted now: what is called later holds rounded tensors in the kernels' place.
        self.weights = list(layer.weights)
        self.owners = [part for part in layer._flatten_layers() if hasattr(part, "kernel")]
        by_channel = default_8bit_quantizers.Default8BitConvWeightsQuantizer
        whole = partial(tfmot_quantization.quantizers.LastValueQuantizer, 8, False, True, True)
        return [(part.kernel, by_channel() if len(part.kernel.shape) == 4 else whole()) for part in self.owners]

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        for part, kernel in zip(self.owners, quantize_weights, strict=True):
            part.kernel = kernel

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        return None

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        return []

    def get_config(self) -> dict[str, Any]:
        return {}


def bare(layer: Any) -> Any:
    """``layer`` without the toolkit's wrapper for pruning or quantisation."""
    return layer.layer if isinstance(layer, tf_keras.layers.Wrapper) else layer


def own_weights(layer: Any) -> list[Any]:
    """Variables of ``layer`` alone, in its order: no masks, ranges or counters of a wrapper or a quantiser."""
    if isinstance(layer, ActivationQuantizer):
        return []
    if isinstance(layer, tfmot_quantization.QuantizeWrapperV2):
        return layer.quantize_config.weights
    return bare(layer).weights
