"""Keeping the front end's filter banks as float16 in a `.tflite`: half of the bytes, the same features.

A DEQUANTIZE before the product makes float32 of them. The runtimes do that once, as they load the model; the rounding,
at most one in two thousand of a filter's weight, is a few thousandths of a decibel. Matrices of a DFT stay as they are:
where large terms cancel, such rounding would leave a floor 66 dB under the loudest partial.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

_SMALLEST_BYTES = 16_384
"""Smaller constants are not worth an operator."""
_DEQUANTIZE_FLOAT16 = 3
"""Version of DEQUANTIZE that takes float16."""


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
