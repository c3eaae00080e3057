"""Evaluation reports: a model on a split of a manifest, as the JSON that is kept. No TensorFlow.

The entry is `run_evaluation`; docs/reports/README.md lists the keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.contract import Contract
from workbench.data.atomic_file import write_atomically
from workbench.data.manifest import Manifest, read_manifest
from workbench.data.progress import watch
from workbench.deploy.thresholds import dev_support, support_of
from workbench.errors import EvaluationError
from workbench.evaluate.durations import score_durations, summarise_durations
from workbench.evaluate.evaluate import GroupResult, bonafide_by_transmission, evaluate, result_to_dict, scores_of
from workbench.evaluate.groups import AXES, axis_groups, standard_groups, transmission_groups
from workbench.evaluate.reliability import expected_calibration_error, pav_curve, reliability_bins
from workbench.evaluate.tdcf import read_asv_operating_point
from workbench.evaluate.trials import Trial, load_quietly, score_trials
from workbench.transmissions import CLEAN, TRANSMISSION_NAMES

COLUMNS = ("path", "label", "attack", "source", "transmission", "seconds", "cm_score", "verdict")
"""Of the table that `write_trials` writes."""


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


def make_report(
    model_path: Path,
    contract: Contract,
    manifest: Manifest,
    split: str,
    results: Sequence[GroupResult],
    parts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Gather what identifies a measurement, and its figures (fractions).

    ``dev_support`` is what the model's thresholds rest on, null where it does not say. ``parts``, each as JSON takes it
    and each absent from older reports: ``support`` (what the figures of this split rest on), ``by`` (groups by axis),
    ``bonafide_by_transmission``, ``reliability``, ``durations``, ``asv``.
    """
    data = model_path.read_bytes()
    behind = dev_support(contract.thresholds)
    return {
        "model": contract.name,
        "model_sha256": hashlib.sha256(data).hexdigest(),
        "model_bytes": len(data),
        "parameters": contract.parameters,
        "quantization": contract.quantization,
        "manifest_digest": manifest.digest(),
        "split": split,
        "thresholds": {
            "spoof_below": contract.thresholds.spoof_below,
            "bonafide_above": contract.thresholds.bonafide_above,
        },
        "dev_support": None if behind is None else asdict(behind),
        "groups": [result_to_dict(result) for result in results],
        **(parts or {}),
    }


def support_part(trials: Sequence[Trial]) -> dict[str, Any]:
    """What the figures of the clean clips rest on: the fields of `workbench.deploy.thresholds.Support`."""
    scored = [trial for trial in trials if trial.transmission == CLEAN and trial.cm_score is not None]
    bonafide, spoof = (scores_of([trial for trial in scored if trial.is_bonafide == real]) for real in (True, False))
    separable = bool(bonafide.size and spoof.size and bonafide.min() > spoof.max())
    return asdict(support_of((trial.row for trial in scored), separable=separable))


def reliability_part(trials: Sequence[Trial]) -> dict[str, Any]:
    """Whether the probabilities of the clean clips hold: ``ece``, its ``bins``, and the ``pav`` curve.

    ``pav`` is ``{"scores", "probability"}``, both [shape=(n,)]: the best monotone calibration on these clips.
    """
    scored = [trial for trial in trials if trial.transmission == CLEAN and trial.cm_score is not None]
    bonafide, spoof = (scores_of([trial for trial in scored if trial.is_bonafide == real]) for real in (True, False))
    bins, curve = reliability_bins(bonafide, spoof), pav_curve(bonafide, spoof)
    return {
        "ece": expected_calibration_error(bins),
        "bins": [asdict(part) for part in bins],
        "pav": {"scores": curve.scores.tolist(), "probability": curve.probability.tolist()},
    }


def write_report(report: dict[str, Any], path: Path) -> None:
    """Keep a report as JSON."""
    write_atomically(path, json.dumps(report, indent=1) + "\n")


def read_report(path: Path) -> dict[str, Any]:
    """Read what `write_report` kept.

    Raises
    ------
    EvaluationError
        Unreadable, or no report.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        report["groups"][0]["eer"]["value"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise EvaluationError(f"{path}: not a report of `workbench evaluate -o` ({error!r})") from error
    return report


def write_trials(trials: Iterable[Trial], path: Path) -> None:
    """Keep one line a trial, tab-separated, with a head; ``seconds`` and ``cm_score`` are - where there are none."""
    lines = ["\t".join(COLUMNS), *("\t".join(_cells(trial)) for trial in trials)]
    write_atomically(path, "".join(f"{line}\n" for line in lines))


def _cells(trial: Trial) -> tuple[str, ...]:
    return (
        " + ".join(trial.joined) or trial.row.path,
        trial.row.label,
        trial.row.attack_id,
        trial.row.source_repo,
        trial.transmission,
        "-" if trial.seconds is None else f"{trial.seconds:g}",
        "-" if trial.cm_score is None else f"{trial.cm_score:.6f}",
        trial.verdict,
    )


def _by(axis: str, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    clean = [trial for trial in trials if trial.transmission == CLEAN]
    # An attack has spoof alone: without bona fide clips of its own sources there is nothing to set it against.
    results = evaluate(clean, axis_groups(axis, clean), one_class=axis != "attack")
    return [result_to_dict(result) for result in results]


def _known_transmissions(names: Iterable[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(names))
    if not names:
        return ()
    unknown = [name for name in names if name not in TRANSMISSION_NAMES]
    if unknown:
        raise EvaluationError(f"no transmission {', '.join(unknown)}; expected one of {', '.join(TRANSMISSION_NAMES)}")
    # Clean clips are scored anyway.
    return tuple(name for name in names if name != CLEAN)


def _bar(what: str) -> Any:
    return lambda items: watch(items, len(items), what)
