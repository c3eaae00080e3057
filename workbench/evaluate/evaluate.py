"""Error rates of scored clips by group, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.evaluate.bootstrap import (
    Interval,
    RankedScores,
    Statistic,
    mean_by_class,
    mean_of_all,
    mean_of_bonafide,
    mean_of_spoof,
    percentile_interval,
    resampled_figures,
)
from workbench.evaluate.groups import Group
from workbench.evaluate.metrics import auc, eer, min_dcf
from workbench.evaluate.reliability import cllr, expected_calibration_error, min_cllr, reliability_bins
from workbench.evaluate.tdcf import AsvOperatingPoint, min_tdcf
from workbench.evaluate.trials import Trial
from workbench.transmissions import CLEAN

Array = NDArray[np.float64]

BOOTSTRAP_SEED = 20190101
"""So that a table can be repeated to the last digit."""
RESAMPLES = 1000
SMALLEST_GROUP = 5


RATES = ("eer", "auc", "bonafide_called_spoof", "spoof_called_spoof", "spoof_called_bonafide")
"""Of a group, with intervals; docs/reports/README.md says what each is."""
MORE_RATES = ("accuracy", "balanced_accuracy")
COSTS = ("min_dcf", "cllr", "min_cllr", "ece", "min_tdcf")
"""Of a group, without intervals."""


@dataclass(frozen=True)
class GroupResult:
    """Error rates of one group of trials.

    Attributes
    ----------
    unscored : clips without a score; they count in no rate.
    rates : by the names of `RATES` and `MORE_RATES`, fractions with 95 % intervals: shares of bona fide and of spoof
        clips by verdict at the shipped thresholds, and clips on the right side of even odds, a `cm_score` of 0.
    costs : by the names of `COSTS`; ``cllr`` and ``min_cllr`` in bits, ``min_tdcf`` where a verifier is given.

    What needs a class that the group has fewer than five scored clips of is None.
    """

    name: str
    transmission: str
    bonafide: int
    spoof: int
    sources: int
    unscored: int
    rates: dict[str, Interval | None]
    costs: dict[str, float | None]


def evaluate(
    trials: Sequence[Trial],
    groups: Sequence[Group],
    *,
    one_class: bool = False,
    asv: AsvOperatingPoint | None = None,
) -> list[GroupResult]:
    """Error rates of each group that has at least five scored clips of both classes, or of one with ``one_class``."""
    results = []
    for group in groups:
        chosen = [trial for trial in trials if trial.transmission == group.transmission and group.holds(trial)]
        scored = [trial for trial in chosen if trial.cm_score is not None]
        bonafide = [trial for trial in scored if trial.is_bonafide]
        spoof = [trial for trial in scored if not trial.is_bonafide]
        enough = [len(side) >= SMALLEST_GROUP for side in (bonafide, spoof)]
        if all(enough) or (one_class and any(enough)):
            results.append(_result(group, bonafide, spoof, len(chosen) - len(scored), asv))
    return results


def result_to_dict(result: GroupResult) -> dict[str, Any]:
    """The result as JSON takes it, flat; an interval is ``{"value", "low", "high"}``."""
    found = asdict(result)
    rates, costs = found.pop("rates"), found.pop("costs")
    return {**found, **rates, **costs}


def scores_of(trials: Sequence[Trial]) -> Array:
    """The scores [shape=(n,)] of trials that all have one."""
    return np.array([trial.cm_score for trial in trials], dtype=np.float64)


def sources_of(trials: Sequence[Trial]) -> list[str]:
    return [trial.row.source_repo for trial in trials]


def _result(
    group: Group, bonafide: Sequence[Trial], spoof: Sequence[Trial], unscored: int, asv: AsvOperatingPoint | None
) -> GroupResult:
    both = min(len(bonafide), len(spoof)) >= SMALLEST_GROUP
    statistics: dict[str, Statistic] = {}
    if len(bonafide) >= SMALLEST_GROUP:
        statistics["bonafide_called_spoof"] = mean_of_bonafide(_called(bonafide, "spoof"))
    if len(spoof) >= SMALLEST_GROUP:
        statistics["spoof_called_spoof"] = mean_of_spoof(_called(spoof, "spoof"))
        statistics["spoof_called_bonafide"] = mean_of_spoof(_called(spoof, "bonafide"))
    values: dict[str, float] = {}
    if both:
        target, other = scores_of(bonafide), scores_of(spoof)
        ranked = RankedScores(target, other)
        right = (target > 0.0).astype(float), (other < 0.0).astype(float)
        statistics |= {
            "eer": ranked.eer,
            "auc": ranked.auc,
            "accuracy": mean_of_all(*right),
            "balanced_accuracy": mean_by_class(*right),
        }
        values = {"eer": eer(target, other)[0], "auc": auc(target, other)}
    groups = (sources_of(bonafide), sources_of(spoof))
    intervals = _intervals(statistics, values, groups)
    return GroupResult(
        name=group.name,
        transmission=group.transmission,
        bonafide=len(bonafide),
        spoof=len(spoof),
        sources=len({*groups[0], *groups[1]}),
        unscored=unscored,
        rates={name: intervals.get(name) for name in (*RATES, *MORE_RATES)},
        costs=_costs(scores_of(bonafide), scores_of(spoof), asv) if both else dict.fromkeys(COSTS),
    )


def _intervals(
    statistics: dict[str, Statistic], values: dict[str, float], groups: tuple[Sequence[str], Sequence[str]]
) -> dict[str, Interval]:
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    figures = resampled_figures(statistics, groups, rng, n=RESAMPLES)
    left, right = (np.ones((1, len(side)), np.uint16) for side in groups)
    found = {}
    for name, statistic in statistics.items():
        known = figures[name][~np.isnan(figures[name])]
        found[name] = percentile_interval(values.get(name, float(statistic(left, right)[0])), known)
    return found


def _costs(bonafide: Array, spoof: Array, asv: AsvOperatingPoint | None) -> dict[str, float | None]:
    return {
        "min_dcf": min_dcf(bonafide, spoof),
        "cllr": cllr(bonafide, spoof),
        "min_cllr": min_cllr(bonafide, spoof),
        "ece": expected_calibration_error(reliability_bins(bonafide, spoof)),
        "min_tdcf": None if asv is None else min_tdcf(bonafide, spoof, asv),
    }


def _called(trials: Sequence[Trial], verdict: str) -> Array:
    return np.array([trial.verdict == verdict for trial in trials], float)


def bonafide_by_transmission(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """How many bona fide clips are called ``spoof`` through each transmission, the clean ones first.

    Each is ``{"transmission", "bonafide", "unscored", "bonafide_called_spoof", "uncertain", "median_shift"}``: the
    rate with its interval (fractions), the share left ``uncertain``, and the median change of the score in nats against
    the clean clip.
    """
    clean = {t.row.path: t.cm_score for t in trials if t.is_bonafide and t.transmission == CLEAN}
    lines = []
    for transmission in dict.fromkeys(trial.transmission for trial in trials):
        chosen = [trial for trial in trials if trial.is_bonafide and trial.transmission == transmission]
        scored = [trial for trial in chosen if trial.cm_score is not None]
        if len(scored) < SMALLEST_GROUP:
            continue
        alarms = mean_of_bonafide(_called(scored, "spoof"))
        interval = _intervals({"rate": alarms}, {}, (sources_of(scored), []))["rate"]
        shifts = [
            trial.cm_score - before
            for trial in scored
            if trial.cm_score is not None and (before := clean.get(trial.row.path)) is not None
        ]
        lines.append(
            {
                "transmission": transmission,
                "bonafide": len(scored),
                "unscored": len(chosen) - len(scored),
                "bonafide_called_spoof": asdict(interval),
                "uncertain": float(_called(scored, "uncertain").mean()),
                "median_shift": float(np.median(shifts)) if shifts else 0.0,
            }
        )
    return lines
