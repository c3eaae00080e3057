"""Count what one call of a `.tflite` costs, from its flatbuffer alone: nothing is run, and no time comes out.

A multiply-accumulate counts once. Zeros count too, since the kernels multiply by them. What is no sum of products
(logarithms, slices, element by element) is counted by the elements that it writes. Constants that are kept in half
precision are made float32 once, as the model is loaded: that is in no call, and a call reads what came of them.

Source: TensorFlow Lite's schema.fbs, read by the runtime's own generated code. Axes of the weights, as its kernels take
them: CONV_2D [out, height, width, in / groups], DEPTHWISE_CONV_2D [1, height, width, out], TRANSPOSE_CONV [out, height,
width, in], FULLY_CONNECTED [out, in].
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge.errors import EdgeError

FRONT_END, NETWORK, HEAD, WHOLE = "front end", "network", "head", "graph"
_ITEM_BYTES = {"INT8": 1, "UINT8": 1, "BOOL": 1, "INT16": 2, "FLOAT16": 2, "FLOAT32": 4, "INT32": 4, "INT64": 8}
_QUANTISED = ("INT8", "UINT8", "INT16")
# They hold sums of products, or graphs, that nothing here looks into: a count without them would be too small.
_NOT_COUNTED = re.compile(
    r".*(LSTM|RNN|SVDF|CONV_3D|FFT)|STABLEHLO_|(IF|WHILE|CALL|CALL_ONCE|CUSTOM|DELEGATE|builtin .*)$"
)


class CountError(EdgeError):
    """A graph that this counter does not know."""


@dataclass(frozen=True)
class Work:
    """What the nodes of one kind in one part of the graph cost in one call.

    Attributes
    ----------
    part : the float ``front end``, the int8 ``network``, the float ``head`` behind it; ``graph`` where nothing is int8.
    kind : as TFLite names the operator.
    number : what it computes in, ``float32`` or ``int8``.
    macs : multiply-accumulates; 0 where it is no sum of products.
    elements : numbers written.
    weight_bytes : constants read.
    """

    part: str
    kind: str
    number: str
    nodes: int
    macs: int
    elements: int
    weight_bytes: int


@dataclass(frozen=True)
class GraphCost:
    """One call of a graph.

    Attributes
    ----------
    works : in the order in which their first node runs.
    constant_bytes : of all constants in the file, each once.
    activation_bytes : most that waits at once between operators run in the file's order, inputs and outputs included;
        what a runtime reserves is its own affair.
    """

    works: tuple[Work, ...]
    constant_bytes: int
    activation_bytes: int

    def macs(self, number: str) -> int:
        """Multiply-accumulates in ``float32`` or ``int8``."""
        return sum(work.macs for work in self.works if work.number == number)


@dataclass(frozen=True)
class _Tensor:
    shape: tuple[int, ...]
    number: str
    constant: bool

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.elements * _ITEM_BYTES[self.number]


@dataclass(frozen=True)
class _Node:
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


def count(data: bytes) -> GraphCost:
    """Count one call of a `.tflite` that the runtime loads.

    Raises
    ------
    CountError
        The generated reader is not installed, or the graph has something that is not counted here.
    """
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise CountError("reading the graph needs ai-edge-litert: pip install 'bonafone[edge]'") from error
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    if len(model.subgraphs) != 1:
        raise CountError(f"expected a model of one graph, this has {len(model.subgraphs)}; export its step alone")
    graph = model.subgraphs[0]
    numbers, kinds = _names(schema.TensorType), _names(schema.BuiltinOperator)
    tensors = [_tensor(model, tensor, numbers) for tensor in graph.tensors]
    nodes = [_node(model, operator, kinds) for operator in graph.operators]
    stored_bytes = sum(tensor.bytes for tensor in tensors if tensor.constant)
    for node in nodes:
        if _unpacks(tensors, node):
            (index,) = node.outputs
            tensors[index] = replace(tensors[index], constant=True)
    held = [*graph.inputs, *graph.outputs]
    return GraphCost(
        tuple(_works(tensors, nodes)),
        constant_bytes=stored_bytes,
        activation_bytes=_most_alive(tensors, nodes, held),
    )


def _names(numbered: type) -> dict[int, str]:
    return {number: name for name, number in vars(numbered).items() if not name.startswith("_")}


def _tensor(model: Any, tensor: Any, numbers: Mapping[int, str]) -> _Tensor:
    shape = () if tensor.shape is None else tuple(map(int, tensor.shape))
    number = numbers.get(tensor.type, str(tensor.type))
    if number not in _ITEM_BYTES or min(shape, default=1) < 1:
        raise CountError(f"expected tensors of fixed shape and known numbers, got {number} {list(shape)}")
    stored = model.buffers[tensor.buffer]
    return _Tensor(shape, number, stored.data is not None or bool(stored.size))


def _node(model: Any, operator: Any, kinds: Mapping[int, str]) -> _Node:
    code = model.operatorCodes[operator.opcodeIndex]
    # Codes beyond one byte have 127 in the old field and are in the new one; older files have only the old.
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    kind = kinds.get(number, f"builtin {number}")
    if _NOT_COUNTED.match(kind):
        raise CountError(f"{kind} is not counted here; teach tools/graph_cost.py its sums first")
    given = () if operator.inputs is None else operator.inputs
    # An optional input that is left out has the index -1.
    inputs = tuple(int(index) for index in given if index >= 0)
    return _Node(kind, inputs, tuple(map(int, operator.outputs)), operator.builtinOptions)


def _unpacks(tensors: list[_Tensor], node: _Node) -> bool:
    """Whether ``node`` makes float32 of a constant, such as one in half precision."""
    return node.kind == "DEQUANTIZE" and tensors[node.inputs[0]].constant


def _works(tensors: list[_Tensor], nodes: list[_Node]) -> Iterator[Work]:
    quantised = any(tensor.number in _QUANTISED for tensor in tensors)
    behind: set[int] = set()
    totals: dict[tuple[str, str, str], Counter[str]] = {}
    for node in nodes:
        written = [tensors[index] for index in node.outputs]
        if written[0].number in _QUANTISED:
            part, number = NETWORK, "int8"
        else:
            part, number = (FRONT_END if quantised else WHOLE), "float32"
            if behind.intersection(node.inputs):
                part = HEAD
        if part in (NETWORK, HEAD):
            behind.update(node.outputs)
        sums = _MACS.get(node.kind)
        total = totals.setdefault((part, node.kind, number), Counter())
        total.update(nodes=1)
        if not _unpacks(tensors, node):
            total.update(
                macs=0 if sums is None else sums(tensors, node),
                elements=sum(tensor.elements for tensor in written),
                weight_bytes=sum(tensors[index].bytes for index in node.inputs if tensors[index].constant),
            )
    for (part, kind, number), total in totals.items():
        yield Work(part, kind, number, **{name: total[name] for name in ("nodes", "macs", "elements", "weight_bytes")})


def _most_alive(tensors: list[_Tensor], nodes: list[_Node], held: list[int]) -> int:
    last_use = {index: step for step, node in enumerate(nodes) for index in (*node.inputs, *node.outputs)}
    kept = set(map(int, held))
    alive = {index for index in kept if not any(index in node.outputs for node in nodes)}
    most = 0
    for step, node in enumerate(nodes):
        alive.update(index for index in (*node.outputs, *node.inputs) if not tensors[index].constant)
        most = max(most, sum(tensors[index].bytes for index in alive))
        alive = {index for index in alive if index in kept or last_use[index] > step}
    return most


def _convolution(tensors: list[_Tensor], node: _Node) -> int:
    return tensors[node.outputs[0]].elements * math.prod(tensors[node.inputs[1]].shape[1:])


def _depthwise(tensors: list[_Tensor], node: _Node) -> int:
    _, height, width, _ = tensors[node.inputs[1]].shape
    return tensors[node.outputs[0]].elements * height * width


def _transposed(tensors: list[_Tensor], node: _Node) -> int:
    weights, given = tensors[node.inputs[1]], tensors[node.inputs[2]]
    return given.elements * math.prod(weights.shape[:3])


def _dense(tensors: list[_Tensor], node: _Node) -> int:
    return tensors[node.outputs[0]].elements * tensors[node.inputs[1]].shape[-1]


def _product(tensors: list[_Tensor], node: _Node) -> int:
    left = tensors[node.inputs[0]].shape
    turned = node.options is not None and node.options.adjX
    return tensors[node.outputs[0]].elements * left[-2 if turned else -1]


_MACS: Mapping[str, Callable[[list[_Tensor], _Node], int]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL": _product,
}
