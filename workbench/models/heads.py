"""What reads the statistics: the last layer where the evidence is an angle, and what tames outliers before it.

A linear head is Keras' own ``Dense``.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from workbench.train.config import TrainConfig

_TINY = 1e-12


class CompressionLayer(tf_keras.layers.Layer):
    """Statistics [..., S] to ``tanh(x * scale + shift)``, in (-1, 1); see `workbench.train.squash`."""

    def build(self, input_shape: Any) -> None:
        size = (input_shape[-1],)
        self.scale = self.add_weight(name="scale", shape=size, initializer="ones", trainable=False)
        self.shift = self.add_weight(name="shift", shape=size, initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, statistics: tf.Tensor) -> tf.Tensor:
        return tf.tanh(statistics * self.scale + self.shift)


class CosineRawScore(tf_keras.layers.Layer):
    """Embeddings [..., D] to evidence [..., 1]: the scaled angle to one direction, or the difference of two.

    With one direction, ``scale * (cos(x, w) - centre)`` (OC-Softmax, Zhang, Jiang and Duan 2021, whose score is
    the cosine). With two, ``scale * (cos(x, w_bonafide) - cos(x, w_spoof))``: the logit of the normalised softmax of
    Wang et al. 2018 without its margin, which is a matter of training alone. The evidence is 0 in the middle
    between the classes' margins, in nats, and higher is more bona fide, as with a linear head; the deployed graph
    computes this very layer: one product with a constant, over the embedding's length.
    """

    def __init__(self, scale: float, centre: float, directions: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.centre, self.directions = scale, centre, directions

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.directions))
        super().build(input_shape)

    def call(self, embedding: tf.Tensor) -> tf.Tensor:
        units = self.kernel / tf.sqrt(tf.reduce_sum(tf.square(self.kernel), axis=0, keepdims=True) + _TINY)
        direction = units if self.directions == 1 else units[:, :1] - units[:, 1:]
        length = tf.sqrt(tf.reduce_sum(tf.square(embedding), axis=-1, keepdims=True) + _TINY)
        return tf.tensordot(embedding, self.scale * direction, 1) / length - self.scale * self.centre


def make_head(settings: TrainConfig, name: str) -> Any:
    """The last layer that ``settings.loss`` trains."""
    if settings.loss == "cross_entropy":
        return tf_keras.layers.Dense(1, name=name)
    if settings.loss == "margin":
        return CosineRawScore(settings.cosine_scale, 0.0, 2, name=name)
    return CosineRawScore(settings.cosine_scale, sum(settings.one_class_margins) / 2.0, 1, name=name)
