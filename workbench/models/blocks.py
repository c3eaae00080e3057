"""Blocks that networks are listed from: each owns its stream state, int8 emulation and folding.

A network is a list of *steps*, top to bottom. A step is a Keras layer, a function of a tensor, a list of steps, or a
`Block`: `Causal` gives a step the past of the stream, `Quantised` makes it int8, `Convolution` folds its batch
normalisation. Letters: B batch, T frames, C channels; frames are [B, T, 1, C].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray
from tensorflow_model_optimization.quantization import keras as tfmot_quantization
from tensorflow_model_optimization.sparsity import keras as tfmot_sparsity

from edge.contract import FrontEndSpec
from workbench.models.config import ModelConfig
from workbench.models.layers import ActivationQuantizer, Int8Kernels, RunningStatistics, Taps, bare

Float = NDArray[np.float32]
Weights = dict[str, list[Float]]
"""Weights by the name of their layer."""

_EPSILON = 1e-3
"""Of batch normalisation, beside the variance."""
_LEAK = 0.3


@dataclass(frozen=True)
class Form:
    """What a network is built for: `TRAINED`, `FOLDED` or `INT8`.

    ``folded``: batch normalisation is part of the convolutions, as it ships. ``int8``: int8 is emulated on weights and
    activations. ``pruning``: a schedule of the toolkit's magnitude pruning for every convolution.
    """

    folded: bool = False
    int8: bool = False
    pruning: Any = None


TRAINED, FOLDED, INT8 = Form(), Form(folded=True), Form(folded=True, int8=True)


@dataclass
class View:
    """A graph of a network under construction: a whole clip, whose past is zeros, or one step of a stream.

    ``layers`` are those of the network, shared by all of its views; ``inputs`` and ``outputs`` are the carried states.
    """

    layers: dict[str, Any]
    form: Form
    mask: Any = None
    """Speech weights [B, T]."""
    streaming: bool = False
    samples: Any = None
    """Of the chunk [1, n], in a stream: there they are no part of the features, where the converter would round them to
    the features' int8 grid."""
    last_only: bool = False
    """Pooled statistics are read after the last chunk alone."""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def run(self, step: Step, hidden: Any) -> Any:
        """Pass ``hidden`` through ``step``."""
        if isinstance(step, Block):
            return step(hidden, self)
        if isinstance(step, tf_keras.layers.Layer):
            own = self.layer(step.name, lambda name: step)
            if bare(own) is not step:
                raise ValueError(f"two layers of the network are called {step.name!r}: give each a name of its own")
            return own(hidden)
        if callable(step):
            return step(hidden)
        for part in step:
            hidden = self.run(part, hidden)
        return hidden

    def layer(self, name: str, make: Callable[..., Any]) -> Any:
        """The network's layer ``name``; ``make(name=name)`` makes it when it is first asked for."""
        if name not in self.layers:
            self.layers[name] = make(name=name)
        return self.layers[name]

    def weighted(self, name: str, make: Callable[..., Any], hidden: Any) -> Any:
        """Pass ``hidden`` through a Keras layer whose kernels are int8, or pruned, where the form asks for it."""

        def wrap(name: str) -> Any:
            layer = make(name=name)
            if self.form.pruning is not None:
                return tfmot_sparsity.prune_low_magnitude(layer, self.form.pruning, name=name)
            if not self.form.int8:
                return layer
            layer(hidden)  # builds the layers inside, whose kernels the wrapper asks for
            return tfmot_quantization.QuantizeWrapperV2(layer, Int8Kernels(), name=name)

        return self.layer(name, wrap)(hidden)

    def quantise(self, hidden: Any, name: str, beyond: float = 0.0) -> Any:
        """Put ``hidden`` on an int8 grid of its own, in an int8 network; see `ActivationQuantizer`."""
        if not self.form.int8:
            return hidden
        return self.layer(f"{name}_q", partial(ActivationQuantizer, beyond))(hidden)

    def add(self, block: Any, skip: Any, name: str) -> Any:
        """Sum of the two, each on an int8 grid and the sum on another; without ``skip``, ``block`` alone."""
        if skip is not None:
            block = self.quantise(block, f"{name}_act") + skip
        return self.quantise(block, f"{name}_out")

    def state(self, name: str, shape: Sequence[int]) -> Any:
        """The carried state ``name`` [1, *shape], as the chunk before left it: an input of the graph."""
        if name in self.inputs:
            raise ValueError(f"two states of the network are called {name!r}: give each block a name of its own")
        self.inputs[name] = tf_keras.Input(batch_shape=(1, *shape), name=name)
        return self.inputs[name]

    def past(self, hidden: Any, count: int, name: str) -> Any:
        """Put the ``count`` frames before ``hidden`` [B, T, ...] in front of it: the state ``name``, or zeros."""
        if not self.streaming:
            return tf.pad(hidden, [[0, 0], [count, 0], *([0, 0] for _ in hidden.shape[2:])])
        writer = hidden._keras_history.layer
        past = self.state(name, (count, *hidden.shape[2:]))
        # The state holds values of the int8 grid that it was cut from: putting them on it again changes nothing, and
        # lets the converter give both parts one scale.
        past = writer(past) if isinstance(writer, ActivationQuantizer) else past
        hidden = tf.concat([past, hidden], axis=1)
        self.outputs[name] = hidden[:, -count:]
        return hidden


