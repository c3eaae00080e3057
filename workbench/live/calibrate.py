"""What `workbench calibrate` does: a model and manifests in, the model with operating points out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edge.contract import embed_contract
from edge.model import Model
from workbench.data.atomic_file import write_atomically
from workbench.data.manifest import read_manifest
from workbench.data.progress import watch
from workbench.errors import EvaluationError
from workbench.evaluate.trials import load_quietly
from workbench.live.calls import BEFORE_S, Call, Trace, genuine_calls, invaded_calls, trace_calls
from workbench.live.points import FALSE_ALARMS_PER_H, Choice, LiveFigures, choose_points, measure_points
from workbench.transmissions import CLEAN

LIVE_TRANSMISSIONS = (CLEAN, "telephone", "g711-mu", "amr-nb-12.2", "opus-wb-16", "bad-microphone", "noise-suppressed")
"""What every call goes through, each once; see `workbench.transmissions`."""


@dataclass(frozen=True)
class CallOptions:
    """Which calls to make of what.

    Attributes
    ----------
    genuine : manifests of further real people, taken whole whatever their split.
    transmissions : every call goes through each of them.
    before_s : seconds of a real person before the fake voice comes in.
    jobs : processes that score.
    """

    genuine: tuple[Path, ...] = ()
    transmissions: tuple[str, ...] = LIVE_TRANSMISSIONS
    before_s: float = BEFORE_S
    jobs: int = 1


def calibrate_live(
    model_path: Path,
    manifest: Path,
    split: str,
    options: CallOptions,
    rates: Mapping[str, float] = FALSE_ALARMS_PER_H,
    *,
    output: Path | None = None,
) -> dict[str, Any]:
    """Choose operating points on a split and write them into the model, or into a copy at ``output``.

    Returns
    -------
    dict
        What was measured, as JSON takes it; see `live_report`.

    Raises
    ------
    EvaluationError
        The split has too few calls, or clips that cannot be read.
    """
    model = load_quietly(model_path)
    genuine, invaded = traces_of(model, manifest, split, options)
    choices = choose_points(model.contract, genuine, invaded, rates)
    contract = replace(model.contract, operating_points=tuple(choice.point for choice in choices))
    target = output or model_path
    write_atomically(target, embed_contract(model_path.read_bytes(), contract))
    return {"output": str(target), **live_report(model.name, split, options, genuine, invaded, choices)}


def measure_live(model_path: Path, manifest: Path, split: str, options: CallOptions) -> dict[str, Any]:
    """Measure the operating points that a model carries on a split; nothing is chosen. See `live_report`.

    Raises
    ------
    ContractMismatchError
        The model has none.
    EvaluationError
        Clips that cannot be read, or no calls.
    """
    model = load_quietly(model_path)
    if not model.contract.operating_points:
        model.contract.operating_point("balanced")
    genuine, invaded = traces_of(model, manifest, split, options)
    measured = measure_points(model.contract, genuine, invaded)
    return live_report(model.name, split, options, genuine, invaded, measured)


def traces_of(model: Model, manifest: Path, split: str, options: CallOptions) -> tuple[list[Trace], list[Trace]]:
    """Calls of real people and calls with a fake voice, traced through every transmission."""
    corpus = read_manifest(manifest)
    rows = [row for row in corpus.rows if row.split == split]
    if not rows:
        raise EvaluationError(f"{manifest}: expected clips of split {split}, got none; name another --split")
    people: list[tuple[Path, Call]] = [(corpus.root, call) for call in genuine_calls(rows)]
    for path in options.genuine:
        further = read_manifest(path)
        people += [(further.root, call) for call in genuine_calls(further.rows)]
    fakes = [(corpus.root, call) for call in invaded_calls(rows, before_s=options.before_s)]
    if not people or not fakes:
        raise EvaluationError(
            f"{manifest}: expected clips of both labels in split {split}, enough for calls of a minute; got "
            f"{len(people)} calls of real people and {len(fakes)} with a fake voice"
        )
    traces = [
        trace_calls(
            model,
            calls,
            lambda tasks: watch(tasks, what="calls"),
            transmissions=options.transmissions,
            jobs=options.jobs,
        )
        for calls in (people, fakes)
    ]
    return traces[0], traces[1]


def live_report(
    name: str,
    split: str,
    options: CallOptions,
    genuine: Sequence[Trace],
    invaded: Sequence[Trace],
    measured: Iterable[Choice],
) -> dict[str, Any]:
    """What was measured, as JSON takes it: seconds, hours, and shares as fractions."""
    return {
        "model": name,
        "split": split,
        "transmissions": list(options.transmissions),
        "before_s": options.before_s,
        "genuine_calls": len({trace.call.name for trace in genuine}),
        "genuine_sources": len({trace.call.source for trace in genuine}),
        "invaded_calls": len({trace.call.name for trace in invaded}),
        "invaded_sources": len({trace.call.source for trace in invaded}),
        "invaded_paired": len({trace.call.name for trace in invaded if trace.call.paired}),
        "points": [
            {
                **asdict(choice.point),
                "figures": asdict(choice.figures),
                "by_transmission": _dicts(choice.by_transmission),
            }
            for choice in measured
        ],
    }


def _dicts(figures: Mapping[str, LiveFigures]) -> dict[str, Any]:
    return {name: asdict(part) for name, part in figures.items()}
