"""The mel front end as a Keras layer, for a whole clip or a chunk of a stream.

Letters: B batch, T frames, M mel bands, F features; P and K of the split DFT, see `workbench.frontend.matrices`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edge.contract import FrontEndSpec, SpeechSpec
from workbench.frontend.matrices import build_matrices
from workbench.frontend.reference import POWER_FLOOR
from workbench.frontend.speech_activity import SpeechMeasure


class MelFrontEnd(tf_keras.layers.Layer):
    """Samples [B, overlap + T * hop] to features [B, T, 1, F], with speech weights [B, T] and trackers [B, 2].

    Multiplies by the matrices of `workbench.frontend.matrices`; windows are made from step-long blocks, so
    no gather is needed.
    """

    def __init__(self, spec: FrontEndSpec, speech: SpeechSpec, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.spec = spec
        self.matrices = build_matrices(spec, speech)
        self.measure = SpeechMeasure(spec, speech)

    def call(self, samples: tf.Tensor, trackers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        spec, matrices = self.spec, self.matrices
        frames = (samples.shape[1] - spec.overlap) // spec.hop
        if not spec.phase_advance:
            real, imaginary = self._spectra(samples, spec.hop, matrices.window, matrices.inner)
            scaled, level_db = self._power_features(real, imaginary, frames)
            mask, _, trackers = self.measure(level_db, trackers)
            return self._with_brief(scaled, samples), mask, trackers
        offset = spec.overlap - spec.window
        real, imaginary = self._spectra(samples[:, offset:], spec.step, matrices.window, matrices.inner)
        if spec.power_window:
            longer = samples[:, spec.overlap + spec.hop - spec.power_window :]
            newest = self._spectra(longer, spec.hop, matrices.power_window, matrices.power_inner)
        else:
            per_frame = spec.hop // spec.step
            newest = tuple(part[:, :, per_frame::per_frame] for part in (real, imaginary))
        scaled, level_db = self._power_features(*newest, frames)
        mask, peaks, trackers = self.measure(level_db, trackers)
        advance = tf.reshape(self._advance(real, imaginary, peaks), [-1, frames, 1, 2 * spec.phase_bands])
        return self._with_brief(tf.concat([scaled, advance], axis=3), samples), mask, trackers

    def _power_features(self, real: tf.Tensor, imaginary: tf.Tensor, frames: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Spectra [B, K, T, P] to scaled logarithms of mel power [B, T, 1, M] and speech-band level in dB [B, T]."""
        spec = self.spec
        bands = tf.matmul(_bins_last(tf.square(real) + tf.square(imaginary)), self.matrices.mel)
        bands = tf.reshape(bands, [-1, frames, spec.n_mels + 1])
        level_db = (10.0 / np.log(10.0)) * tf.math.log(tf.maximum(bands[..., -1], POWER_FLOOR))
        return self._scale(bands[..., :-1])[:, :, None, :], level_db

    def _scale(self, power: tf.Tensor) -> tf.Tensor:
        spec = self.spec
        logs = tf.math.log(tf.maximum(power, spec.log_floor))
        return tf.minimum(tf.maximum(spec.log_gain * logs + spec.log_offset, spec.clip_low), spec.clip_high)

    def _with_brief(self, features: tf.Tensor, samples: tf.Tensor) -> tf.Tensor:
        """``features`` [B, T, 1, F'], and after them the 4 ms spectrum of ``samples`` [B, overlap + T * hop]."""
        spec = self.spec
        if not spec.brief_window:
            return features
        batch = -1 if samples.shape[0] is None else samples.shape[0]
        samples = samples[:, spec.overlap + spec.brief_step - spec.brief_window :]
        blocks = tf.reshape(samples, [batch, samples.shape[1] // spec.brief_step, spec.brief_step])
        per_window = spec.brief_window // spec.brief_step
        starts = blocks.shape[1] - per_window + 1
        windows = tf.concat([blocks[:, i : i + starts] for i in range(per_window)], axis=2)
        both = tf.square(tf.matmul(tf.reshape(windows, [-1, spec.brief_window]), self.matrices.brief))
        power = both[:, : spec.brief_bands] + both[:, spec.brief_bands :]
        rows = tf.reshape(self._scale(power), [batch, features.shape[1], 1, spec.brief_rows * spec.brief_bands])
        return tf.concat([features, rows], axis=3)

    def _advance(self, real: tf.Tensor, imaginary: tf.Tensor, peaks: tf.Tensor) -> tf.Tensor:
        """Spectra [B, K, 1 + T * hop / step, P] to the two parts of the phase bands' advance [B * T, bands, 2].

        ``peaks`` [B, T]: the running peak of the speech-band level in dB.
        """
        spec, (inner_bins, phases) = self.spec, (real.shape[1], real.shape[3])
        frames, per_frame = peaks.shape[1], spec.hop // spec.step
        now_real, now_imaginary = real[:, :, 1:], imaginary[:, :, 1:]
        old_real, old_imaginary = real[:, :, :-1], imaginary[:, :, :-1]
        # S conj(S'), then turned back by the advance of the bin's centre.
        along = now_real * old_real + now_imaginary * old_imaginary
        across = now_imaginary * old_real - now_real * old_imaginary
        parts = [along, across, tf.sqrt(tf.square(along) + tf.square(across))]
        along, across, magnitude = (
            tf.reduce_sum(tf.reshape(part, [-1, inner_bins, frames, per_frame, phases]), axis=3) for part in parts
        )
        turn = self.matrices.turn.reshape(inner_bins, 1, phases, 4)
        floor: Any = spec.phase_floor
        if spec.phase_range_db:
            decibels = tf.reshape(peaks, [-1, 1, frames, 1]) - spec.phase_range_db
            floor = tf.exp((np.log(10.0) / 10.0) * decibels)
        scale = 1.0 / (magnitude + floor)
        parts = [
            (along * turn[..., 0] + across * turn[..., 2]) * scale,
            (along * turn[..., 1] + across * turn[..., 3]) * scale,
        ]
        # One product for both: the filters are a large constant, and are read once.
        pooled = tf.matmul(_bins_last(tf.concat(parts, axis=0)), self.matrices.phase_mel)
        # A transpose stays inside the delegate, where packing the two would leave it and cost as much as the product.
        return tf.transpose(tf.reshape(pooled, [2, -1, spec.phase_bands]), [1, 2, 0])

    def _spectra(self, samples: tf.Tensor, step: int, window: Any, inner: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Spectra [B, K, T, P], real and imaginary, of windows that begin every ``step`` samples [B, n].

        The split DFT of `workbench.frontend.matrices`, by its ``window`` and ``inner``; ``[b, k2, t, k1]`` is
        bin k2 + Q k1.
        """
        phases, per_window, outer = self.matrices.phases, window.size // step, self.matrices.outer
        inner_bins = len(outer)
        batch = -1 if samples.shape[0] is None else samples.shape[0]
        count = samples.shape[1] // step
        starts = count - per_window + 1
        # q comes before time, in samples rather than in windows of them: all windows are then one product with a small
        # matrix on the left, and its rows the groups of the outer sums. Nothing as large as the spectra is moved.
        blocks = tf.transpose(tf.reshape(samples, [batch, count, step // phases, phases]), [0, 2, 1, 3])
        windows = tf.concat([blocks[:, :, i : i + starts] for i in range(per_window)], axis=1) * window[:, None, :]
        sums = tf.matmul(inner, tf.reshape(windows, [batch, len(window), starts * phases]))
        sums = tf.reshape(sums, [batch, 2 * inner_bins, starts, phases])
        from_real, from_imaginary = outer[:, :phases], outer[:, phases:]
        both = tf.matmul(sums[:, :inner_bins], from_real) + tf.matmul(sums[:, inner_bins:], from_imaginary)
        return both[..., :phases], both[..., phases:]


def _bins_last(values: tf.Tensor) -> tf.Tensor:
    """[B, K, T, P] to [B * T, K * P], the order of the rows of the mel filters."""
    return tf.reshape(tf.transpose(values, [0, 2, 1, 3]), [-1, values.shape[1] * values.shape[3]])
