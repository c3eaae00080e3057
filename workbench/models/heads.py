"""Compression of the pooled statistics before the linear head, which is Keras' own ``Dense``."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras


class CompressionLayer(tf_keras.layers.Layer):
    """Statistics [..., S] to ``tanh(x * scale + shift)``, in (-1, 1); see `workbench.train.statistics.Compression`."""

    def build(self, input_shape: Any) -> None:
        size = (input_shape[-1],)
        self.scale = self.add_weight(name="scale", shape=size, initializer="ones", trainable=False)
        self.shift = self.add_weight(name="shift", shape=size, initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, statistics: tf.Tensor) -> tf.Tensor:
        return tf.tanh(statistics * self.scale + self.shift)
