"""Less to learn from: some of the sources, of the clips or of the attacks of a training set, or of the filters.

Every function draws an order first and then takes its beginning: with generators of the same seed, what a smaller limit
leaves is part of what a larger one leaves, so that a curve over limits shows size and not the luck of each draw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from workbench.config import ExperimentConfig
from workbench.train.regression import filter_of_column, filters_by_part

Marks = NDArray[np.bool_]
Whole = NDArray[np.int_]
Names = NDArray[np.str_]


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
