"""From a deployed network to the bytes of a `.tflite` that carries its contract."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from typing import Any

import tensorflow as tf

from edge.contract import Contract, embed_contract
from edge.model import SIGNATURE
from workbench.deploy.int8 import halve_filter_banks, round_kernels
from workbench.models.layers import ActivationQuantizer
from workbench.models.network import Network
from workbench.train.pretrained import pretrained_kernels


def export_tflite(network: Network, contract: Contract) -> bytes:
    """Convert the step graph of ``network``: int8 where quantisers say so, float elsewhere."""
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
        # Without a quantiser of ours it would round every constant, matrices of the front end among them.
        if any(isinstance(layer, ActivationQuantizer) for layer in network.layers.values()):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        model = converter.convert()
    rounded = pretrained_kernels(network.config.model.encoder_blocks) if network.form.int8 else ()
    return embed_contract(make_smaller(model, rounded), contract)


def make_smaller(model: bytes, int8_layers: Collection[str] = ()) -> bytes:
    """Make int8 of the kernels of ``int8_layers``, and float16 of filter banks; drop the names of inner tensors.

    Those are a fifth of a small file; the signature keeps its own names of the interface.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    flat = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    round_kernels(flat, int8_layers)
    for subgraph in flat.subgraphs:
        for tensor in subgraph.tensors:
            tensor.name = None
    halve_filter_banks(flat)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(flat))


def state_names(network: Network) -> tuple[str, ...]:
    """Names of the carried states, sorted."""
    return tuple(sorted(tensor.name for tensor in network.step_model().inputs if tensor.name != "samples"))
