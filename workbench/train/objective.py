"""What one step of descent minimises, put together from `workbench.train.losses` as the configuration asks."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from workbench.config import ExperimentConfig
from workbench.train.losses import contrastive_loss, cross_entropy, distillation_loss, margin_loss, ranking_loss

_MIN_LOSS_SPEECH_S = 0.75


class Lesson(NamedTuple):
    """One batch as a step of training takes it."""

    features: Any
    """Augmented [B, T, 1, F]."""
    mask: Any
    """Speech weights [B, T]."""
    labels: Any
    """1 = bona fide, 0 = spoof [B]."""
    sources: Any
    """See `workbench.data.loader.Batch` [B]."""
    channels: Any
    """See `workbench.data.loader.Batch` [B]."""
    taught: Any
    """Evidence of the teachers [B]; zeros without any."""


class Objective:
    """Weighted loss of the evidence at the clip's end and, lighter, at the chunks before; and what is added to it."""

    def __init__(self, config: ExperimentConfig) -> None:
        self.settings = config.train
        self.chunk_frames = config.model.chunk_samples // config.frontend.hop
        self.min_frames = _MIN_LOSS_SPEECH_S * config.frontend.frames_per_s

    def __call__(self, raw_score: tf.Tensor, mask: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Loss of ``raw_score`` [B, chunks] against the labels alone."""
        losses = self._losses(raw_score, labels[:, None])
        chunks = raw_score.shape[1]
        heard = tf.cumsum(tf.reduce_sum(tf.reshape(mask, [-1, chunks, self.chunk_frames]), axis=2), axis=1)
        early = self.settings.intermediate_loss * tf.cast(heard > self.min_frames, tf.float32) / chunks
        weights = early + tf.one_hot(chunks - 1, chunks)[None, :]
        weights *= labels[:, None] * (self.settings.bonafide_weight - 1.0) + 1.0
        return tf.reduce_sum(weights * losses) / tf.reduce_sum(weights)

    def terms(self, raw_score: tf.Tensor, embedding: tf.Tensor, lesson: Lesson) -> dict[str, tf.Tensor]:
        """Every term that has a weight, unweighted: ``labels``, and those of `weights`.

        ``raw_score`` [B, chunks] and ``embedding`` [B, chunks, D] are those after each chunk; but for the labels, only
        what stands at the clip's end counts.
        """
        settings, final = self.settings, raw_score[:, -1]
        found = {"labels": self(raw_score, lesson.mask, lesson.labels)}
        if settings.ranking:
            found["ranking"] = ranking_loss(final, lesson.labels, lesson.sources)
        if settings.contrastive:
            found["contrastive"] = contrastive_loss(embedding[:, -1], lesson.labels, settings.contrastive_temperature)
        if settings.distillation:
            found["distillation"] = distillation_loss(final, lesson.taught, settings.temperature)
        return found

    @property
    def weights(self) -> dict[str, float]:
        """What each term counts in the sum; the adversary's is in its gradient, so that its heads learn in full."""
        settings = self.settings
        return {
            "labels": 1.0 - settings.distillation,
            "ranking": settings.ranking,
            "contrastive": settings.contrastive,
            "distillation": settings.distillation,
            "adversarial": 1.0,
        }

    def _losses(self, raw_score: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        if self.settings.loss == "cross_entropy":
            return cross_entropy(raw_score, labels, self.settings.label_smoothing)
        return margin_loss(raw_score, labels, self.settings.margin)
