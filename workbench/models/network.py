"""The detector network: one list of steps, seen as a whole-clip model (training) or as a stream step (shipping).

Begin with the family that ships, `workbench.models.patches`; the others are `tcn` and `dessa` beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import tf_keras

from edge.contract import FrontEndSpec, SpeechSpec
from workbench.frontend.layer import MelFrontEnd
from workbench.models import dessa, encoder, fusion, patches, tcn
from workbench.models.blocks import TRAINED, Block, Form, StatisticsPooling, Step, View
from workbench.models.config import ModelConfig

Family = Callable[[ModelConfig, FrontEndSpec], list[Step]]

FAMILIES: dict[str, Family] = {
    "patches": patches.blocks,
    "encoder": encoder.blocks,
    "fusion": fusion.blocks,
    "tcn": tcn.blocks,
    "dessa": dessa.blocks,
}
"""The lists of steps, by `ModelConfig.family`."""


class Parts(Protocol):
    """The parts of a configuration that make a network."""

    @property
    def model(self) -> ModelConfig: ...
    @property
    def frontend(self) -> FrontEndSpec: ...
    @property
    def speech(self) -> SpeechSpec: ...


class Network:
    """Layers of the detector, made once and shared by every view of it.

    ``family`` lists the steps, by default that of the configuration. ``form`` is what they are built for: `TRAINED`,
    or deployed as `workbench.deploy.fold.fold` asks for. ``layers`` are the Keras layers by name; the views make them.
    """

    def __init__(self, config: Parts, *, family: Family | None = None, form: Form = TRAINED) -> None:
        self.form = form
        self.config: Any = config
        self.family = family or FAMILIES[config.model.family]
        self.blocks = self.family(config.model, config.frontend)
        self.frontend = MelFrontEnd(config.frontend, config.speech, name="frontend")
        self.layers: dict[str, Any] = {}
        self.chunk_frames = config.model.chunk_samples // config.frontend.hop
        self.n_features = config.frontend.n_features + (config.frontend.hop if config.model.encoder_blocks else 0)

    def feature_model(self, samples: int) -> Any:
        """Clips [B, samples] (a multiple of the chunk) to features [B, T, 1, F] and speech weights [B, T]."""
        clip = tf_keras.Input((samples,), name="samples")
        padded = tf.pad(clip, [[0, 0], [self.config.frontend.overlap, 0]])
        trackers = tf.repeat(tf.constant(self.frontend.measure.initial_state()), tf.shape(clip)[0], axis=0)
        features, mask, _ = self.frontend(padded, trackers)
        features = self._with_samples(features, clip)
        return tf_keras.Model(clip, [features, mask], name="features")

    def model_of(self, steps: Sequence[Step], frames: int, *, last_only: bool = False) -> Any:
        """Model of some of the steps, from features [B, T, 1, F] and speech weights [B, T] to what they give.

        ``last_only``: what follows a pooling sees the statistics after the last chunk alone.
        """
        features = tf_keras.Input((frames, 1, self.n_features), name="features")
        view = View(self.layers, self.form, tf_keras.Input((frames,), name="mask"), last_only=last_only)
        return tf_keras.Model([features, view.mask], view.run(steps, features))

    def statistics_model(self, frames: int) -> Any:
        """Features [B, T, 1, F] and speech weights [B, T] to pooled statistics after each chunk [B, T / chunk, S].

        Of several branches, those of the first.
        """
        return self.model_of(until_pooled(self.blocks), frames)

    def raw_score_model(self, frames: int, *, last_only: bool = False) -> Any:
        """Features [B, T, 1, F] and speech weights [B, T] to the raw score after each chunk [B, T / chunk].

        ``last_only``: after the last chunk alone [B, 1].
        """
        return self.model_of([*self.blocks, lambda raw_score: raw_score[..., 0]], frames, last_only=last_only)

    def _with_samples(self, features: Any, samples: Any) -> Any:
        """Append the samples of each hop to its features, for the families that read them."""
        if self.n_features == self.config.frontend.n_features:
            return features
        batch = -1 if samples.shape[0] is None else samples.shape[0]
        frames, hop = features.shape[1], self.config.frontend.hop
        return tf.concat([features, tf.reshape(samples, [batch, frames, 1, hop])], axis=3)

    def clip_model(self, samples: int) -> Any:
        """Clips [B, samples] to the raw score after each chunk [B, samples / chunk]."""
        features = self.feature_model(samples)
        raw_score = self.raw_score_model(samples // self.config.frontend.hop)
        return tf_keras.Model(features.input, raw_score(features.output), name="clip")

    def step_model(self) -> Any:
        """``{samples, states} -> {raw_score, speech_frames, states}`` on one chunk [1, chunk_samples]."""
        frontend, view = self.config.frontend, View(self.layers, self.form, streaming=True)
        samples = tf_keras.Input(batch_shape=(1, self.config.model.chunk_samples), name="samples")
        whole = samples
        if frontend.overlap:
            whole = tf.concat([view.state("state_samples", (frontend.overlap,)), samples], axis=1)
            view.outputs["state_samples"] = whole[:, -frontend.overlap :]
        trackers = view.state("state_trackers", (2,))
        features, view.mask, view.outputs["state_trackers"] = self.frontend(whole, trackers)
        view.samples = samples
        raw_score = view.run(self.blocks, features)[..., 0]
        outputs = {
            "raw_score": raw_score[:, 0],
            "speech_frames": tf.reduce_sum(view.mask, axis=1),
            **view.outputs,
        }
        return tf_keras.Model({"samples": samples, **view.inputs}, outputs, name="step")

    def initial_states(self) -> dict[str, np.ndarray]:
        """States at the start of a stream, by the names of `step_model`'s inputs."""
        shapes = {tensor.name: tensor.shape for tensor in self.step_model().inputs}
        states = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name != "samples"}
        states["state_trackers"] = self.frontend.measure.initial_state()
        return states


def until_pooled(steps: Sequence[Step]) -> list[Step]:
    """Return the steps up to the first pooling, of the first branch that has one; none where nothing is pooled."""
    for place, step in enumerate(steps):
        if isinstance(step, StatisticsPooling):
            return list(steps[: place + 1])
        inner = step.steps if isinstance(step, Block) else () if callable(step) else step
        if found := until_pooled(inner):
            return [*steps[:place], *found]
    return []
