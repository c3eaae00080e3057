"""The detector network: one set of layers, seen as a whole-clip model (training) or as a stream step (shipping)."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow_model_optimization.quantization import keras as tfmot_quantization
from tensorflow_model_optimization.sparsity import keras as sparsity

from edge.contract import FrontEndSpec, SpeechSpec
from workbench.config import ExperimentConfig
from workbench.frontend.layer import MelFrontEnd
from workbench.models.band_blocks import band_block, blocks_spanned, rows_before, steps_spanned
from workbench.models.heads import CompressionLayer
from workbench.models.layers import ActivationQuantizer, ConvolutionQuantization, RunningMean, RunningStatistics, Taps
from workbench.models.planes import planes_of
from workbench.models.row_blocks import rows_as_channels
from workbench.models.states import States

_BEYOND = 1e-4
"""Share of a filter's responses that int8 may cut off at the top: half of the range holds no more than that."""


class Network:
    """Layers of the detector, made once and shared by every view of it.

    ``quantized`` builds the deployment form: batch normalisation folded into the convolutions, int8 emulated on
    weights and activations. ``folded`` is the same in floating point. ``pruning`` is a schedule of the toolkit's
    magnitude pruning for every convolution.
    """

    def __init__(
        self, config: ExperimentConfig, *, quantized: bool = False, folded: bool = False, pruning: Any = None
    ) -> None:
        self.config, self.quantized = config, quantized
        self.deployed = folded or quantized
        self.normalised = config.model.batch_norm and not self.deployed
        self.layers: dict[str, Any] = {}
        self._pruning = pruning
        frontend: FrontEndSpec = config.frontend
        speech: SpeechSpec = config.speech
        model = config.model
        self.frontend = MelFrontEnd(frontend, speech, name="frontend")
        self.mean = RunningMean(frontend, name="mean") if frontend.mean_s else None
        forgetting = None if model.forgetting_s is None else model.forgetting_s * frontend.frames_per_s
        self.chunk_frames = model.chunk_samples // frontend.hop
        stride = model.frame_stride
        forgetting = None if forgetting is None else forgetting / stride
        self.pool = RunningStatistics(self.chunk_frames // stride, forgetting, model.statistics, name="pool")
        self.width = model.patch_filters * model.patch_regions
        self.width += model.widths[-1] * len(model.kernels) if model.widths else 0

    # -- views -------------------------------------------------------------------------------------------------

    def feature_model(self, samples: int) -> Any:
        """Clips [B, samples] (a multiple of the chunk) to features [B, T, 1, F] and speech weights [B, T]."""
        clip = tf_keras.Input((samples,), name="samples")
        padded = tf.pad(clip, [[0, 0], [self.config.frontend.overlap, 0]])
        trackers = tf.repeat(tf.constant(self.frontend.measure.initial_state()), tf.shape(clip)[0], axis=0)
        features, mask, _ = self.frontend(padded, trackers)
        if self.mean is not None:
            features, _ = self.mean(features, mask, tf.zeros([tf.shape(clip)[0], 1 + self.config.frontend.n_features]))
        return tf_keras.Model(clip, [features, mask], name="features")

    def raw_score_model(self, frames: int) -> Any:
        """Features [B, T, 1, F] and speech weights [B, T] to evidence after each chunk [B, T / chunk]."""
        statistics = self.statistics_model(frames)
        return tf_keras.Model(statistics.inputs, self._head(statistics.output), name="raw_score")

    def statistics_model(self, frames: int) -> Any:
        """Features [B, T, 1, F] and speech weights [B, T] to what the head reads after each chunk [B, T / chunk, S]."""
        features = tf_keras.Input((frames, 1, self.config.frontend.n_features), name="features")
        mask = tf_keras.Input((frames,), name="mask")
        encoded = self._encode(features, States(streaming=False))
        sums = tf.zeros([tf.shape(mask)[0], 1 + 2 * self.width])
        statistics, _ = self.pool(encoded, self._strided(mask), sums)
        return tf_keras.Model([features, mask], statistics, name="statistics")

    def clip_model(self, samples: int) -> Any:
        """Clips [B, samples] to evidence after each chunk [B, samples / chunk]."""
        features = self.feature_model(samples)
        raw_score = self.raw_score_model(samples // self.config.frontend.hop)
        return tf_keras.Model(features.input, raw_score(features.output), name="clip")

    def step_model(self) -> Any:
        """``{samples, states} -> {evidence, speech_frames, states}`` on one chunk [1, chunk_samples]."""
        frontend, states = self.config.frontend, States(streaming=True)
        samples = tf_keras.Input(batch_shape=(1, self.config.model.chunk_samples), name="samples")
        whole = samples
        if frontend.overlap:
            whole = tf.concat([states.recall("state_samples", (frontend.overlap,)), samples], axis=1)
            states.outputs["state_samples"] = whole[:, -frontend.overlap :]
        trackers = states.recall("state_trackers", (2,))
        features, mask, states.outputs["state_trackers"] = self.frontend(whole, trackers)
        if self.mean is not None:
            past = states.recall("state_mean", (1 + frontend.n_features,))
            features, states.outputs["state_mean"] = self.mean(features, mask, past)
        encoded = self._encode(features, states)
        sums = states.recall("state_sums", (1 + 2 * self.width,))
        statistics, states.outputs["state_sums"] = self.pool(encoded, self._strided(mask), sums)
        outputs = {
            "raw_score": self._head(statistics)[:, 0],
            "speech_frames": tf.reduce_sum(mask, axis=1),
            **states.outputs,
        }
        return tf_keras.Model({"samples": samples, **states.inputs}, outputs, name="step")

    def initial_states(self) -> dict[str, np.ndarray]:
        """States at the beginning of a stream, by the names of `step_model`'s inputs."""
        shapes = {tensor.name: tensor.shape for tensor in self.step_model().inputs}
        states = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name != "samples"}
        states["state_trackers"] = self.frontend.measure.initial_state()
        return states

    # -- parts -------------------------------------------------------------------------------------------------

    def _layer(self, name: str, make: Any) -> Any:
        if name not in self.layers:
            self.layers[name] = make(name=name)
        return self.layers[name]

    def _quantize(self, tensor: Any, name: str, beyond: float = 0.0) -> Any:
        if not self.quantized:
            return tensor
        return self._layer(f"{name}_q", lambda name: ActivationQuantizer(beyond, name=name))(tensor)

    def _encode(self, features: Any, states: States) -> Any:
        parts = []
        if self.config.model.patch_filters:
            hidden = self._patches(features, states)
            parts.append(hidden)
        else:
            hidden = self._quantize(features, "features")
        if self.config.model.widths:
            before = "regions" if parts else "features"
            hidden = self._quantize(hidden, before) if parts else hidden
            parts += [self._branch(hidden, before, kernel, states) for kernel in self.config.model.kernels]
        return tf.concat(parts, axis=-1) if len(parts) > 1 else parts[0]

    def _patches(self, features: Any, states: States) -> Any:
        """Features [B, T, 1, F] to each filter's mean rectified output in regions [B, T / stride, 1, R * K]."""
        model, frontend = self.config.model, self.config.frontend
        # As many frames as whole steps hold, which a deployed convolution reads; see `workbench.models.band_blocks`.
        context = rows_before(model.patch_size[0], model.frame_stride)
        # The past is kept as it is: power and phase span different ranges, and each has a grid of its own below.
        hidden = self._with_past(features, "state_patch", None, context, states)
        batch, planes, regions = -1 if hidden.shape[0] is None else hidden.shape[0], planes_of(frontend), []
        for name, filters in model.patch_parts(frontend).items():
            plane = planes[name]
            rows = hidden.shape[1] * plane.rows
            part = tf.reshape(hidden[..., plane.columns], [batch, rows, plane.bands, plane.channels])
            if name == "patch_brief":
                # Its rows are shorter than a frame: of the past only what the first place of a filter needs.
                part = part[:, context * plane.rows - rows_before(model.patch_size[0], self.patch_step(name)) :]
            regions.append(self._regions(self._quantize(part, f"{name}_in"), name, filters))
        return tf.concat(regions, axis=-1)

    def patch_block(self, name: str) -> int:
        """Neighbouring bands that ``patch_power`` or another part reads as channels, once deployed."""
        model, frontend = self.config.model, self.config.frontend
        if not self.deployed or model.patch_stride[1] != 1:
            return 1
        plane = planes_of(frontend)[name]
        return band_block(plane.bands, plane.channels, model.patch_size[1], model.patch_regions)

    def patch_step(self, name: str) -> int:
        """Rows from one place of a filter of ``name`` to the next: frames, or windows of the brief reading."""
        return self.config.model.patch_brief_step if name == "patch_brief" else self.config.model.frame_stride

    def _regions(self, hidden: Any, name: str, filters: int) -> Any:
        """Rows [B, T', M, C] to [B, T, 1, R * filters]: rectified filters, averaged in each region of bands."""
        model, block, along = self.config.model, self.patch_block(name), self.patch_step(name)
        (length, span), across, regions = model.patch_size, model.patch_stride[1], model.patch_regions
        steps = steps_spanned(length, along)
        batch = -1 if hidden.shape[0] is None else hidden.shape[0]
        if block > 1:
            hidden = rows_as_channels(hidden, along, steps, block)
            hidden = self._convolve(hidden, name, block * filters, (1, blocks_spanned(span, block)))
        else:
            hidden = hidden[:, steps * along - length :]
            hidden = self._convolve(hidden, name, filters, (length, span), (along, across))
        # Averaged as int8 of this very grid: a few large responses would make the average of the small ones coarse.
        hidden = self._quantize(hidden, f"{name}_out", beyond=_BEYOND)
        frames, positions = hidden.shape[1], block * hidden.shape[2]
        hidden = tf.reshape(hidden, [batch, frames, positions, filters]) if block > 1 else hidden
        width = positions // regions
        rows = planes_of(self.config.frontend)[name].rows * model.frame_stride // along
        hidden = tf.nn.avg_pool2d(hidden, (rows, width), (rows, width), "VALID")[:, :, :regions]
        return tf.reshape(hidden, [batch, frames // rows, 1, regions * filters])

    def _strided(self, mask: Any) -> Any:
        """Speech weights [B, T] of the vectors that are pooled [B, T / stride]."""
        stride = self.config.model.frame_stride
        return mask if stride == 1 else tf.reduce_mean(tf.reshape(mask, [-1, mask.shape[1] // stride, stride]), axis=2)

    def _with_past(self, hidden: Any, state: str, grid: str | None, context: int, states: States) -> Any:
        """``hidden`` with the ``context`` frames before it: the stream's own, or zeros before a clip."""
        if not context:
            return hidden
        if not states.streaming:
            return tf.pad(hidden, [[0, 0], [context, 0], [0, 0], [0, 0]])
        # A state that was dequantised from its grid is quantised again by it: that changes nothing, and tells the
        # converter that both parts share a scale.
        past = states.recall(state, (context, 1, hidden.shape[-1]))
        past = past if grid is None else self._quantize(past, grid)
        hidden = tf.concat([past, hidden], axis=1)
        states.outputs[state] = hidden[:, -context:]
        return hidden

    def _branch(self, hidden: Any, before: str, kernel: int, states: States) -> Any:
        model = self.config.model
        outputs: list[Any] = []
        for index, (width, dilation) in enumerate(zip(model.widths, model.dilations, strict=True)):
            name = f"k{kernel}_b{index}"
            grid = before if index == 0 else f"{before}_out"
            hidden_with_past = self._with_past(hidden, f"state_{name}", grid, (kernel - 1) * dilation, states)
            taps = self._layer(
                f"{name}_taps",
                lambda name, dilation=dilation: Taps(kernel, dilation, name=name),
            )(hidden_with_past)
            block = self._convolve(taps, name, width)
            block = self._skip(block, name, hidden, outputs, width)
            if model.dropout and index < len(model.widths) - 1 and not self.deployed:
                block = self._layer(
                    f"{name}_dropout", lambda name: tf_keras.layers.SpatialDropout2D(model.dropout, name=name)
                )(block)
            hidden, before = block, name
            outputs.append(block)
        return hidden

    def _convolve(
        self, tensor: Any, name: str, width: int, size: tuple[int, int] = (1, 1), stride: tuple[int, int] = (1, 1)
    ) -> Any:
        hidden = self._convolution(f"{name}_conv", width, bias=not self.normalised, size=size, stride=stride)(tensor)
        if self.normalised:
            hidden = self._layer(f"{name}_norm", tf_keras.layers.BatchNormalization)(hidden)
        if self.config.model.activation == "relu":
            return self._layer(f"{name}_act", tf_keras.layers.ReLU)(hidden)
        hidden = self._quantize(hidden, f"{name}_conv")
        return self._layer(f"{name}_act", lambda name: tf_keras.layers.LeakyReLU(0.3, name=name))(hidden)

    def _convolution(
        self, name: str, width: int, *, bias: bool, size: tuple[int, int] = (1, 1), stride: tuple[int, int] = (1, 1)
    ) -> Any:
        def make(name: str) -> Any:
            layer = tf_keras.layers.Conv2D(
                width, size, stride, use_bias=bias, kernel_initializer="he_normal", name=name
            )
            if self._pruning is not None:
                return sparsity.prune_low_magnitude(layer, self._pruning, name=name)
            if not self.quantized:
                return layer
            return tfmot_quantization.QuantizeWrapperV2(layer, ConvolutionQuantization(), name=name)

        return self._layer(name, make)

    def _skip(self, block: Any, name: str, hidden: Any, outputs: list[Any], width: int) -> Any:
        skip = None
        if self.config.model.skip == "identity" and hidden.shape[-1] == width:
            skip = hidden
        elif self.config.model.skip == "projection" and len(outputs) >= 2:
            skip = self._convolution(f"{name}_skip", width, bias=True)(outputs[-2])
            skip = self._quantize(skip, f"{name}_skip")
        if skip is None:
            return self._quantize(block, f"{name}_out")
        return self._quantize(self._quantize(block, f"{name}_act") + skip, f"{name}_out")

    def _head(self, statistics: Any) -> Any:
        units = self.config.model.head_units
        hidden = statistics
        if self.config.model.head_compression:
            hidden = self._layer("head_compression", lambda name: CompressionLayer(name=name))(hidden)
        if units:
            hidden = self._layer("head_hidden", lambda name: tf_keras.layers.Dense(units, name=name))(hidden)
            hidden = self._layer("head_norm", tf_keras.layers.BatchNormalization)(hidden)
            hidden = self._layer("head_act", lambda name: tf_keras.layers.LeakyReLU(0.3, name=name))(hidden)
        return self._layer("head_raw_score", lambda name: tf_keras.layers.Dense(1, name=name))(hidden)[..., 0]
