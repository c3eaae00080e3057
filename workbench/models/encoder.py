"""The family of pretrained speech filters: Whisper's stem and first blocks, fine-tuned, pooled, and a small head.

    samples [B, n] ── log-mel, 80 bands every 10 ms ── convolution ── convolution, stride 2 ── + positions
                                                            │
                     block 0, block 1: attention over 2 s of past and the chunk, feed-forward
                                                            │
    layer normalisation of what each block gives, side by side: frames of 20 ms
                                                            │
    speech-weighted mean and deviation, forgetting over 8 s of speech ── dense ── ReLU ── linear ── raw score

`workbench.train.pretrained` loads Whisper's weights; docs/design/0011 says what streaming costs.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from edge.contract import FrontEndSpec
from workbench.models.attention import Positions, Span, gelu, normalisation, transformer
from workbench.models.blocks import Block, Causal, StatisticsPooling, Step, TrainedOnly, View
from workbench.models.config import ModelConfig
from workbench.models.log_mel import HOP, LogMel

_STRIDE = 2
_BN_MOMENTUM = 0.95


def blocks(model: ModelConfig, frontend: FrontEndSpec) -> list[Step]:
    """List the steps from features, the last of which are the frame's samples, to the raw score [B, chunks, 1]."""
    return [*pooled(model, frontend), *head(model.encoder_head_units, model.encoder_dropout)]


def pooled(model: ModelConfig, frontend: FrontEndSpec) -> list[Step]:
    """List the steps to the pooled statistics [B, chunks, S]."""
    width = model.encoder_width
    chunk = model.chunk_samples // (HOP * _STRIDE)
    span = Span(chunk, chunk * model.encoder_past_chunks)
    return [
        Samples(frontend.hop),
        LogMel("encoder"),
        Causal(tf_keras.layers.Conv2D(width, (3, 1), name="encoder_conv1"), 2),
        gelu,
        Causal(tf_keras.layers.Conv2D(width, (3, 1), (_STRIDE, 1), name="encoder_conv2"), 1),
        gelu,
        Positions(span, width),
        EveryBlock([transformer(f"encoder_block{place}", width, span) for place in range(model.encoder_blocks)]),
        StatisticsPooling(model, frontend, name="encoder_pool"),
    ]


class Samples(Block):
    """Samples [B, T * hop, 1, 1]: of the stream's chunk, or those that `Network` appends to a clip's features."""

    def __init__(self, hop: int) -> None:
        self.hop = hop

    def __call__(self, features: Any, view: View) -> Any:
        batch = -1 if features.shape[0] is None else features.shape[0]
        samples = view.samples if view.streaming else features[..., -self.hop :]
        return tf.reshape(samples, [batch, features.shape[1] * self.hop, 1, 1])


class EveryBlock(Block):
    """Run blocks one after another; give what each one gives, normalised, side by side [B, T, 1, blocks * D]."""

    def __init__(self, blocks: list[list[Step]]) -> None:
        self.blocks = blocks
        self.norms = [normalisation(f"encoder_read{place}") for place in range(len(blocks))]
        self.steps = [*blocks, *self.norms]

    def __call__(self, hidden: Any, view: View) -> Any:
        outputs = []
        for block, norm in zip(self.blocks, self.norms, strict=True):
            hidden = view.run(block, hidden)
            outputs.append(view.run(norm, hidden))
        return tf.concat(outputs, axis=-1)


def head(units: int, dropout: float) -> list[Step]:
    """Statistics to the raw score.

    Its first weights are the same for every seed: only runs that begin alike can have their weights averaged.
    """
    start = tf_keras.initializers.GlorotUniform
    return [
        tf_keras.layers.BatchNormalization(momentum=_BN_MOMENTUM, epsilon=1e-5, name="encoder_head_norm"),
        TrainedOnly(tf_keras.layers.Dropout(dropout, name="encoder_head_dropout0")),
        tf_keras.layers.Dense(units, activation="relu", kernel_initializer=start(0), name="encoder_head_hidden"),
        TrainedOnly(tf_keras.layers.Dropout(dropout, name="encoder_head_dropout1")),
        tf_keras.layers.Dense(1, kernel_initializer=start(1), name="encoder_head_raw_score"),
    ]
