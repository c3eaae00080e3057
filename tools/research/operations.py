"""Count what one second of audio costs a model, and compare it with the most that the cores of Raspberry Pis could do.

The counts come from the `.tflite` itself, which is not run: multiply-accumulates (MAC, each once, zeros too, since the
kernels multiply by them) by operator; what is no sum of products is counted by the elements that it writes. Constants
in half precision are made float32 once, as the model is loaded. The last table divides by each core's peak, as if its
multipliers were busy in every cycle: **a lower bound of what one call takes of one core. No board reaches it, and it is
no forecast.** Loads and stores, all that is no MAC, Python and the sound card come on top. `edge bench` on the board
measures.

Peaks, a cycle and core:

- Cortex-A53 (GCC, config/arm/cortex-a53.md): the vector unit is two halves of 64 bits, and a multiply-accumulate of 128
  bits takes both, also one that widens bytes (SMLAL): 4 float32, 8 int8.
- Cortex-A72 (LLVM, AArch64SchedA57.td, which it uses for this core): FMLA of 128 bits takes both vector pipes, and
  SMLAL the one that multiplies integers: 4 float32, 8 int8.
- Cortex-A76 (Arm, Cortex-A76 Software Optimization Guide; LLVM, AArch64SchedNeoverseN1.td, its sibling for servers):
  two pipes of 128 bits, each takes an FMLA or an SDOT of sixteen products: 8 float32, 32 int8.

Clocks are the highest that Raspberry Pi ships (its documentation, "Processors"); early Pi 4s have 1.5 GHz.

Source: TensorFlow Lite's schema.fbs, read by the runtime's own generated code. Axes of the weights, as its kernels
expect them: CONV_2D [out, height, width, in / groups], DEPTHWISE_CONV_2D [1, height, width, out],
TRANSPOSE_CONV [out, height, width, in], FULLY_CONNECTED [out, in].

Example: python tools/research/operations.py --json
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from edge.catalog import resolve_model
from edge.contract import Contract
from edge.errors import EdgeError
from edge.model import Model
from edge.tables import columns

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
        raise CountError(f"{kind} is not counted here; add its sums to tools/research/operations.py first")
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


@dataclass(frozen=True)
class Board:
    """A board and the theoretical peak of one of its cores.

    Attributes
    ----------
    clock_hz : highest as shipped.
    float32_macs_per_cycle, int8_macs_per_cycle : at most, in one core.
    """

    name: str
    core: str
    clock_hz: float
    float32_macs_per_cycle: int
    int8_macs_per_cycle: int


BOARDS = (
    Board("Raspberry Pi Zero 2 W", "Cortex-A53", 1.0e9, 4, 8),
    Board("Raspberry Pi 3B+", "Cortex-A53", 1.4e9, 4, 8),
    Board("Raspberry Pi 4B", "Cortex-A72", 1.8e9, 4, 8),
    Board("Raspberry Pi 5", "Cortex-A76", 2.4e9, 8, 32),
)


def least_share(board: Board, cost: GraphCost, calls_per_s: float) -> float:
    """Share of one core, 0 to 1, that one call takes at the very least."""
    cycles = cost.macs("float32") / board.float32_macs_per_cycle + cost.macs("int8") / board.int8_macs_per_cycle
    return calls_per_s * cycles / board.clock_hz


def calls_per_s(contract: Contract) -> float:
    """Calls of the graph in a second of audio."""
    return contract.frontend.sample_rate / contract.chunk_samples


def as_json(contract: Contract, cost: GraphCost) -> dict[str, Any]:
    """One model for programs; counts are for a second of audio, bytes as they are named."""
    rate = calls_per_s(contract)
    return {
        "model": contract.name,
        "calls_per_s": rate,
        "macs_per_s": {number: rate * cost.macs(number) for number in ("float32", "int8")},
        "constant_bytes": cost.constant_bytes,
        "activation_bytes": cost.activation_bytes,
        "operators": [_a_second(work, rate) for work in cost.works],
        "boards": [{**asdict(board), "least_share_of_a_core": least_share(board, cost, rate)} for board in BOARDS],
    }


def _a_second(work: Work, rate: float) -> dict[str, Any]:
    counted = {f"{name}_per_s": rate * getattr(work, name) for name in ("macs", "elements", "weight_bytes")}
    return {"part": work.part, "operator": work.kind, "number": work.number, "nodes": work.nodes, **counted}


def text(contract: Contract, cost: GraphCost) -> str:
    """The tables of one model."""
    rate = calls_per_s(contract)
    head = f"{contract.name}: {rate:g} calls of the graph a second, {contract.chunk_samples:,} samples each"
    held = (
        f"constants {cost.constant_bytes / 1e3:,.0f} kB; at most {cost.activation_bytes / 1e3:,.0f} kB wait between "
        "operators"
    )
    bound = "least share of a core, as if all its multipliers never waited: a bound, no forecast"
    return "\n".join([head, *columns(_operator_rows(cost, rate)), held, "", bound, *columns(_board_rows(cost, rate))])


def _operator_rows(cost: GraphCost, rate: float) -> Iterator[Sequence[str]]:
    yield "part, operator", "numbers", "nodes", "million MAC/s", "million elements/s", "weights MB/s"
    for part in dict.fromkeys(work.part for work in cost.works):
        works = [work for work in cost.works if work.part == part]
        for work in works:
            if work.macs:
                yield _row(f"{part}, {work.kind}", [work], rate)
        others = [work for work in works if not work.macs]
        if others:
            yield _row(f"{part}, others", others, rate)
    yield _row("all", cost.works, rate)


def _row(name: str, works: Sequence[Work], rate: float) -> Sequence[str]:
    macs, elements, read = (
        rate * sum(getattr(work, field) for work in works) / 1e6 for field in ("macs", "elements", "weight_bytes")
    )
    numbers = {work.number for work in works}
    return (
        name,
        numbers.pop() if len(numbers) == 1 else "",
        str(sum(work.nodes for work in works)),
        f"{macs:.3f}" if macs else "–",
        f"{elements:.3f}",
        f"{read:.3f}",
    )


def _board_rows(cost: GraphCost, rate: float) -> Iterator[Sequence[str]]:
    yield "board", "core", "GHz", "float32 MAC/cycle", "int8 MAC/cycle", "least share"
    for board in BOARDS:
        share = f"{100 * least_share(board, cost, rate):.2f} %"
        clock = f"{board.clock_hz / 1e9:.1f}"
        peaks = str(board.float32_macs_per_cycle), str(board.int8_macs_per_cycle)
        yield board.name, board.core, clock, *peaks, share


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="a .tflite, or a shipped name (default: the newest)")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    options = parser.parse_args(arguments)
    try:
        for number, choice in enumerate(options.models or [None]):
            path = resolve_model(choice)
            # Loaded only to be sure: what the runtime refuses is not counted.
            contract = Model.load(path).contract
            cost = count(path.read_bytes())
            if options.json:
                print(json.dumps(as_json(contract, cost)))
            else:
                print(("\n" if number else "") + text(contract, cost))
    except EdgeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
