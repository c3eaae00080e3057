#!/usr/bin/env python3
"""Cross-validate the head of a run that was solved (`train.solver = "ridge"`) over sources of its train split.

The dev split has ten paired sources, train has more than twenty: leaving out each fifth of them in turn, and scoring it
with a head solved on the rest as the run's own was, tells representations and recipes apart that dev cannot. The
filters saw all of train, but no label. Prints, for each pass (0 is the clips as they are, the others are
augmented), AUC and EER over the paired clips, and the mean AUC inside sources.

Example: python tools/cross_validate.py runs/patches
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from workbench.closed_form import NARROW, pose_passes
from workbench.gate import fit_gate, upper_power
from workbench.manifest import Row, read_manifest
from workbench.metrics import auc, eer
from workbench.runs import RunFolder

FOLDS = 5
SMALLEST_CLASS = 5


def main() -> None:
    """Parse and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--penalty", type=float, nargs="+", default=[0.1, 0.3])
    parser.add_argument("--passes", type=int, nargs="+", help="Passes to use.  [default: all]")
    parser.add_argument("--seed", type=int, default=1, help="Of the folds.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for penalty in options.penalty:
        for record in cross_validate(options.run, penalty, options.passes, options.seed):
            print(json.dumps(record) if options.json else _line(record), flush=True)


def cross_validate(run: Path, penalty: float, passes: list[int] | None, seed: int) -> list[dict[str, Any]]:
    """One record a pass; AUC and EER are fractions."""
    info = RunFolder(run).info()
    manifest = read_manifest(info.manifest, Path(info.manifest_root)).select(split="train")
    wanted = range(info.config.train.passes) if passes is None else passes
    kept = [np.load(run / f"pass-{number}.npz") for number in wanted]
    statistics = np.concatenate([arrays["statistics"] for arrays in kept])
    rows = [manifest.rows[index] for arrays in kept for index in arrays["indices"]]
    number = np.concatenate([np.full(len(arrays["indices"]), n) for n, arrays in zip(wanted, kept, strict=True)])
    gate = fit_gate(statistics, upper_power(info.config))
    narrow = gate(statistics) > NARROW
    if info.config.model.head_gate:
        statistics = gate.expand(statistics)
    indices = np.concatenate([arrays["indices"] for arrays in kept])
    fold = _folds(rows, seed)
    evidence = np.full(len(rows), np.nan)
    for held in range(FOLDS):
        train = fold != held
        problem = pose_passes(
            statistics[train],
            manifest.rows,
            indices[train],
            narrow[train],
            (number == 0)[train],
            info.config.train.nuisance if len(wanted) > 1 else 0.0,
        )
        evidence[fold == held] = problem.solve(penalty)(statistics[fold == held])
    return [_record(evidence, rows, number == n, penalty, n) for n in wanted]


def _folds(rows: list[Row], seed: int) -> Any:
    """Which fold each clip's source is left out in; -1 for sources that are not paired, which always train."""
    paired = sorted({row.source_repo for row in rows if row.paired == "yes"})
    fold_of = {name: index % FOLDS for index, name in enumerate(np.random.default_rng(seed).permutation(paired))}
    return np.array([fold_of.get(row.source_repo, -1) for row in rows])


def _record(evidence: Any, rows: list[Row], chosen: Any, penalty: float, number: int) -> dict[str, Any]:
    bonafide = np.array([row.label == "bonafide" for row in rows])
    source = np.array([row.source_repo for row in rows])
    # A source may be paired as a whole and hold clips that are not, as copies of an unpaired one do.
    chosen = chosen & np.array([row.paired == "yes" for row in rows]) & ~np.isnan(evidence)
    inside = []
    for name in np.unique(source[chosen]):
        real, fake = (evidence[chosen & (source == name) & mark] for mark in (bonafide, ~bonafide))
        if min(len(real), len(fake)) >= SMALLEST_CLASS:
            inside.append(auc(real, fake))
    real, fake = evidence[chosen & bonafide], evidence[chosen & ~bonafide]
    return {
        "pass": number,
        "penalty": penalty,
        "bonafide": len(real),
        "spoof": len(fake),
        "auc": float(auc(real, fake)),
        "eer": float(eer(real, fake)[0]),
        "auc_inside_sources": float(np.mean(inside)),
    }


def _line(record: dict[str, Any]) -> str:
    return (
        f"penalty {record['penalty']:<5} pass {record['pass']}: "
        f"{record['bonafide']} bona fide, {record['spoof']} spoof; "
        f"AUC {100 * record['auc']:.1f} %, EER {100 * record['eer']:.1f} %, "
        f"AUC inside sources {100 * record['auc_inside_sources']:.1f} %"
    )


if __name__ == "__main__":
    main()
