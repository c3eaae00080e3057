"""Keras layers of the detector. Each works on a whole clip and, with carried states, on a chunk of a stream.

Letters: B batch, T frames, W window, M mel bands, C channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantizers
from tensorflow_model_optimization.quantization import keras as tfmot_quantization

from edge.contract import FrontEndSpec
from workbench.frontend.reference import MEAN_PRIOR_FRAMES, mean_decay


class RunningMean(tf_keras.layers.Layer):
    """Features [B, T, 1, M] less each band's running mean over speech.

    See `workbench.frontend.reference.subtract_running_mean`.

    Inputs: features, weights [B, T], sums [B, 1 + M] (mass, weighted sum). Output: features and the new sums. The
    recursion ``sum = decay * sum + weight * frame`` unrolls to one product with a triangle of powers.
    """

    def __init__(self, spec: FrontEndSpec, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.decay = mean_decay(spec)

    def call(self, features: tf.Tensor, mask: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        frames, bands = features.shape[1], features.shape[3]
        steps = np.arange(frames)
        age = steps[:, None] - steps[None, :]
        triangle = np.where(age >= 0, self.decay ** np.maximum(age, 0), 0.0).astype(np.float32)
        fading = (self.decay ** (steps + 1)).astype(np.float32)
        batch = -1 if features.shape[0] is None else features.shape[0]
        plain = tf.reshape(features, [batch, frames, bands])
        weighted = tf.concat([mask[:, :, None], mask[:, :, None] * plain], axis=2)
        # Frames last, so that the triangle is the constant right-hand side of a plain matrix product.
        totals = tf.matmul(tf.reshape(tf.transpose(weighted, [0, 2, 1]), [-1, frames]), triangle.T)
        totals = tf.transpose(tf.reshape(totals, [batch, 1 + bands, frames]), [0, 2, 1])
        totals += fading[None, :, None] * sums[:, None, :]
        normalised = plain - totals[:, :, 1:] / (totals[:, :, :1] + MEAN_PRIOR_FRAMES)
        return normalised[:, :, None, :], totals[:, -1]


class RunningStatistics(tf_keras.layers.Layer):
    """Speech-weighted running mean and deviation with forgetting, read once a chunk.

    Inputs: frames [B, T, 1, C], weights [B, T], sums [B, 1 + 2C] (mass, weighted sum, weighted square sum).
    Output: statistics [B, T / chunk, S * C] after each chunk, and the new sums.
    Mass decays only while speech arrives: silence neither adds evidence nor wears it away.
    """

    def __init__(
        self, chunk_frames: int, forgetting_frames: float | None, statistics: tuple[str, ...], **kwargs: Any
    ) -> None:
        super().__init__(trainable=False, **kwargs)
        self.chunk_frames = chunk_frames
        self.rate = 0.0 if forgetting_frames is None else 1.0 / forgetting_frames
        self.statistics = statistics

    def call(self, frames: tf.Tensor, mask: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        chunks, channels = frames.shape[1] // self.chunk_frames, frames.shape[3]
        batch = -1 if frames.shape[0] is None else frames.shape[0]
        weights = tf.reshape(mask, [batch, chunks, self.chunk_frames])
        values = tf.reshape(frames, [batch, chunks, self.chunk_frames, channels])
        earlier = np.triu(np.ones((self.chunk_frames, self.chunk_frames), np.float32), 1).T
        outputs = []
        for index in range(chunks):
            weight, value = weights[:, index], values[:, index]
            # Speech mass that follows each frame inside the chunk, and so has made it fade already.
            after = tf.matmul(weight, earlier)
            faded = weight * tf.exp(-self.rate * after)
            mass = tf.reduce_sum(faded, axis=1, keepdims=True)
            first = tf.reduce_sum(faded[:, :, None] * value, axis=1)
            second = tf.reduce_sum(faded[:, :, None] * tf.square(value), axis=1)
            keep = tf.exp(-self.rate * tf.reduce_sum(weight, axis=1, keepdims=True))
            sums = keep * sums + tf.concat([mass, first, second], axis=1)
            outputs.append(self._read(sums, channels))
        return tf.stack(outputs, axis=1), sums

    def _read(self, sums: tf.Tensor, channels: int) -> tf.Tensor:
        mass = tf.maximum(sums[:, :1], 1e-3)
        mean = sums[:, 1 : 1 + channels] / mass
        parts = [mean] if "mean" in self.statistics else []
        if "deviation" in self.statistics:
            variance = sums[:, 1 + channels :] / mass - tf.square(mean)
            parts.append(tf.sqrt(tf.maximum(variance, 0.0) + 1e-4))
        return tf.concat(parts, axis=1) if len(parts) > 1 else parts[0]


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

        Measured on the first model over dev: the largest change of evidence against float is 0.023 nats so, and 0.25
        with the mean of the batches' ranges.
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


class ConvolutionQuantization(tfmot_quantization.QuantizeConfig):
    """Per-channel symmetric int8 weights for a convolution; activations are quantised by `ActivationQuantizer`."""

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        quantizer = default_8bit_quantizers.Default8BitConvWeightsQuantizer()
        return [(layer.kernel, quantizer)]

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        return []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        layer.kernel = quantize_weights[0]

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        return None

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        return []

    def get_config(self) -> dict[str, Any]:
        return {}
