"""From trained floating-point weights to the deployed network: fold, prune, calibrate, fine-tune."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from workbench.errors import QuantizeError
from workbench.models.band_blocks import spread
from workbench.models.heads import CompressionLayer
from workbench.models.layers import ActivationQuantizer
from workbench.models.network import Network
from workbench.train.descent import Stepper

Float = NDArray[np.float32]


def fold(network: Network, *, quantized: bool) -> Network:
    """Copy ``network`` to its deployed form: batch normalisation folded into the convolutions before it.

    Folding first means that quantisation sees the very weights that ship (Jacob et al. 2018, section 3.2). Weights move
    by the type of their layer.

    Raises
    ------
    QuantizeError
        A layer holds weights for which there is no rule, or which have no place in the deployed network.
    """
    deployed = Network(network.config, quantized=quantized, folded=True)
    trained_model = network.raw_score_model(network.chunk_frames)
    deployed_model = deployed.raw_score_model(network.chunk_frames)
    moved: set[str] = set()
    for name, layer in network.layers.items():
        if isinstance(bare(layer), tf_keras.layers.Conv2D):
            norm = name.removesuffix("_conv") + "_norm"
            kernel, bias = folded_weights(layer, network.layers.get(norm))
            part = name.removesuffix("_conv")
            block = deployed.patch_block(part) if name.startswith("patch_") else 1
            if block > 1 and not network.deployed:
                kernel, bias = spread(kernel, bias, block, deployed.patch_step(part))
            assign_convolution(deployed.layers[name], kernel, bias)
            moved |= {name, norm}
        elif type(layer) in _COPIED and name in deployed.layers:
            deployed.layers[name].set_weights(layer.get_weights())
            moved.add(name)
    _check_all_moved(trained_model, network, moved)
    _check_all_moved(deployed_model, deployed, moved)
    return deployed


_COPIED = (tf_keras.layers.Dense, tf_keras.layers.BatchNormalization, CompressionLayer)
"""Layers whose weights stay as they are; what normalises a convolution has no counterpart in the deployed network."""


def _check_all_moved(model: Any, network: Network, moved: set[str]) -> None:
    known = {
        id(weight)
        for name, layer in network.layers.items()
        if name in moved or isinstance(layer, ActivationQuantizer)
        for weight in layer.weights
    }
    for layer in model.layers:
        if any(id(weight) not in known for weight in layer.weights):
            raise QuantizeError(
                f"layer {layer.name!r} ({type(layer).__name__}) has weights that workbench.deploy.fold cannot move to "
                "the deployed network, which would keep random ones: make it by Network._layer, under one name in both "
                f"forms, of a type among {', '.join(kind.__name__ for kind in _COPIED)} or Conv2D, or add a rule"
            )


def bare(layer: Any) -> Any:
    """``layer`` without the toolkit's wrapper for pruning or quantisation."""
    return layer.layer if isinstance(layer, tf_keras.layers.Wrapper) else layer


def folded_weights(convolution: Any, norm: Any | None) -> tuple[Float, Float]:
    """Kernel and bias of ``convolution`` followed by ``norm``: gamma / sqrt(variance + epsilon) scales the output."""
    weights = convolution.get_weights()
    kernel = weights[0]
    bias = weights[1] if len(weights) > 1 else np.zeros(kernel.shape[-1], np.float32)
    if norm is None:
        return kernel, bias
    gamma, beta, mean, variance = norm.get_weights()
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return kernel * scale, (bias - mean) * scale + beta


def assign_convolution(layer: Any, kernel: Float, bias: Float) -> None:
    """Set kernel and bias of a convolution, bare or in the toolkit's quantising wrapper."""
    variables = _variables(layer)
    variables["kernel"].assign(kernel)
    variables["bias"].assign(bias)


def convolution_weights(layer: Any) -> tuple[Float, Float]:
    """Kernel and bias of a convolution, bare or in the toolkit's quantising wrapper."""
    variables = _variables(layer)
    return variables["kernel"].numpy(), variables["bias"].numpy()


def _variables(layer: Any) -> dict[str, Any]:
    return {variable.name.split("/")[-1].split(":")[0]: variable for variable in layer.trainable_weights}