class Block:
    """A step that needs more of its view than a tensor. Those around other steps name them in ``steps``."""

    steps: Sequence[Step] = ()

    def __call__(self, hidden: Any, view: View) -> Any:
        """Connect the block after ``hidden`` and return what it gives."""
        raise NotImplementedError

    def fold(self, weights: Weights) -> Weights:
        """Weights of the deployed form by those of the trained one; what is used is popped from ``weights``."""
        return fold_steps(self.steps, weights)


Step = Block | Callable[[Any], Any] | Sequence["Step"]


def fold_steps(step: Step, weights: Weights) -> Weights:
    """`Block.fold` of every block below ``step``; the weights of a Keras layer stay as they are."""
    if isinstance(step, Block):
        return step.fold(weights)
    if isinstance(step, tf_keras.layers.Layer):
        return {step.name: weights.pop(step.name)} if step.name in weights else {}
    parts = [] if callable(step) else [fold_steps(part, weights) for part in step]
    return {name: values for part in parts for name, values in part.items()}


def walk(step: Step) -> Iterator[Any]:
    """Every block, Keras layer and function below ``step``, in order."""
    if isinstance(step, Block) or callable(step):
        yield step
    for part in step.steps if isinstance(step, Block) else () if callable(step) else step:
        yield from walk(part)


def name_of(step: Any) -> str:
    """Name of a Keras layer or block, after which a block around it is called."""
    return str(step.name)


class Causal(Block):
    """Give ``step`` the ``context`` frames before its own: carried along in a stream, zeros before a clip.

    ``step`` turns [B, context + T, 1, C] into [B, T, 1, C'].
    """

    def __init__(self, step: Step, context: int, name: str = "") -> None:
        self.steps, self.context, self.name = [step], context, name or name_of(step)

    def __call__(self, hidden: Any, view: View) -> Any:
        if self.context:
            hidden = view.past(hidden, self.context, f"state_{self.name}")
        return view.run(self.steps, hidden)


class Quantised(Block):
    """Put what ``step`` gives on an int8 grid; the kernels of a Keras layer, and of those inside it, become int8, too.

    Without ``step``, the input itself. ``beyond``: share of the values that may lie above the grid.
    """

    def __init__(self, step: Step = (), name: str = "", beyond: float = 0.0) -> None:
        self.steps, self.name, self.beyond = [step], name or name_of(step), beyond

    def __call__(self, hidden: Any, view: View) -> Any:
        step: Any = self.steps[0]
        weighted = isinstance(step, tf_keras.layers.Layer)
        hidden = view.weighted(step.name, lambda name: step, hidden) if weighted else view.run(step, hidden)
        return view.quantise(hidden, self.name, self.beyond)


class Convolution(Block):
    """A convolution [B, T, M, C] with its batch normalisation, where it has one, and its activation.

    Deployed, the normalisation is part of kernel and bias: ``gamma / sqrt(variance + epsilon)`` scales the output.
    """

    def __init__(
        self,
        name: str,
        filters: int,
        size: tuple[int, int] = (1, 1),
        strides: tuple[int, int] = (1, 1),
        *,
        batch_norm: bool = False,
        activation: str = "none",
    ) -> None:
        self.name, self.filters, self.size, self.strides = name, filters, size, strides
        self.batch_norm, self.activation = batch_norm, activation
        self.layer, self.norm = f"{name}_conv", f"{name}_norm"

    def __call__(self, hidden: Any, view: View) -> Any:
        return self.convolve(hidden, view, self.filters, self.size, self.strides)

    def convolve(
        self, hidden: Any, view: View, filters: int, size: tuple[int, int], strides: tuple[int, int] = (1, 1)
    ) -> Any:
        """The block with a kernel of another shape, as a deployed form may have it."""
        normalised = self.batch_norm and not view.form.folded
        options = {"use_bias": not normalised, "kernel_initializer": "he_normal"}
        conv = partial(tf_keras.layers.Conv2D, filters, size, strides, **options)
        hidden = view.weighted(self.layer, conv, hidden)
        if normalised:
            hidden = view.layer(self.norm, partial(tf_keras.layers.BatchNormalization, epsilon=_EPSILON))(hidden)
        if self.activation == "relu":
            return view.layer(f"{self.name}_act", tf_keras.layers.ReLU)(hidden)
        if self.activation == "leaky_relu":
            # No part of the convolution in TFLite, as a ReLU is: its input has a grid of its own.
            hidden = view.quantise(hidden, self.layer)
            return view.layer(f"{self.name}_act", partial(tf_keras.layers.LeakyReLU, _LEAK))(hidden)
        return hidden

    def fold(self, weights: Weights) -> Weights:
        kernel, *rest = weights.pop(self.layer)
        bias = rest[0] if rest else np.zeros(kernel.shape[-1], np.float32)
        if self.norm in weights:
            gamma, beta, mean, variance = weights.pop(self.norm)
            scale = gamma / np.sqrt(variance + _EPSILON)
            kernel, bias = kernel * scale, (bias - mean) * scale + beta
        return {self.layer: [kernel, bias]}

    def parameters(self, kernel: Float) -> int:
        """Weights and biases that inference uses, by the ``kernel`` of any form."""
        return kernel.size + kernel.shape[-1]


