"""Score a manifest with a shipped model, through the runtime that ships, and work out its error rates by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import AudioError
from edge.runtime import Model
from edge.scoring import score_file
from workbench.calibration import cllr
from workbench.errors import EvaluationError
from workbench.intervals import Interval, bootstrap_interval
from workbench.manifest import Manifest, Row
from workbench.metrics import auc, eer, min_dcf

Array = NDArray[np.float64]

_SEED = 20190101
"""Of the bootstrap, so that a table can be repeated to the last digit."""
_RESAMPLES = 1000
_SMALLEST_GROUP = 5


@dataclass(frozen=True)
class Trial:
    """One scored clip; ``cm_score`` is None where the verdict needs none (too short, no speech)."""

    row: Row
    verdict: str
    cm_score: float | None


@dataclass(frozen=True)
class GroupResult:
    """Error rates of one group of trials; all are fractions, with 95 % intervals.

    Attributes
    ----------
    unscored : clips without a score; they count in no rate.
    false_alarm_rate : bona fide clips called ``spoof`` at the shipped threshold.
    detection_rate : spoof clips called ``spoof``.
    accept_rate : spoof clips called ``bonafide``.
    """

    name: str
    bonafide: int
    spoof: int
    sources: int
    unscored: int
    eer: Interval
    auc: Interval
    false_alarm_rate: Interval
    detection_rate: Interval
    accept_rate: Interval
    min_dcf: float
    cllr: float


@dataclass(frozen=True)
class Group:
    """A name and which bona fide and spoof rows belong."""

    name: str
    holds: Callable[[Row], bool]


def score_trials(
    model: Model, manifest: Manifest, progress: Callable[[Sequence[Row]], Iterable[Row]] = iter
) -> list[Trial]:
    """Score every clip of ``manifest``.

    Raises
    ------
    EvaluationError
        Clips that cannot be read: a rate over the rest would be another corpus' rate.
    """
    trials, failures = [], []
    for row in progress(manifest.rows):
        try:
            score = score_file(model, manifest.root / row.path)[0]
        except AudioError as error:
            failures.append(str(error))
            continue
        trials.append(Trial(row, score.verdict, score.cm_score))
    if failures:
        listed = "\n  ".join(failures[:10])
        raise EvaluationError(
            f"{len(failures)} of {len(manifest.rows)} clips cannot be scored; mend or remove their rows:\n  {listed}"
        )
    return trials


def standard_groups(rows: Sequence[Row], apart: Sequence[str] = ()) -> list[Group]:
    """The groups that a report states: paired and unpaired, seen and unseen attacks, families, sources set apart."""
    groups = [
        Group("all", lambda row: True),
        Group("paired", lambda row: row.paired == "yes"),
        Group("unpaired", lambda row: row.paired == "no"),
        Group("seen attacks", lambda row: _is_bonafide(row) or row.attack_seen_in_train == "yes"),
        Group("unseen attacks", lambda row: _is_bonafide(row) or row.attack_seen_in_train == "no"),
        Group("unseen attacks, paired", _unseen_paired),
    ]
    for source in apart:
        groups += [
            Group(
                f"unseen attacks, paired, without {source}",
                lambda row, source=source: _unseen_paired(row) and row.source_repo != source,  # type: ignore[misc]
            ),
            Group(f"only {source}", lambda row, source=source: row.source_repo == source),  # type: ignore[misc]
        ]
    families = sorted({row.attack_family for row in rows if not _is_bonafide(row) and row.attack_family != "-"})
    groups += [
        Group(
            f"family {family}",
            lambda row, family=family: _is_bonafide(row) or row.attack_family == family,  # type: ignore[misc]
        )
        for family in families
    ]
    return groups


def evaluate(trials: Sequence[Trial], groups: Sequence[Group]) -> list[GroupResult]:
    """Error rates of each group that has at least five scored clips of both classes."""
    results = []
    for group in groups:
        chosen = [trial for trial in trials if group.holds(trial.row)]
        scored = [trial for trial in chosen if trial.cm_score is not None]
        bonafide = [trial for trial in scored if _is_bonafide(trial.row)]
        spoof = [trial for trial in scored if not _is_bonafide(trial.row)]
        if min(len(bonafide), len(spoof)) >= _SMALLEST_GROUP:
            results.append(_result(group.name, bonafide, spoof, len(chosen) - len(scored)))
    return results


def result_to_dict(result: GroupResult) -> dict[str, Any]:
    """The result as JSON takes it; an interval is ``{"value", "low", "high"}``."""
    return asdict(result)


def _result(name: str, bonafide: Sequence[Trial], spoof: Sequence[Trial], unscored: int) -> GroupResult:
    target, other = _scores(bonafide), _scores(spoof)
    groups = ([trial.row.source_repo for trial in bonafide], [trial.row.source_repo for trial in spoof])

    def interval(statistic: Callable[[Array, Array], float], left: Array, right: Array) -> Interval:
        rng = np.random.default_rng(_SEED)
        return bootstrap_interval(statistic, left, right, rng, n=_RESAMPLES, groups=groups)

    called = {label: np.array([t.verdict == label for t in spoof], float) for label in ("spoof", "bonafide")}
    alarms = np.array([trial.verdict == "spoof" for trial in bonafide], float)
    return GroupResult(
        name=name,
        bonafide=len(bonafide),
        spoof=len(spoof),
        sources=len({*groups[0], *groups[1]}),
        unscored=unscored,
        eer=interval(lambda b, s: eer(b, s)[0], target, other),
        auc=interval(auc, target, other),
        false_alarm_rate=interval(lambda b, s: float(b.mean()), alarms, other),
        detection_rate=interval(lambda b, s: float(s.mean()), target, called["spoof"]),
        accept_rate=interval(lambda b, s: float(s.mean()), target, called["bonafide"]),
        min_dcf=min_dcf(target, other),
        cllr=cllr(target, other),
    )


def _scores(trials: Sequence[Trial]) -> Array:
    return np.array([trial.cm_score for trial in trials], dtype=np.float64)


def _is_bonafide(row: Row) -> bool:
    return row.label == "bonafide"


def _unseen_paired(row: Row) -> bool:
    return row.paired == "yes" and (_is_bonafide(row) or row.attack_seen_in_train == "no")
