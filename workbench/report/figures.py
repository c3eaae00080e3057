"""The figures of an evaluation page: detection error trade-off, histograms, reliability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.evaluate.bootstrap import RankedScores, resampled_figures
from workbench.evaluate.evaluate import BOOTSTRAP_SEED, SMALLEST_GROUP, scores_of, sources_of
from workbench.evaluate.groups import Group
from workbench.evaluate.trials import Trial
from workbench.report.svg import Axis, Chart

Array = NDArray[np.float64]

_BAND_RESAMPLES = 400
_LEAST, _MOST = 0.005, 0.8
"""Ends of the DET axes, as fractions: 200 clips say nothing of rarer errors."""
_RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)
_SCORE_LIMIT = 6.0
"""Nats; beyond it a score is as sure as the figure can show."""


@dataclass(frozen=True)
class DetLine:
    """A curve of one group: false accept rates, and their 95 % band, at each of ``miss`` [shape=(n,)]; fractions."""

    name: str
    css: str
    miss: Array
    accept: Array
    low: Array | None
    high: Array | None


def det_line(name: str, css: str, trials: Sequence[Trial], group: Group, *, band: bool = True) -> DetLine | None:
    """The curve of a group; None where it has fewer than five scored clips of a class."""
    chosen = [t for t in trials if t.cm_score is not None and t.transmission == group.transmission and group.holds(t)]
    bonafide, spoof = ([t for t in chosen if t.is_bonafide == real] for real in (True, False))
    if min(len(bonafide), len(spoof)) < SMALLEST_GROUP:
        return None
    deviates = np.linspace(_deviate(_LEAST), _deviate(_MOST), 160)
    miss = np.array([NormalDist().cdf(value) for value in deviates])
    at = RankedScores(scores_of(bonafide), scores_of(spoof)).accept_at(miss)
    accept = at(np.ones((1, len(bonafide)), np.uint16), np.ones((1, len(spoof)), np.uint16))[0]
    low = high = None
    if band:
        sources = (sources_of(bonafide), sources_of(spoof))
        drawn = resampled_figures({"at": at}, sources, np.random.default_rng(BOOTSTRAP_SEED), n=_BAND_RESAMPLES)["at"]
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return DetLine(name, css, miss, accept, low, high)


def det_figure(lines: Sequence[DetLine]) -> str:
    """DET curves on normal deviate axes (Martin et al. 1997), with bands over sources."""
    ticks = [(rate, f"{100 * rate:g}") for rate in _RATES]
    chart = Chart(
        "Detection error trade-off",
        "Curves of " + "; ".join(line.name for line in lines) + "; nearer to the lower left corner is better",
        Axis("spoof taken for bona fide, %", _LEAST, _MOST, ticks, _deviate),
        Axis("bona fide rejected, %", _LEAST, _MOST, ticks, _deviate),
        width=560,
        height=556,
        left=66,
        css="large",
    )
    chart.line([(_LEAST, _LEAST), (_MOST, _MOST)], "diagonal")
    for line in lines:
        if line.low is not None and line.high is not None:
            outline = [*zip(line.low, line.miss, strict=True), *reversed([*zip(line.high, line.miss, strict=True)])]
            chart.area([(float(x), float(y)) for x, y in outline], f"band {line.css}")
    for line in lines:
        chart.line(_inside(line), f"curve {line.css}")
    return chart.render()


def histogram_figure(bonafide: Array, spoof: Array, thresholds: Mapping[str, float]) -> str:
    """Scores of both classes, bona fide upwards and spoof downwards, with the shipped thresholds."""
    edges = np.linspace(-_SCORE_LIMIT, _SCORE_LIMIT, 41)
    shares = [
        np.histogram(np.clip(side, -_SCORE_LIMIT, _SCORE_LIMIT), edges)[0] / max(1, side.size)
        for side in (bonafide, spoof)
    ]
    top = max(0.05, math.ceil(20 * max(float(side.max()) for side in shares)) / 20)
    step = 0.05 if top <= 0.2 else 0.1 if top <= 0.4 else 0.2
    marks = [index * step for index in range(1, int(top / step + 1e-9) + 1)]
    ticks = [(sign * mark, f"{100 * mark:.0f}") for mark in marks for sign in (1, -1)]
    chart = Chart(
        "Scores by class",
        f"Histogram of {bonafide.size} bona fide clips above and {spoof.size} spoof clips below the line",
        Axis("cm_score, nats", -_SCORE_LIMIT, _SCORE_LIMIT, [(value, f"{value:g}") for value in range(-6, 7, 2)]),
        Axis("share of the class, %", -top, top, [(0.0, "0"), *ticks]),
        height=270,
    )
    for left, right, up, down in zip(edges, edges[1:], *shares, strict=False):
        if up:
            chart.bar(left, right, 0.0, float(up), "fill bonafide")
        if down:
            chart.bar(left, right, -float(down), 0.0, "fill spoof")
    chart.rule(thresholds["spoof_below"], "threshold", "spoof below", above=False)
    chart.rule(thresholds["bonafide_above"], "threshold", "bona fide above")
    chart.line([(-_SCORE_LIMIT, 0.0), (_SCORE_LIMIT, 0.0)], "zero")
    return chart.render()


def reliability_figure(part: Mapping[str, Any]) -> str:
    """What was said against what was: bins of like weight, and the best monotone calibration as a step curve."""
    ticks = [(share, f"{100 * share:.0f}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    chart = Chart(
        "Reliability",
        f"{len(part['bins'])} bins; on the diagonal, the probability is what it says",
        Axis("said: p(bona fide), %", 0.0, 1.0, ticks),
        Axis("was: bona fide, %", 0.0, 1.0, ticks),
        height=290,
    )
    chart.line([(0.0, 0.0), (1.0, 1.0)], "diagonal")
    said = [1.0 / (1.0 + math.exp(-min(max(score, -40.0), 40.0))) for score in part["pav"]["scores"]]
    steps: list[tuple[float, float]] = []
    for index, (x, y) in enumerate(zip(said, part["pav"]["probability"], strict=True)):
        until = said[index + 1] if index + 1 < len(said) else 1.0
        steps += [(x, y), (until, y)]
    chart.line(steps, "curve pav")
    for found in part["bins"]:
        tip = (
            f"{found['clips']} clips with scores from {found['low']:.2f} to {found['high']:.2f}: said "
            f"{100 * found['predicted']:.0f} %, was {100 * found['observed']:.0f} %"
        )
        chart.dot((found["predicted"], found["observed"]), 5.0, "bin", tip)
    return chart.render()


def _inside(line: DetLine) -> list[tuple[float, float]]:
    """The curve, but for the runs along the edges of the frame, where there is nothing to see."""
    points = [(float(x), float(y)) for x, y in zip(line.accept, line.miss, strict=True)]
    return [point for point in points if _LEAST <= point[0] <= _MOST]


def _deviate(rate: float) -> float:
    return NormalDist().inv_cdf(min(max(rate, 1e-6), 1.0 - 1e-6))
