"""The family that ships as default: patches and encoder side by side, and a fusion aware of the transmission.

    features ──┬── patches ────────────────────────────── raw score p ──────┐
               └── encoder ── pooled statistics ─┬─ head ─ raw score e ─────┤ fusion ── raw score
                                                 └─ linear ─ transmission t ┘

    share = sigmoid(t), near 1 on clean speech and near 0 by telephone
    raw score = share * (w0 p + w1 e + w2) + (1 - share) * (v0 p + v1 e + v2)

Codecs destroy what patches read, and speech filters outlast them: what a branch is worth depends on the transmission.
`workbench.train.fusion` fits the linear layer and the two triples.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import tensorflow as tf
import tf_keras

from edge.contract import FrontEndSpec
from workbench.models import encoder, patches
from workbench.models.blocks import Parallel, Step
from workbench.models.config import ModelConfig

OUTPUTS = ("patches", "encoder", "transmission")
"""What the branches give, in order."""


def blocks(model: ModelConfig, frontend: FrontEndSpec) -> list[Step]:
    """List the steps from features, the last of which are the frame's samples, to the raw score [B, chunks, 1]."""
    return [*branches(model, frontend), FusionLayer(name="fusion")]


def branches(model: ModelConfig, frontend: FrontEndSpec) -> list[Step]:
    """List the steps to what the branches give [B, chunks, 3]: see `OUTPUTS`."""
    head = encoder.head(model.encoder_head_units, model.encoder_dropout)
    transmission = tf_keras.layers.Dense(1, name="transmission")
    return [
        Parallel(
            [
                [partial(without_samples, count=frontend.n_features), *patches.blocks(model, frontend)],
                [*encoder.pooled(model, frontend), Parallel([head, transmission])],
            ]
        )
    ]


def without_samples(features: Any, count: int) -> Any:
    """The first ``count`` features [B, T, 1, count]; in a stream there are no others."""
    return features if features.shape[-1] == count else features[..., :count]


class FusionLayer(tf_keras.layers.Layer):
    """Sum the scores of the branches [B, chunks, 3] by weights that the transmission shifts: [B, chunks, 1]."""

    def build(self, input_shape: Any) -> None:
        # On clean speech and by telephone: weights of patches and encoder, and an offset.
        self.clean = self.add_weight(name="clean", shape=(3,), initializer="ones")
        self.telephone = self.add_weight(name="telephone", shape=(3,), initializer="ones")
        super().build(input_shape)

    def call(self, outputs: Any) -> Any:
        scores, share = outputs[..., :2], tf.sigmoid(outputs[..., 2:])

        def weighted(weights: Any) -> Any:
            return tf.reduce_sum(scores * weights[:2], axis=-1, keepdims=True) + weights[2]

        return share * weighted(self.clean) + (1.0 - share) * weighted(self.telephone)
