"""Transformer blocks for a stream: attention to the own chunk and to the frames before it that a stream carries.

Pre-norm blocks as in Whisper's encoder (Radford et al. 2022): heads of 64, exact GELU. Letters: B batch, T frames, D
width; frames are [B, T, 1, D].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from workbench.models.blocks import Block, Step, View

Float = NDArray[np.float32]

_HEAD = 64
_EPSILON = 1e-5
_HIDDEN = 4
"""Width of the hidden layer of a block, in widths of the block."""
_MASKED = -30000.0
_CHUNKS = "state_encoder_chunks"

gelu = partial(tf.nn.gelu, approximate=False)


@dataclass(frozen=True)
class Span:
    """What attention spans: the ``chunk`` frames that arrive together, and ``past`` frames before them.

    ``past`` is a whole number of chunks.
    """

    chunk: int
    past: int

    @property
    def window(self) -> int:
        return self.chunk + self.past

    def hidden_frames(self, frames: int) -> Float:
        """What attention of a whole clip adds to the score of each pair of frames [shape=(T, T)]."""
        chunks = np.arange(frames) // self.chunk
        behind = chunks[:, None] - chunks[None, :]
        return np.where((behind >= 0) & (behind <= self.past // self.chunk), 0.0, _MASKED).astype(np.float32)


class Positions(Block):
    """Add Whisper's sinusoids, taken modulo the window, so that a stream never runs out of them.

    The stream's state counts the chunks so far: their number modulo the window's, and whether the past is filled.
    """

    def __init__(self, span: Span, width: int) -> None:
        self.span, self.table = span, sinusoids(span.window, width)

    def __call__(self, hidden: Any, view: View) -> Any:
        span, frames = self.span, hidden.shape[1]
        if not view.streaming:
            return hidden + self.table[np.arange(frames) % span.window][None, :, None, :]
        chunks, count = view.state(_CHUNKS, (1,)), span.window // span.chunk
        # From 0 to count - 1 while the past fills up, from there on between count and 2 count - 1.
        place = tf.where(chunks >= count, chunks - count, chunks)
        view.outputs[_CHUNKS] = tf.where(chunks >= 2 * count - 1, chunks - (count - 1), chunks + 1.0)
        rows = self.table.reshape(count, span.chunk, 1, -1)
        return hidden + tf.gather(rows, tf.cast(place[:, 0], tf.int32))


class Attention(Block):
    """Multi-head self-attention with its normalisation and residual."""

    def __init__(self, name: str, width: int, span: Span) -> None:
        self.name, self.width, self.span = name, width, span
        self.norm = normalisation(f"{name}_norm")
        self.mixed = tf_keras.layers.Dense(3 * width, name=f"{name}_qkv")
        self.out = tf_keras.layers.Dense(width, name=f"{name}_out")
        self.steps = [self.norm, self.mixed, self.out]

    def __call__(self, hidden: Any, view: View) -> Any:
        mixed = view.run([self.norm, self.mixed], hidden)
        query, rest = mixed[..., : self.width], mixed[..., self.width :]
        if view.streaming:
            rest = view.past(rest, self.span.past, f"state_{self.name}")
            hide = _unfilled(view, self.span)
        else:
            hide = self.span.hidden_frames(hidden.shape[1])
        key, value = rest[..., : self.width], rest[..., self.width :]
        scores = tf.matmul(self._heads(query) * _HEAD**-0.5, self._heads(key), transpose_b=True) + hide
        read = tf.transpose(tf.matmul(tf.nn.softmax(scores), self._heads(value)), [0, 2, 1, 3])
        batch = -1 if hidden.shape[0] is None else hidden.shape[0]
        return hidden + view.run(self.out, tf.reshape(read, [batch, hidden.shape[1], 1, self.width]))

    def _heads(self, frames: Any) -> Any:
        """[B, T, 1, D] to [B, heads, T, 64]."""
        batch = -1 if frames.shape[0] is None else frames.shape[0]
        return tf.transpose(tf.reshape(frames, [batch, frames.shape[1], self.width // _HEAD, _HEAD]), [0, 2, 1, 3])


def _unfilled(view: View, span: Span) -> Any:
    """What attention of a chunk adds to each frame of its window [1, window]: some lie before the stream's start."""
    chunks = view.inputs[_CHUNKS]
    age = np.concatenate([span.past // span.chunk - np.arange(span.past) // span.chunk, np.zeros(span.chunk)])
    return tf.where(chunks < age[None].astype(np.float32), np.float32(_MASKED), np.float32(0.0))


class FeedForward(Block):
    """Two layers with GELU between, their normalisation and residual."""

    def __init__(self, name: str, width: int) -> None:
        self.norm = normalisation(f"{name}_norm")
        self.hidden = tf_keras.layers.Dense(_HIDDEN * width, name=f"{name}_hidden")
        self.out = tf_keras.layers.Dense(width, name=f"{name}_out")
        self.steps = [self.norm, self.hidden, gelu, self.out]

    def __call__(self, hidden: Any, view: View) -> Any:
        return hidden + view.run(self.steps, hidden)


def transformer(name: str, width: int, span: Span) -> list[Step]:
    """List the steps of one block."""
    return [Attention(f"{name}_attention", width, span), FeedForward(f"{name}_ffn", width)]


def normalisation(name: str) -> Any:
    """Layer normalisation over the width."""
    return tf_keras.layers.LayerNormalization(epsilon=_EPSILON, name=name)


def sinusoids(length: int, width: int) -> Float:
    """Whisper's sinusoidal positions [shape=(length, width)]."""
    rates = np.exp(-np.log(10000.0) / (width // 2 - 1) * np.arange(width // 2))
    angles = np.arange(length)[:, None] * rates
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