def set_weight_ranges(layer: Any) -> None:
    """Give a quantising wrapper the range of the weights that it holds, channel by channel.

    The toolkit moves these ranges while it trains and starts them at ±6: without this, weights of a few tenths would be
    rounded to a handful of levels.
    """
    for weight, _, ranges in layer._weight_vars:
        largest = np.abs(weight.numpy()).max(axis=tuple(range(len(weight.shape) - 1)))
        # A channel of zeros (pruned away) needs a range too.
        largest = np.maximum(largest, 1e-6)
        ranges["min_var"].assign(-largest)
        ranges["max_var"].assign(largest)


def calibrate(network: Network, batches: Iterable[tuple[Float, Float]], frames: int) -> None:
    """Set the ranges of a quantised network, of activations from (features, mask) batches: post-training int8."""
    # Built before observing: building runs the layers on symbols.
    model = network.raw_score_model(frames)
    for name, layer in network.layers.items():
        if name.endswith(("_conv", "_skip")):
            set_weight_ranges(layer)
    quantizers = [layer for layer in network.layers.values() if isinstance(layer, ActivationQuantizer)]
    for quantizer in quantizers:
        quantizer.observe()
    for features, mask in batches:
        model([features, mask], training=False)
    for quantizer in quantizers:
        quantizer.freeze()


def fine_tune(
    network: Network, batches: Iterable[tuple[Float, Float, Float]], frames: int, learning_rate: float
) -> list[float]:
    """Train a deployed network for as many steps as ``batches`` has; pruned (exactly zero) weights stay zero.

    On a quantised network this is quantisation-aware training with the toolkit's quantisers.
    """
    stepper = Stepper(network, frames, tf_keras.optimizers.Adam(learning_rate))
    kernels = [variable for variable in stepper.model.trainable_variables if "kernel" in variable.name]
    masks = [tf.cast(variable != 0.0, tf.float32) for variable in kernels]
    losses = []
    for features, mask, labels in batches:
        losses.append(stepper(features, mask, labels))
        for variable, keep in zip(kernels, masks, strict=True):
            variable.assign(variable * keep)
    return losses


def prune(
    network: Network,
    batches: Iterable[tuple[Float, Float, Float]],
    steps: int,
    frames: int,
    sparsity: float,
    learning_rate: float,
) -> Network:
    """A folded copy of ``network`` with ``sparsity`` of each convolution's weights at zero, by the toolkit's
    magnitude pruning on a polynomial schedule over ``steps`` steps of fine-tuning.
    """
    from tensorflow_model_optimization.sparsity import keras as sparsity_keras

    schedule = sparsity_keras.PolynomialDecay(0.0, sparsity, 0, max(int(steps * 0.7), 1), frequency=max(steps // 50, 1))
    pruned = Network(network.config, folded=True, pruning=schedule)
    pruned.raw_score_model(frames)
    folded = fold(network, quantized=False)
    for name, layer in folded.layers.items():
        if name.endswith(("_conv", "_skip")):
            assign_convolution(pruned.layers[name], *layer.get_weights())
        elif name.startswith("head_"):
            pruned.layers[name].set_weights(layer.get_weights())
    stepper = Stepper(pruned, frames, tf_keras.optimizers.Adam(learning_rate))
    callback = sparsity_keras.UpdatePruningStep()
    callback.set_model(stepper.model)
    callback.on_train_begin()
    for index, (features, mask, labels) in enumerate(batches):
        callback.on_train_batch_begin(batch=index)
        stepper(features, mask, labels)
        callback.on_epoch_end(batch=index)
    for name in list(folded.layers):
        if name.endswith(("_conv", "_skip")):
            folded.layers[name].set_weights(pruned.layers[name].layer.get_weights()[:2])
        elif name.startswith("head_"):
            folded.layers[name].set_weights(pruned.layers[name].get_weights())
    return folded


def sparsity_of(network: Network) -> float:
    """Share of convolution weights that are exactly zero."""
    kernels = [layer.get_weights()[0] for name, layer in network.layers.items() if name.endswith(("_conv", "_skip"))]
    return float(sum((kernel == 0).sum() for kernel in kernels) / sum(kernel.size for kernel in kernels))
