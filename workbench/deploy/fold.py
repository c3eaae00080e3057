"""From trained weights to the deployed network: fold, prune, fine-tune. Every weight arrives, or `fold` refuses."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from workbench.errors import QuantizeError
from workbench.models.blocks import FOLDED, Convolution, Form, Weights, fold_steps, walk
from workbench.models.layers import bare, own_weights
from workbench.models.network import Network
from workbench.train.descent import Stepper

Float = NDArray[np.float32]


def fold(network: Network, form: Form = FOLDED) -> Network:
    """Copy ``network`` to its deployed form: batch normalisation folded into the convolutions before it.

    Folding first means that quantisation sees the very weights that ship (Jacob et al. 2018, section 3.2). Each block
    folds its own layers (`workbench.models.blocks.Block.fold`); other Keras layers keep their weights.

    Raises
    ------
    QuantizeError
        A layer holds weights that no block folds, or that have no place in the deployed network.
    """
    deployed = Network(network.config, family=network.family, form=form)
    trained = _weights(network)
    folded = fold_steps(network.blocks, trained)
    wanted = {name: own_weights(deployed.layers[name]) for name in _weights(deployed)}
    for name in {*trained, *folded.keys() ^ wanted.keys()}:
        raise QuantizeError(
            f"the weights of layer {name!r} have no counterpart in the other form, and the deployed network would keep "
            "random ones: give the layer the same name in every network, and let the block that makes it move its "
            "weights in Block.fold"
        )
    for name, values in folded.items():
        shapes = [variable.shape for variable in wanted[name]], [value.shape for value in values]
        if list(map(tuple, shapes[0])) != shapes[1]:
            raise QuantizeError(
                f"layer {name!r} has weights of shapes {shapes[1]} where it was trained and {shapes[0]} deployed; "
                "let the block that makes it change them in Block.fold"
            )
        for variable, value in zip(wanted[name], values, strict=True):
            variable.assign(value)
    return deployed


def _weights(network: Network) -> Weights:
    """Weights of every layer of the network that has any, by its name."""
    model = network.raw_score_model(network.chunk_frames)
    known = {id(weight) for layer in network.layers.values() for weight in layer.weights}
    for layer in model.layers:
        if any(id(weight) not in known for weight in layer.weights):
            raise QuantizeError(
                f"layer {layer.name!r} ({type(layer).__name__}) was made while the graph was built: each view of the "
                "network has one of its own, with random weights; list it as a step, or make it by View.layer"
            )
    found = {name: [weight.numpy() for weight in own_weights(layer)] for name, layer in network.layers.items()}
    return {name: weights for name, weights in found.items() if weights}


def count_parameters(network: Network) -> int:
    """Count the numbers that inference uses: of every layer, with normalisation folded into its convolution.

    What `workbench.models.space_to_depth` repeats counts once.
    """
    weights = _weights(network)
    total = 0
    for block in walk(network.blocks):
        if isinstance(block, Convolution):
            total += block.parameters(weights.pop(block.layer)[0])
            weights.pop(block.norm, None)
    return total + sum(value.size for values in weights.values() for value in values)


def fine_tune(
    network: Network, batches: Iterable[tuple[Float, Float, Float]], frames: int, learning_rate: float
) -> list[float]:
    """Train a deployed network for as many steps as ``batches`` has; pruned (exactly zero) weights stay zero.

    On a quantised network this is quantisation-aware training with the toolkit's quantisers.
    """
    stepper = Stepper(network, frames, lambda share: tf_keras.optimizers.Adam(share * learning_rate))
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
    """Fold ``network`` and set ``sparsity`` of each convolution's weights to zero, by the toolkit's magnitude pruning
    on a polynomial schedule over ``steps`` steps of fine-tuning.
    """
    from tensorflow_model_optimization.sparsity import keras as sparsity_keras

    schedule = sparsity_keras.PolynomialDecay(0.0, sparsity, 0, max(int(steps * 0.7), 1), frequency=max(steps // 50, 1))
    pruned = fold(network, Form(folded=True, pruning=schedule))
    stepper = Stepper(pruned, frames, lambda share: tf_keras.optimizers.Adam(share * learning_rate))
    callback = sparsity_keras.UpdatePruningStep()
    callback.set_model(stepper.model)
    callback.on_train_begin()
    for index, (features, mask, labels) in enumerate(batches):
        callback.on_train_batch_begin(batch=index)
        stepper(features, mask, labels)
        callback.on_epoch_end(batch=index)
    return fold(pruned)


def sparsity_of(network: Network) -> float:
    """Share of convolution weights that are exactly zero."""
    layers = [layer for layer in network.layers.values() if isinstance(bare(layer), tf_keras.layers.Conv2D)]
    kernels = [own_weights(layer)[0].numpy() for layer in layers]
    return float(sum((kernel == 0).sum() for kernel in kernels) / sum(kernel.size for kernel in kernels))
