"""The linear head: ridge regression of the class on pooled statistics, weighted by recording conditions.

Clips are weighted so that a source or a class counts for little more because it has more clips, and an attack of a
source for nothing more. The statistics of a condition that holds both classes are taken relative to the middle between
its two class means (fixed effects, as in regressions on panel data): only what separates bona fide from spoof *inside*
a source, a bandwidth and a pass is left to fit. A within-class covariance (WCCN) penalty, with transmissions as the
classes, keeps the raw score from following what a transmission changes (Hatch et al. 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from workbench.config import ExperimentConfig
from workbench.data.manifest import Row

Float = NDArray[np.float32]
Array = NDArray[np.float64]
Marks = NDArray[np.bool_]
Whole = NDArray[np.int_]

_LARGEST_COUNT = 100
"""From this many clips on, a class of a condition weighs no more."""
_COUNT_POWER = 0.75
"""Below that, n clips weigh as n to this power: between counting conditions alike (0) and clips alike (1)."""
_HISTOGRAM_BINS = 200


@dataclass(frozen=True)
class TrainingClips:
    """Pooled statistics of the training clips, n in all: each clip once for every pass with enough speech in it."""

    rows: tuple[Row, ...]
    """The train split."""
    values: Float
    """Statistics [shape=(n, S)]."""
    indices: Whole
    """Place of each clip in ``rows`` [shape=(n,)]."""
    passes: Whole
    """Pass of each clip [shape=(n,)]; 0 has unchanged clips, the others augmented ones."""
    narrow: Marks
    """Whether the clip is a narrow-band recording [shape=(n,)]."""

    @classmethod
    def of(cls, rows: Sequence[Row], passes: Sequence[tuple[Float, Whole]], upper: Marks) -> TrainingClips:
        """Join ``passes``, each statistics and row indices; ``upper`` is `upper_power` of the configuration."""
        values = np.concatenate([values for values, _ in passes])
        numbers = [np.full(len(indices), number) for number, (_, indices) in enumerate(passes)]
        indices = np.concatenate([indices for _, indices in passes])
        return cls(tuple(rows), values, indices, np.concatenate(numbers), narrow_band(values, upper))

    @property
    def unchanged(self) -> Marks:
        return self.passes == 0

    @property
    def bonafide(self) -> Marks:
        return np.array([row.label == "bonafide" for row in self.rows])[self.indices]

    @property
    def attacks(self) -> list[str]:
        return [self.rows[index].attack_id for index in self.indices]

    @property
    def conditions(self) -> list[str]:
        """Recording condition of each clip: source, narrow or wide band, unchanged or augmented."""
        marks = zip(self.indices, self.narrow, self.unchanged, strict=True)
        return [f"{self.rows[index].source_repo} {narrow} {unchanged}" for index, narrow, unchanged in marks]

    def select(self, marks: Marks) -> TrainingClips:
        """Keep the clips that ``marks`` [shape=(n,)] names."""
        return replace(
            self,
            values=self.values[marks],
            indices=self.indices[marks],
            passes=self.passes[marks],
            narrow=self.narrow[marks],
        )

    def fitted(self, wccn_penalty: float) -> TrainingClips:
        """Select the clips that the regression fits: with a WCCN penalty the unchanged ones alone."""
        return self.select(self.unchanged) if wccn_penalty else self

    def changes(self) -> Float:
        """Subtract the statistics of each unchanged clip from those of its augmented copies [shape=(m, S)]."""
        place_of = {index: place for place, index in enumerate(self.indices) if self.passes[place] == 0}
        pairs = [
            (place, place_of[index])
            for place, index in enumerate(self.indices)
            if self.passes[place] != 0 and index in place_of
        ]
        after, before = np.array(pairs).T
        return self.values[after] - self.values[before]


@dataclass(frozen=True)
class LinearHead:
    """``raw_score = statistics @ weights + bias``."""

    weights: Float
    bias: float

    def __call__(self, statistics: Float) -> Float:
        return (statistics @ self.weights + np.float32(self.bias)).astype(np.float32)


@dataclass(frozen=True)
class WeightedRows:
    """The rows of a regression: ``values`` [shape=(n, S)] and ``target`` [shape=(n,)], times the root of clip weights.

    ``values`` are the statistics less ``mean``, over ``deviation``, less the middle of their condition; ``centre``
    [shape=(S,)] is the mean of those middles.
    """

    values: Float
    target: Array
    mean: Array
    deviation: Array
    centre: Array


@dataclass(frozen=True)
class NormalEquations:
    """The normal equations of one training set, ready to be solved for any penalty."""

    gram: Array
    moment: Array
    mean: Array
    deviation: Array
    centre: Array
    """Of the standardised statistics, the middle between the classes: where the raw score is 0."""

    def with_wccn(self, changes: Float, penalty: float) -> NormalEquations:
        """Add a penalty, in mean eigenvalues, on the response to ``changes`` [shape=(m, S)] of no interest."""
        scaled = (changes / self.deviation).astype(np.float32)
        within = (scaled.T @ scaled).astype(np.float64)
        return replace(self, gram=self.gram + penalty * np.trace(self.gram) / np.trace(within) * within)

    def solve(self, penalty: float) -> LinearHead:
        """Solve for the head with a ridge ``penalty`` > 0, in mean eigenvalues."""
        size = len(self.moment)
        solution = np.linalg.solve(self.gram + penalty * np.trace(self.gram) / size * np.eye(size), self.moment)
        weights = solution / self.deviation
        bias = -float(self.mean @ weights) - float(self.centre @ solution)
        return LinearHead(weights.astype(np.float32), bias)


def normal_equations(clips: TrainingClips, wccn_penalty: float) -> NormalEquations:
    """Set up the regression of the class (1 bona fide, -1 spoof) on the statistics of ``clips``.

    Raises
    ------
    ValueError
        A class is missing.
    """
    rows = weigh(clips.fitted(wccn_penalty))
    equations = NormalEquations(
        gram=(rows.values.T @ rows.values).astype(np.float64),
        moment=rows.values.T.astype(np.float64) @ rows.target,
        mean=rows.mean,
        deviation=rows.deviation,
        centre=rows.centre,
    )
    return equations.with_wccn(clips.changes(), wccn_penalty) if wccn_penalty else equations


def weigh(clips: TrainingClips) -> WeightedRows:
    """Standardise the statistics of ``clips``, centre them inside their conditions, and weigh them.

    Raises
    ------
    ValueError
        A class is missing.
    """
    bonafide, attacks, conditions = clips.bonafide, clips.attacks, np.array(clips.conditions)
    if bonafide.all() or not bonafide.any():
        raise ValueError("the head needs clips of both classes")
    mean = clips.values.mean(axis=0, dtype=np.float64)
    deviation = clips.values.std(axis=0, dtype=np.float64) + 1e-3
    rows = ((clips.values - mean) / deviation).astype(np.float32)
    weights = np.ones(len(rows))
    middles = []
    for condition in np.unique(conditions):
        members = np.flatnonzero(conditions == condition)
        classes = [members[bonafide[members]], members[~bonafide[members]]]
        for chosen in classes:
            weights[chosen] = _shares(chosen, attacks) * min(len(chosen), _LARGEST_COUNT) ** _COUNT_POWER
        if len(classes[0]) and len(classes[1]):
            middle = 0.5 * (rows[classes[0]].mean(axis=0) + rows[classes[1]].mean(axis=0))
            rows[members] -= middle
            middles.append(middle)
    for marks in (bonafide, ~bonafide):
        weights[marks] *= 0.5 / weights[marks].sum()
    return WeightedRows(
        values=rows * np.sqrt(weights)[:, None].astype(np.float32),
        target=np.where(bonafide, 1.0, -1.0) * np.sqrt(weights),
        mean=mean,
        deviation=deviation,
        centre=np.mean(middles, axis=0, dtype=np.float64) if middles else np.zeros(rows.shape[1]),
    )


def mean_squared_error(head: LinearHead, clips: TrainingClips) -> float:
    """Mean squared distance of the raw scores of ``clips`` from their class (1 or -1), unweighted."""
    return float(np.mean((head(clips.values) - np.where(clips.bonafide, 1.0, -1.0)) ** 2))


def filter_of_column(config: ExperimentConfig) -> Whole:
    """Number of the filter that each pooled statistic comes from [shape=(S,)].

    The order is that of `workbench.models.network.Network.statistics_model`: for each statistic the power filters of
    the lowest region of bands, of the next, and so on, then those on phase, then those on the 4 ms spectrum.
    """
    model = config.model
    pooled = np.concatenate([np.tile(part, model.patch_regions) for part in filters_by_part(config)])
    return np.tile(pooled, len(model.statistics))


def filters_by_part(config: ExperimentConfig) -> list[range]:
    """Numbers of the filters on power, on phase and on the 4 ms spectrum."""
    ends = np.cumsum([0, *config.model.patch_parts(config.frontend).values()]).tolist()
    return [range(start, end) for start, end in pairwise(ends)]


def upper_power(config: ExperimentConfig) -> Marks:
    """Mark the statistics that are means of filters on power in the upper half of the regions [shape=(S,)]."""
    model = config.model
    power = model.power_filters(config.frontend)
    marked = np.zeros(len(model.statistics) * model.patch_filters * model.patch_regions, bool)
    marked[(model.patch_regions + 1) // 2 * power : model.patch_regions * power] = True
    return marked


def narrow_band(statistics: Float, upper: Marks) -> Marks:
    """Find the narrow-band recordings by their statistics [shape=(n, S)] alone, without labels [shape=(n,)].

    Filters on the upper bands hardly respond to a telephone call. The bound on the mean of the statistics marked
    ``upper`` [shape=(S,)] is Otsu's (1979): it leaves the least variance inside the two groups. Without any marked
    (a single region), every recording counts as wide.
    """
    if not upper.any():
        return np.zeros(len(statistics), bool)
    level = statistics[:, upper].mean(axis=1, dtype=np.float64)
    return level < otsu(level)


def otsu(values: Array) -> float:
    """Find the bound between two groups of ``values`` [shape=(n,)] with the least variance inside them.

    >>> round(otsu(np.array([0.0, 0.1, 0.2, 1.8, 1.9, 2.0])), 1)
    1.0
    """
    counts, edges = np.histogram(values, _HISTOGRAM_BINS)
    centres = 0.5 * (edges[1:] + edges[:-1])
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = below[-1] + counts[-1] - below
    sums = np.cumsum(counts * centres)[:-1]
    total = float((counts * centres).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.nan_to_num(below * above * (sums / below - (total - sums) / above) ** 2)
    # Empty bins between two distant groups do equally well: take their middle.
    best = np.flatnonzero(between >= between.max() * (1.0 - 1e-9))
    return float(edges[1 + int(best[len(best) // 2])])


def _shares(chosen: Whole, attacks: Sequence[str]) -> Array:
    """Weights inside one class of a condition: every attack the same in all, and every clip of an attack."""
    _, place, counts = np.unique([attacks[clip] for clip in chosen], return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (len(counts) * counts[place])) if len(chosen) else np.zeros(0)
