"""Count what one second of audio costs a model, and hold it against what the cores of Raspberry Pis could do at most.

The counts come from the `.tflite` itself: multiply-accumulates (MAC) and written elements by operator, constants read,
calls of the graph. The last table divides them by each core's peak, as if its multipliers were busy in every cycle:
**a lower bound of what one call takes of one core. No board reaches it, and it is no forecast.** Loads and stores, all
that is no MAC, Python and the sound card come on top. `edge bench` on the board measures.

Peaks, a cycle and core:

- Cortex-A53 (GCC, config/arm/cortex-a53.md): the vector unit is two halves of 64 bits, and a multiply-accumulate of 128
  bits takes both, also one that widens bytes (SMLAL): 4 float32, 8 int8.
- Cortex-A72 (LLVM, AArch64SchedA57.td, which it uses for this core): FMLA of 128 bits takes both vector pipes, and
  SMLAL the one that multiplies integers: 4 float32, 8 int8.
- Cortex-A76 (Arm, Cortex-A76 Software Optimization Guide; LLVM, AArch64SchedNeoverseN1.td, its sibling for servers):
  two pipes of 128 bits, each takes an FMLA or an SDOT of sixteen products: 8 float32, 32 int8.

Clocks are the highest that Raspberry Pi ships (its documentation, "Processors"); early Pi 4s have 1.5 GHz.

Example: python tools/operations.py --json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from graph_cost import GraphCost, Work, count

from edge.catalog import resolve_model
from edge.contract import Contract
from edge.errors import EdgeError
from edge.model import Model
from edge.tables import columns


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
