"""Learning curves as numbers: what was measured at each size, and what a doubling of it gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from folds import FIGURES, known
from numpy.typing import NDArray

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
