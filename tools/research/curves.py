"""Learning curves: smaller training sets and filter sets, what was measured at each size, what a doubling gains.

Every function that makes a set smaller draws an order first and then takes its start: with generators of the same seed,
what a smaller limit leaves is part of what a larger one leaves, so that a curve shows size and not the luck of each
draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from cross_validate import FIGURES, Marks, Whole, known
from numpy.typing import NDArray

from workbench.config import ExperimentConfig
from workbench.train.regression import filter_of_column, filters_by_part

Names = NDArray[np.str_]
Array = NDArray[np.float64]

AUGMENTED = "augmented_"
"""Before the name of a figure: its mean over the augmented passes, where it else is that of the clips as they are."""
CURVE_FIGURES = (*FIGURES, *(AUGMENTED + name for name in FIGURES))


@dataclass(frozen=True)
class Gain:
    """A change of a figure a doubling, as a fraction, with its standard error over repeats (NaN of a single one)."""

    mean: float
    error: float

    @property
    def is_sure(self) -> bool:
        """Whether it differs from nothing by more than two standard errors."""
        return abs(self.mean) > 2.0 * self.error


@dataclass(frozen=True)
class Point:
    """One size.

    ``counts``: how much of what the curve counts was there, in each repeat [shape=(repeats,)], mean over the folds;
    ``clips``: mean number of clips trained on; ``figures``: each of `CURVE_FIGURES`, or of those as they are alone, in
    each repeat.
    """

    limit: str
    counts: tuple[float, ...]
    clips: float
    figures: dict[str, tuple[float, ...]]

    @property
    def count(self) -> float:
        return float(np.mean(self.counts))

    def mean(self, figure: str) -> float:
        return float(np.mean(self.figures[figure]))

    def deviation(self, figure: str) -> float:
        """Over repeats; 0 of a single one."""
        values = self.figures[figure]
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


@dataclass(frozen=True)
class Curve:
    """Points by rising size; the last one is everything there is. ``what`` is counted, in words."""

    name: str
    what: str
    points: tuple[Point, ...]

    def gain(self, figure: str) -> Gain:
        """What a doubling gains: the slope of a line through all points over log2 of the count, fitted in each repeat.

        The error is that of these repeats, which share their sources: other sources would scatter more.
        """
        return self._mean_slope(figure, self.points)

    def last_doubling(self, figure: str) -> Gain:
        """`gain` from the point nearest to half of everything on: a curve flattens, and the line hides that."""
        if len(self.points) == 1:
            return self.gain(figure)
        doublings = [np.log2(self.points[-1].count / point.count) for point in self.points[:-1]]
        start = int(np.argmin(np.abs(np.array(doublings) - 1.0)))
        return self._mean_slope(figure, self.points[start:])

    def _mean_slope(self, figure: str, points: Sequence[Point]) -> Gain:
        sizes = np.log2([point.counts for point in points])
        values = np.array([point.figures[figure] for point in points])
        slopes = [_slope(x, y) for x, y in zip(sizes.T, values.T, strict=True)]
        error = np.std(slopes, ddof=1) / np.sqrt(len(slopes)) if len(slopes) > 1 else np.nan
        return Gain(float(np.mean(slopes)), float(error))

    def to_dict(self) -> dict[str, Any]:
        """For JSON: fractions, ``null`` for what is not known."""
        figures = list(self.points[-1].figures)
        return {
            "curve": self.name,
            "points": [
                {"limit": point.limit, "count": point.count, "clips": point.clips}
                | {
                    name: {"mean": known(point.mean(name)), "each": [*map(known, point.figures[name])]}
                    for name in figures
                }
                for point in self.points
            ],
            "gain_per_doubling": {name: _to_dict(self.gain(name)) for name in figures},
            "gain_of_last_doubling": {name: _to_dict(self.last_doubling(name)) for name in figures},
        }


def without_repetition(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points but those, before the last, whose limit took nothing away."""
    *smaller, full = points
    return (*(point for point in smaller if point.counts != full.counts), full)


def _slope(x: Array, y: Array) -> float:
    """Of the line of least squares; NaN where there is one x alone."""
    centred = x - x.mean()
    square = float(centred @ centred)
    return float(centred @ (y - y.mean())) / square if square else float("nan")


def _to_dict(gain: Gain) -> dict[str, float | None]:
    return {"mean": known(gain.mean), "error": known(gain.error)}


@dataclass(frozen=True)
class Clips:
    """n training clips: source, class and attack of each [shape=(n,)]."""

    source: Names
    bonafide: Marks
    attack: Names


def take_sources(clips: Clips, share: Fraction, rng: np.random.Generator) -> Marks:
    """Mark the clips of ``share`` (0 to 1) of the sources [shape=(n,)].

    Sources with both classes, with bona fide clips alone and with spoof clips alone are drawn apart, at least one of
    each: they teach different things, and a draw without one kind would be another corpus, not a smaller one.
    """
    kinds: dict[tuple[bool, bool], list[str]] = {}
    for name in np.unique(clips.source):
        bonafide = clips.bonafide[clips.source == name]
        kinds.setdefault((bool(bonafide.any()), bool(bonafide.all())), []).append(name)
    chosen = [name for _, names in sorted(kinds.items()) for name in rng.permutation(names)[: _part(share, len(names))]]
    return np.isin(clips.source, chosen)


def take_clips(clips: Clips, limit: int, rng: np.random.Generator) -> Marks:
    """Mark at most ``limit`` clips of each class of each source [shape=(n,)]."""
    order = rng.permutation(len(clips.source))
    marks = np.zeros(len(order), bool)
    for members in _classes(clips):
        marks[members[np.argsort(order[members])][:limit]] = True
    return marks


def take_attacks(clips: Clips, limit: int, rng: np.random.Generator) -> Marks:
    """Mark all bona fide clips, and the spoof clips of at most ``limit`` attacks of each source [shape=(n,)]."""
    marks = clips.bonafide.copy()
    for name in np.unique(clips.source[~clips.bonafide]):
        spoof = (clips.source == name) & ~clips.bonafide
        marks |= spoof & np.isin(clips.attack, rng.permutation(np.unique(clips.attack[spoof]))[:limit])
    return marks


def take_filters(config: ExperimentConfig, share: Fraction, rng: np.random.Generator) -> Whole:
    """Columns of the statistics that ``share`` (0 to 1) of the filters fill, of those on power and on others alike."""
    owner = filter_of_column(config)
    chosen = [rng.permutation(part)[: _part(share, len(part))] for part in filters_by_part(config)]
    return np.flatnonzero(np.isin(owner, np.concatenate(chosen)))


def count_clips(clips: Clips) -> float:
    """Mean number of clips of a class of a source that has any of it."""
    return len(clips.source) / sum(1 for _ in _classes(clips))


def count_attacks(clips: Clips) -> float:
    """Mean number of attacks of a source that has spoof clips."""
    spoof = ~clips.bonafide
    pairs = set(zip(clips.source[spoof], clips.attack[spoof], strict=True))
    return len(pairs) / len({source for source, _ in pairs})


def _classes(clips: Clips) -> Iterator[Whole]:
    for name in np.unique(clips.source):
        for wanted in (True, False):
            members = np.flatnonzero((clips.source == name) & (clips.bonafide == wanted))
            if len(members):
                yield members


def _part(share: Fraction, count: int) -> int:
    return max(1, round(share * count))
