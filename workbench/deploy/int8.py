"""What turns weights and activations into int8: quantiser ranges, bias correction, and half precision for the rest.

`workbench.models.layers` emulates int8 in Keras; TensorFlow's converter, in `workbench.deploy.export`, writes it.

Bias correction (Nagel et al. 2019, section 4.2) takes out of a network what rounding does to it on average. Rounding a
filter's weights moves its response to what a patch holds on average, always to the same side, and a rectifier turns
rounding that is as often up as down into responses that are too large. Single ones are small; a head adds hundreds of
them up. Their mean is measured on audio, without labels.

Half precision keeps the front end's filter banks as float16 in the `.tflite`: half of the bytes, the same features. A
DEQUANTIZE before the product makes float32 of them. The runtimes do that once, as they load the model; the rounding, at
most one in two thousand of a filter's weight, is a few thousandths of a decibel. Matrices of a DFT stay as they are:
where large terms cancel, such rounding would leave a floor 66 dB under the loudest partial.

Dynamic range serves the encoder: int8 kernels with a scale for each output, activations that stay float and are rounded
to int8 row by row as a product begins. No ranges need be measured, and a quarter of the bytes are read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow_model_optimization.quantization import keras as tfmot_quantization

from workbench.models.blocks import walk
from workbench.models.layers import ActivationQuantizer, CompressionLayer, own_weights
from workbench.models.network import Network
from workbench.models.space_to_depth import BandConvolution

Float = NDArray[np.float32]
Batches = Sequence[tuple[Float, Float]]
"""Features [B, T, 1, F] and speech weights [B, T]."""

_LEVELS = 127.0
"""Of int8 weights, symmetric, on either side of zero."""
_SMALLEST_BYTES = 16_384
"""Smaller constants are not worth an operator."""
_HYBRID_VERSIONS = {schema.BuiltinOperator.FULLY_CONNECTED: 12, schema.BuiltinOperator.CONV_2D: 5}
"""Versions of the operators that take float activations and int8 kernels with a scale for each output."""
_DEQUANTIZE_FLOAT16 = 3
"""Version of DEQUANTIZE that takes float16."""


def set_ranges(network: Network, batches: Iterable[tuple[Float, Float]], frames: int) -> None:
    """Set the quantiser ranges of an int8 ``network``: of weights from themselves, of activations from ``batches``."""
    # Built before observing: building runs the layers on symbols.
    model = network.raw_score_model(frames)
    for layer in network.layers.values():
        if isinstance(layer, tfmot_quantization.QuantizeWrapperV2):
            set_weight_ranges(layer)
    quantizers = [layer for layer in network.layers.values() if isinstance(layer, ActivationQuantizer)]
    for quantizer in quantizers:
        quantizer.observe()
    for features, mask in batches:
        model([features, mask], training=False)
    for quantizer in quantizers:
        quantizer.freeze()


def set_weight_ranges(layer: Any) -> None:
    """Give a quantising wrapper the range of the weights that it holds, by channel where it has such ranges.

    The toolkit moves these ranges while it trains and starts them at ±6: without this, weights of a few tenths would be
    rounded to a handful of levels.
    """
    for weight, _, ranges in layer._weight_vars:
        by_channel = len(ranges["min_var"].shape) == 1
        largest = np.abs(weight.numpy()).max(axis=tuple(range(len(weight.shape) - by_channel)))
        # A channel of zeros (pruned away) needs a range too.
        largest = np.maximum(largest, 1e-6)
        ranges["min_var"].assign(-largest)
        ranges["max_var"].assign(largest)


def correct_biases(network: Network, batches: Batches) -> None:
    """Move the biases of an int8 network's filters over input planes by the mean error of their rounded weights."""
    speech = max(sum(float(mask.sum()) for _, mask in batches), 1.0)
    total = sum((features[:, :, 0] * mask[:, :, None]).sum(axis=(0, 1), dtype=np.float64) for features, mask in batches)
    for block in walk(network.blocks):
        if not isinstance(block, BandConvolution):
            continue
        plane = block.plane
        bands = (total / speech)[plane.columns].reshape(plane.rows, plane.bands, plane.channels).mean(axis=0)
        kernel, bias = own_weights(network.layers[block.layer])
        blocks = bands.reshape(1, 1, -1, block.block * plane.channels)
        # In a deployed kernel frames are channels, too; what a patch holds on average is the same in all of them.
        image = np.tile(blocks, (1, kernel.shape[0], 1, kernel.shape[2] // blocks.shape[3]))
        exact = kernel.numpy()
        error = tf.nn.conv2d(image.astype(np.float32), rounded(exact) - exact, 1, "VALID").numpy()
        bias.assign(bias.numpy() - error.mean(axis=(0, 1, 2)))


def rounded(kernel: Float) -> Float:
    """``kernel`` [shape=(…, filters)] as int8 holds it, with a step for each filter."""
    step = np.maximum(np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1))), 1e-6) / _LEVELS
    return np.asarray(np.round(kernel / step) * step, dtype=np.float32)