def temporal(convolution: Convolution, kernel: int, dilation: int) -> Causal:
    """A causal dilated convolution over time: ``kernel`` taps side by side, then the 1x1 ``convolution``."""
    taps = Taps(kernel, dilation, name=f"{convolution.name}_taps")
    return Causal([taps, convolution], (kernel - 1) * dilation, convolution.name)


class Residual(Block):
    """Add the input of ``step`` to what it gives, where the widths agree."""

    def __init__(self, step: Step, name: str) -> None:
        self.steps, self.name = [step], name

    def __call__(self, hidden: Any, view: View) -> Any:
        block = view.run(self.steps, hidden)
        return view.add(block, hidden if hidden.shape[-1] == block.shape[-1] else None, self.name)


class Parallel(Block):
    """Give the same input to several branches, and their channels side by side."""

    def __init__(self, branches: Sequence[Step]) -> None:
        self.steps = branches

    def __call__(self, hidden: Any, view: View) -> Any:
        outputs = [view.run(branch, hidden) for branch in self.steps]
        return tf.concat(outputs, axis=-1) if len(outputs) > 1 else outputs[0]


class TrainedOnly(Block):
    """A layer, such as dropout, that the deployed network does not have."""

    def __init__(self, layer: Any) -> None:
        self.steps = [layer]

    def __call__(self, hidden: Any, view: View) -> Any:
        return hidden if view.form.folded else view.run(self.steps, hidden)


class StatisticsPooling(Block):
    """Frames to speech-weighted running statistics after each chunk [B, T / chunk, S]; see `RunningStatistics`.

    Where frames and speech weights differ in number, the weights are averaged over the time of each frame.
    """

    def __init__(self, model: ModelConfig, frontend: FrontEndSpec, name: str = "pool") -> None:
        self.statistics, self.chunk_frames = model.statistics, model.chunk_samples // frontend.hop
        self.forgetting = None if model.forgetting_s is None else model.forgetting_s * frontend.frames_per_s
        self.name, self.state = name, "state_sums" if name == "pool" else f"state_{name}_sums"

    def __call__(self, hidden: Any, view: View) -> Any:
        mask, frames = view.mask, hidden.shape[1]
        weights = mask.shape[1]
        forgetting = None if self.forgetting is None else self.forgetting * frames / weights
        chunk = self.chunk_frames * frames // weights
        pool = view.layer(self.name, partial(RunningStatistics, chunk, forgetting, self.statistics))
        size = 1 + 2 * hidden.shape[-1]
        sums = view.state(self.state, (size,)) if view.streaming else tf.zeros([tf.shape(mask)[0], size])
        statistics, view.outputs[self.state] = pool(hidden, averaged(mask, frames), sums)
        return statistics[:, -1:] if view.last_only else statistics


def averaged(mask: Any, frames: int) -> Any:
    """Average speech weights [B, T] over the time of each of ``frames`` frames [B, frames]."""
    weights = mask.shape[1]
    groups = math.gcd(weights, frames)
    old, new = weights // groups, frames // groups
    if new == 1:
        return mask if old == 1 else tf.reduce_mean(tf.reshape(mask, [-1, frames, old]), axis=2)
    # In a group both rows of intervals span the same time: old ones are ``new`` long, new ones ``old``.
    first, second = np.arange(old)[:, None] * new, np.arange(new)[None, :] * old
    shared = np.minimum(first + new, second + old) - np.maximum(first, second)
    shares = np.maximum(shared, 0).astype(np.float32) / old
    return tf.reshape(tf.matmul(tf.reshape(mask, [-1, old]), shares), [-1, frames])


def dense_head(units: int) -> list[Any]:
    """Statistics to the raw score: through ``units`` hidden ones, or, with 0, linear. It stays float."""
    hidden = [
        tf_keras.layers.Dense(units, name="head_hidden"),
        tf_keras.layers.BatchNormalization(name="head_norm"),
        tf_keras.layers.LeakyReLU(_LEAK, name="head_act"),
    ]
    return [*(hidden if units else ()), tf_keras.layers.Dense(1, name="head_raw_score")]
