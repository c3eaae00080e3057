"""What `workbench evaluate` and `workbench card` do: files in, files out, around the pure parts. No TensorFlow."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from edge.contract import read_contract
from edge.runtime import Model
from workbench.errors import EvaluationError
from workbench.evaluate import evaluate, score_trials, standard_groups
from workbench.manifest import read_manifest
from workbench.progress import watch
from workbench.report import BEGIN, END, card_block, make_report, read_report, replace_block
from workbench.runs import write_atomically


def run_evaluation(model_path: Path, manifest_path: Path, split: str, apart: tuple[str, ...]) -> dict[str, Any]:
    """Score a split and work out its error rates; see `workbench evaluate --help`."""
    model = Model.load(model_path)
    manifest = read_manifest(manifest_path).select(split=split)
    if not manifest.rows:
        raise EvaluationError(f"{manifest_path}: no clip on the {split} split; give another --split")
    trials = score_trials(model, manifest, lambda rows: watch(rows, len(rows), f"{split} clips"))
    results = evaluate(trials, standard_groups(manifest.rows, apart))
    if not results:
        raise EvaluationError(f"{manifest_path}: the {split} split has no 5 scored clips of both classes; add clips")
    return make_report(model_path, model.contract, manifest, split, results)


def run_card(
    model_path: Path, reports: tuple[Path, ...], baselines: tuple[Path, ...], card_path: Path, *, check: bool
) -> bool:
    """Update the measured block of a card; return whether it differed."""
    own = [read_report(path) for path in reports]
    digest = hashlib.sha256(model_path.read_bytes()).hexdigest()
    for path, report in zip(reports, own, strict=True):
        if report["model_sha256"] != digest:
            raise EvaluationError(
                f"{path}: measured on another model than {model_path}; run `workbench evaluate` again"
            )
    before = card_path.read_text(encoding="utf-8") if card_path.exists() else f"# {card_path.stem}\n\n{BEGIN}\n{END}\n"
    block = card_block(read_contract(model_path), own, [read_report(path) for path in baselines])
    after = replace_block(before, block)
    changed = after != before or not card_path.exists()
    if changed and not check:
        write_atomically(card_path, after)
    return changed
