"""What `workbench evaluate`, `report` and `card` do: files in, files out, around the pure parts. No TensorFlow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.contract import read_contract
from workbench.data.atomic_file import write_atomically
from workbench.data.manifest import Manifest, read_manifest
from workbench.data.progress import watch
from workbench.errors import EvaluationError
from workbench.evaluate.comparison import compare
from workbench.evaluate.durations import score_durations, summarise_durations
from workbench.evaluate.evaluate import bonafide_by_transmission, evaluate, result_to_dict
from workbench.evaluate.groups import AXES, axis_groups, standard_groups, transmission_groups
from workbench.evaluate.tdcf import read_asv_operating_point
from workbench.evaluate.trials import Trial, load_quietly, score_trials
from workbench.live.text import read_live_report
from workbench.report.card import BEGIN, END, card_block, replace_block
from workbench.report.gallery import exhibit, worst
from workbench.report.page import PageParts, render_page
from workbench.report.plain_words import HEADLINE_GROUPS
from workbench.report.report import make_report, read_report, reliability_part, support_part
from workbench.transmissions import CLEAN


@dataclass(frozen=True)
class EvaluationOptions:
    """What to measure beside the clean clips; see `workbench evaluate --help`."""

    apart: tuple[str, ...] = ()
    transmissions: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    asv_scores: Path | None = None
    seed: int = 0
    jobs: int = 1


@dataclass(frozen=True)
class Evaluation:
    """A report, and the trials behind it: at whole length, and cut to lengths of speech."""

    report: dict[str, Any]
    manifest: Manifest
    trials: list[Trial]
    cut: list[Trial]


def run_evaluation(model_path: Path, manifest_path: Path, split: str, options: EvaluationOptions) -> Evaluation:
    """Score a split and work out its error rates.

    Raises
    ------
    EvaluationError
        No clips, clips that cannot be read, too few of a class, or a transmission that does not exist.
    """
    transmissions = _known_transmissions(options.transmissions)
    asv = None if options.asv_scores is None else read_asv_operating_point(options.asv_scores)
    model = load_quietly(model_path)
    manifest = read_manifest(manifest_path).select(split=split)
    if not manifest.rows:
        raise EvaluationError(f"{manifest_path}: no clip on the {split} split; give another --split")
    trials = score_trials(
        model, manifest, _bar(f"{split} clips"), transmissions=transmissions, seed=options.seed, jobs=options.jobs
    )
    groups = [*standard_groups(manifest.rows, options.apart), *transmission_groups(transmissions)]
    results = evaluate(trials, groups, asv=asv)
    if not results or results[0].name != "all":
        raise EvaluationError(f"{manifest_path}: the {split} split has no 5 scored clips of both classes; add clips")
    parts: dict[str, Any] = {
        "by": {axis: _by(axis, trials) for axis in AXES},
        "bonafide_by_transmission": bonafide_by_transmission(trials),
        "reliability": reliability_part(trials),
        "support": support_part(trials),
    }
    cut: list[Trial] = []
    if options.seconds:
        cut = score_durations(model, manifest, options.seconds, _bar("recordings by length"), jobs=options.jobs)
        if not cut:
            raise EvaluationError(
                f"{manifest_path}: no recording of the {split} split holds {max(options.seconds):g} s of speech, even "
                "with clips of one label, attack, speaker and source joined; give shorter --seconds"
            )
        parts["durations"] = summarise_durations(cut)
    if asv is not None:
        parts["asv"] = asdict(asv)
    if transmissions:
        parts["transmission_seed"] = options.seed
    report = make_report(model_path, model.contract, manifest, split, results, parts)
    return Evaluation(report, manifest, trials, cut)


def run_report(
    model_path: Path,
    other_path: Path | None,
    manifest_path: Path,
    split: str,
    options: EvaluationOptions,
    *,
    gallery: int,
    with_audio: bool,
) -> str:
    """Evaluate a split and make a page of it; see `workbench report --help`. Returns the page's HTML.

    Raises
    ------
    EvaluationError
        As `run_evaluation`.
    """
    found = run_evaluation(model_path, manifest_path, split, options)
    # The other model is compared on the clips as they are; its transmissions and lengths would be shown nowhere.
    other = (
        None
        if other_path is None
        else run_evaluation(other_path, manifest_path, split, EvaluationOptions(jobs=options.jobs))
    )
    groups = [group for group in standard_groups(found.manifest.rows) if group.name in ("all", *HEADLINE_GROUPS)]
    model = load_quietly(model_path)
    exhibits = [
        [exhibit(model, found.manifest.root, trial, with_audio=with_audio) for trial in trials]
        for trials in worst(found.trials, gallery)
    ]
    parts = PageParts(
        trials=found.trials,
        bonafide=exhibits[0],
        spoof=exhibits[1],
        with_audio=with_audio and gallery > 0,
        comparisons=[] if other is None else compare(found.trials, other.trials, groups),
        other=None if other is None else other.report,
        other_trials=[] if other is None else other.trials,
    )
    return render_page(found.report, parts)


def run_card(
    model_path: Path,
    reports: tuple[Path, ...],
    baselines: tuple[Path, ...],
    card_path: Path,
    *,
    check: bool,
    live: tuple[Path, ...] = (),
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
    others = [read_report(path) for path in baselines]
    block = card_block(read_contract(model_path), own, others, [read_live_report(path) for path in live])
    after = replace_block(before, block)
    changed = after != before or not card_path.exists()
    if changed and not check:
        write_atomically(card_path, after)
    return changed


def _by(axis: str, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    clean = [trial for trial in trials if trial.transmission == CLEAN]
    # An attack has spoof alone: without bona fide clips of its own sources there is nothing to set it against.
    results = evaluate(clean, axis_groups(axis, clean), one_class=axis != "attack")
    return [result_to_dict(result) for result in results]


def _known_transmissions(names: Iterable[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(names))
    if not names:
        return ()
    from workbench.transmissions import TRANSMISSION_NAMES

    unknown = [name for name in names if name not in TRANSMISSION_NAMES]
    if unknown:
        raise EvaluationError(f"no transmission {', '.join(unknown)}; expected one of {', '.join(TRANSMISSION_NAMES)}")
    # Clean clips are scored anyway.
    return tuple(name for name in names if name != CLEAN)


def _bar(what: str) -> Any:
    return lambda items: watch(items, len(items), what)
