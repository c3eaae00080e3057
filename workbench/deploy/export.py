"""From a deployed network to the bytes of a `.tflite` that carries its contract."""

from __future__ import annotations

import tempfile
from typing import Any

import tensorflow as tf
import tf_keras

from edge.contract import Contract, embed_contract
from edge.model import SIGNATURE
from workbench.deploy.fold import bare
from workbench.deploy.half_precision import halve_filter_banks
from workbench.models.layers import ActivationQuantizer
from workbench.models.network import Network
from workbench.models.planes import planes_of


def export_tflite(network: Network, contract: Contract) -> bytes:
    """Convert the step graph of ``network``: int8 where it was trained or calibrated so, float elsewhere."""
    step = network.step_model()
    names = ["samples", *contract.state_names]
    specs = {tensor.name: tf.TensorSpec(tensor.shape, tf.float32, name=tensor.name) for tensor in step.inputs}

    class Exported(tf.Module):
        @tf.function
        def run(self, **inputs: Any) -> Any:
            return step(inputs, training=False)

    module = Exported()
    module.model = step  # the module owns the variables that it saves
    function = module.run.get_concrete_function(**{name: specs[name] for name in names})
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={SIGNATURE: function})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        if network.quantized:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        model = converter.convert()
    return embed_contract(make_smaller(model), contract)


def make_smaller(model: bytes) -> bytes:
    """Drop the names of inner tensors, a fifth of a small file, and keep filter banks in half precision.

    The signature keeps its own names of the interface.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    flat = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    for subgraph in flat.subgraphs:
        for tensor in subgraph.tensors:
            tensor.name = None
    halve_filter_banks(flat)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(flat))


def state_names(network: Network) -> tuple[str, ...]:
    """Names of the carried states, sorted."""
    return tuple(sorted(tensor.name for tensor in network.step_model().inputs if tensor.name != "samples"))


def count_parameters(network: Network) -> int:
    """Numbers that inference uses: the weights of every layer, but for what normalises a convolution and folds into it.

    What `workbench.models.band_blocks` repeats counts once, and ranges of int8 do not count.
    """
    total = 0
    for name, layer in network.layers.items():
        part = name.removesuffix("_conv")
        if name.startswith("patch_") and part != name:
            bias = layer.trainable_weights[-1]
            filters = bias.shape[0] // network.patch_block(part)
            length, span = network.config.model.patch_size
            total += filters * (length * span * planes_of(network.config.frontend)[part].channels + 1)
        elif isinstance(bare(layer), tf_keras.layers.Conv2D):
            total += sum(int(tf.size(variable)) for variable in layer.trainable_weights)
        elif not isinstance(layer, ActivationQuantizer) and f"{name.removesuffix('_norm')}_conv" not in network.layers:
            total += layer.count_params()
    return total