def correct_compression(reference: Network, network: Network, batches: Batches) -> None:
    """Move the compression of an int8 ``network`` by what int8 does, on average, to the statistics of ``batches``.

    ``reference`` is the same network, with the same weights, in float. Without compression nothing is done.
    """
    for layer in walk(network.blocks):
        if isinstance(layer, CompressionLayer):
            moved = []
            for features, mask in batches:
                after, before = (
                    each.statistics_model(features.shape[1])([features, mask])[:, -1].numpy()
                    for each in (network, reference)
                )
                moved.append(after - before)
            scale, shift = layer.get_weights()
            layer.set_weights([scale, shift - scale * np.concatenate(moved).mean(axis=0)])


def round_kernels(model: Any, layers: Collection[str]) -> None:
    """Make int8 of the large kernels that Keras layers named in ``layers`` hold in the parsed flatbuffer ``model``."""
    graph, raised = model.subgraphs[0], set()
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        tensor = graph.tensors[operator.inputs[1]] if kind in _HYBRID_VERSIONS else None
        if tensor is None or not _is_kernel(model, tensor, layers):
            continue
        kernel = np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.float32).reshape(tensor.shape)
        rows = kernel.reshape(len(kernel), -1)
        step = np.maximum(np.abs(rows).max(axis=1), 1e-6) / _LEVELS
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = step, np.zeros(len(step), np.int64)
        tensor.quantization.quantizedDimension = 0
        tensor.type = schema.TensorType.INT8
        model.buffers[tensor.buffer].data = np.frombuffer(
            np.round(rows / step[:, None]).astype(np.int8).tobytes(), np.uint8
        )
        if kind == schema.BuiltinOperator.FULLY_CONNECTED:
            operator.builtinOptions.asymmetricQuantizeInputs = True
        raised.add(operator.opcodeIndex)
    for index in raised:
        # Earlier runtimes would read one scale for all outputs; by the version they refuse the model.
        code = model.operatorCodes[index]
        code.version = max(code.version, _HYBRID_VERSIONS[max(code.builtinCode, code.deprecatedBuiltinCode)])


def _is_kernel(model: Any, tensor: Any, layers: Collection[str]) -> bool:
    data = model.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.FLOAT32 or data is None or len(data) < _SMALLEST_BYTES:
        return False
    return not set(re.split("[/;]", (tensor.name or b"").decode())).isdisjoint(layers)


def halve_filter_banks(model: Any) -> None:
    """Make float16 of the large float32 matrices that the parsed flatbuffer ``model`` multiplies by, in place.

    Those alone that have no negative weight.
    """
    graph = model.subgraphs[0]
    kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    wanted = {
        operator.inputs[1]
        for operator in graph.operators
        if kinds[operator.opcodeIndex] == schema.BuiltinOperator.FULLY_CONNECTED
        and _is_filter_bank(model, graph.tensors[operator.inputs[1]])
    }
    if not wanted:
        return
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = _DEQUANTIZE_FLOAT16
    model.operatorCodes.append(code)
    for index in sorted(wanted):
        full = graph.tensors[index]
        half, buffer = schema.TensorT(), schema.BufferT()
        buffer.data = np.frombuffer(bytes(model.buffers[full.buffer].data), np.float32).astype(np.float16).tobytes()
        model.buffers.append(buffer)
        half.shape, half.type, half.buffer = full.shape, schema.TensorType.FLOAT16, len(model.buffers) - 1
        graph.tensors.append(half)
        full.buffer = 0  # the empty one: the tensor is computed now
        operator = schema.OperatorT()
        operator.opcodeIndex = len(model.operatorCodes) - 1
        operator.inputs, operator.outputs = [len(graph.tensors) - 1], [index]
        graph.operators.insert(0, operator)
    used = {tensor.buffer for tensor in graph.tensors} | {entry.buffer for entry in model.metadata or ()}
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None


def _is_filter_bank(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.FLOAT32 or data is None or len(data) < _SMALLEST_BYTES:
        return False
    return bool(np.frombuffer(bytes(data), np.float32).min() >= 0.0)
