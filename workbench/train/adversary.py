"""Classifiers of source and channel against which the network is trained; they exist in training only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from workbench.errors import TrainingError
from workbench.train.losses import domain_loss, reverse_gradient
from workbench.transmissions.augment import TRANSMISSION_CLASSES
from workbench.transmissions.config import AugmentConfig

_HIDDEN_UNITS = 64


class Adversary(tf.Module):
    """Tells domains by embeddings [B, width], while the network learns that they cannot be told.

    ``classes`` maps the name of each kind of domain to how many of it there are. Domain-adversarial training: Ganin et
    al. 2016. The normalisation before the hidden layer keeps the length of an embedding, which may tell a domain too.
    """

    def __init__(self, width: int, classes: Mapping[str, int]) -> None:
        super().__init__(name="adversary")
        self.heads = {name: _head(width, count, name) for name, count in classes.items()}

    def __call__(self, embedding: tf.Tensor, domains: Mapping[str, tf.Tensor], strength: tf.Tensor) -> tf.Tensor:
        """Sum of the heads' cross-entropies against ``domains`` [B] each; what reaches the embedding is reversed."""
        turned = reverse_gradient(embedding, strength)
        return tf.add_n([domain_loss(head(turned, training=True), domains[name]) for name, head in self.heads.items()])


def domain_counts(sources: int, augmentation: AugmentConfig) -> dict[str, int]:
    """How many sources and channels there are to be told, for `Adversary`; a kind with a single one is left out.

    Raises
    ------
    TrainingError
        There is nothing to tell.
    """
    counts = {"source": sources} if sources > 1 else {}
    if augmentation.channel > 0 or augmentation.recording_format > 0:
        counts["channel"] = len(TRANSMISSION_CLASSES)
    if not counts:
        raise TrainingError(
            "train.adversarial has nothing to unlearn: give a manifest with two sources (source_repo) that each hold "
            "bona fide and spoof clips, or set augment.channel or augment.recording_format above 0"
        )
    return counts


def _head(width: int, count: int, name: str) -> Any:
    return tf_keras.Sequential(
        [
            tf_keras.Input((width,)),
            tf_keras.layers.BatchNormalization(),
            tf_keras.layers.Dense(_HIDDEN_UNITS, activation="relu"),
            tf_keras.layers.Dense(count),
        ],
        name=f"adversary_{name}",
    )
