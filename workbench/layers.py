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

from edge.contract import FrontEndSpec, SpeechSpec
from edge.frontend import MEAN_PRIOR_FRAMES, POWER_FLOOR, build_matrices, mean_decay


class MelFrontEnd(tf_keras.layers.Layer):
    """Samples [B, overlap + T * hop] to features [B, T, 1, M * channels] and speech-band level in dB [B, T].

    Multiplies by the matrices of `edge.frontend`; windows are made from step-long blocks, so no gather is needed.
    """

    def __init__(self, spec: FrontEndSpec, speech: SpeechSpec, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.spec = spec
        matrices = build_matrices(spec, speech)
        self.phases = matrices.phases
        self.unit_sum = tf.constant(1.0 / matrices.mel[:, :-1].sum(axis=0))
        self.window, self.inner, self.outer, self.mel, self.turn = (
            tf.constant(m) for m in (matrices.window, matrices.inner, matrices.outer, matrices.mel, matrices.turn)
        )

    def call(self, samples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        spec = self.spec
        per_window, phases = spec.window // spec.step, self.phases
        batch = -1 if samples.shape[0] is None else samples.shape[0]
        count = samples.shape[1] // spec.step
        windows_count = count - per_window + 1
        blocks = tf.transpose(tf.reshape(samples, [-1, spec.step // phases, phases]), [0, 2, 1])
        blocks = tf.reshape(blocks, [batch, count, phases, spec.step // phases])
        windows = tf.concat([blocks[:, i : i + windows_count] for i in range(per_window)], axis=-1)
        real, imaginary = self._spectra(windows)
        if not spec.phase_advance:
            bands = tf.matmul(tf.square(real) + tf.square(imaginary), self.mel)
            return self._power_features(tf.reshape(bands, [batch, windows_count, spec.n_mels + 1]))
        return self._with_phase(real, imaginary, batch, windows_count)

    def _power_features(self, bands: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mel power and speech-band power [B, T, M + 1] to scaled logarithms [B, T, 1, M] and level in dB [B, T]."""
        spec = self.spec
        logs = tf.math.log(tf.maximum(bands[..., :-1], spec.log_floor))
        scaled = tf.minimum(tf.maximum(spec.log_gain * logs + spec.log_offset, spec.clip_low), spec.clip_high)
        level_db = (10.0 / np.log(10.0)) * tf.math.log(tf.maximum(bands[..., -1], POWER_FLOOR))
        return scaled[:, :, None, :], level_db

    def _with_phase(self, real: tf.Tensor, imaginary: tf.Tensor, batch: int, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Spectra [B * count, K * P], count = 1 + T * hop / step, to features and level."""
        spec, bins = self.spec, real.shape[1]
        per_frame = spec.hop // spec.step
        frames = (count - 1) // per_frame
        real, imaginary = (tf.reshape(part, [batch, count, bins]) for part in (real, imaginary))
        now_real, now_imaginary, old_real, old_imaginary = (
            real[:, 1:],
            imaginary[:, 1:],
            real[:, :-1],
            imaginary[:, :-1],
        )
        # S conj(S'), then turned back by the advance of the bin's centre.
        along = now_real * old_real + now_imaginary * old_imaginary
        across = now_imaginary * old_real - now_real * old_imaginary
        parts = [along, across, tf.sqrt(tf.square(along) + tf.square(across))]
        along, across, magnitude = (
            tf.reduce_sum(tf.reshape(part, [batch, frames, per_frame, bins]), axis=2) for part in parts
        )
        turn = tf.unstack(self.turn, axis=1)
        scale = 1.0 / (magnitude + spec.phase_floor)
        newest = [part[:, per_frame::per_frame] for part in (real, imaginary)]
        parts = [
            tf.square(newest[0]) + tf.square(newest[1]),
            (along * turn[0] + across * turn[2]) * scale,
            (along * turn[1] + across * turn[3]) * scale,
        ]
        # One product for all three: the filters are the largest constant, and are read once.
        pooled = tf.matmul(tf.reshape(tf.stack(parts, axis=0), [-1, bins]), self.mel)
        pooled = tf.reshape(pooled, [3, batch, frames, spec.n_mels + 1])
        scaled, level_db = self._power_features(pooled[0])
        advance = pooled[1:, :, :, :-1] * self.unit_sum
        together = tf.stack([scaled[:, :, 0], advance[0], advance[1]], axis=-1)
        return tf.reshape(together, [batch, frames, 1, spec.n_features]), level_db

    def _spectra(self, windows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Windows [B, T, P, W / P] to spectra [B * T, K * P], real and imaginary; the split DFT of `edge.frontend`."""
        phases, inner_bins = self.phases, self.outer.shape[0]
        inner = tf.matmul(tf.reshape(windows * self.window, [-1, self.inner.shape[0]]), self.inner)
        inner = tf.transpose(tf.reshape(inner, [-1, phases, inner_bins, 2]), [2, 0, 1, 3])
        outer = tf.matmul(tf.reshape(inner, [inner_bins, -1, 2 * phases]), self.outer)
        outer = tf.transpose(outer, [1, 0, 2])
        return tuple(
            tf.reshape(part, [-1, inner_bins * phases]) for part in (outer[:, :, :phases], outer[:, :, phases:])
        )


class SpeechMask(tf_keras.layers.Layer):
    """Level [B, T] and trackers [B, 2] (peak, noise; dB) to speech weights [B, T] in [0, 1] and new trackers.

    The recursions ``peak = max(level, peak - fall)`` and ``noise = min(level, noise + rise)`` unroll to one
    maximum (minimum) over a triangle, so a chunk is one tensor operation.
    """

    def __init__(self, spec: FrontEndSpec, speech: SpeechSpec, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.speech = speech
        self.fall = speech.peak_fall_db_per_s / spec.frames_per_s
        self.rise = speech.noise_rise_db_per_s / spec.frames_per_s

    def initial_state(self) -> np.ndarray:
        return np.array([[self.speech.initial_peak_db, self.speech.initial_noise_db]], dtype=np.float32)

    def call(self, level_db: tf.Tensor, trackers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        speech, frames = self.speech, level_db.shape[1]
        steps = np.arange(frames, dtype=np.float32)
        age = steps[:, None] - steps[None, :]
        far = np.where(age < 0, 1e6, 0.0).astype(np.float32)
        past = level_db[:, None, :]
        peak = tf.reduce_max(past - (self.fall * np.maximum(age, 0) + far), axis=2)
        peak = tf.maximum(peak, trackers[:, :1] - self.fall * (steps + 1))
        noise = tf.reduce_min(past + (self.rise * np.maximum(age, 0) + far), axis=2)
        noise = tf.minimum(noise, trackers[:, 1:] + self.rise * (steps + 1))
        bound = tf.maximum(tf.maximum(peak - speech.range_db, noise + speech.above_noise_db), speech.floor_db)
        mask = tf.minimum(tf.maximum((level_db - bound) / speech.ramp_db, 0.0), 1.0)
        return mask, tf.concat([peak[:, -1:], noise[:, -1:]], axis=1)


class RunningMean(tf_keras.layers.Layer):
    """Features [B, T, 1, M] less each band's running mean over speech; see `edge.frontend.subtract_running_mean`.

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

    Its range comes from `observe` … `freeze` around eager calls (post-training), and moves on in training.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
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

        Measured on the shipped model over dev: the largest change of evidence against float is 0.023 nats so, and 0.25
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
            self.seen.append((float(tf.reduce_min(inputs)), float(tf.reduce_max(inputs))))
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
