"""Draw clips: balanced training pairs, and a small subset of dev; never by how many clips a class or attack has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from workbench.data.manifest import LABELS, Manifest, Row
from workbench.errors import TrainingError

Groups = tuple[tuple[int, ...], ...]

_SUBSET_SEED = 2019
"""Independent of the run's seed: runs that differ in it alone are selected by the same clips."""


class Sampler(Protocol):
    """Draws the clips of training pairs."""

    def draw_pair(self, rng: np.random.Generator) -> tuple[int, int]:
        """Indices of one spoof and one bona fide clip."""


def make_sampler(rows: Sequence[Row], draw_by: str, paired_share: float) -> Sampler:
    """Make the sampler of ``[train]``: see `BalancedSampler` (by system) and `SourceSampler`.

    Raises
    ------
    TrainingError
        One of the classes has no clip.
    """
    return SourceSampler.of(rows) if draw_by == "source" else BalancedSampler.of(rows, paired_share)


@dataclass(frozen=True)
class SourceSampler:
    """Draws a source of spoof clips, one of its systems, a clip; and a bona fide clip of the same source.

    Where the source has no bona fide clip, one of any source that has no spoof clip, or else of any; in each a speaker
    is drawn first. Systems that many sources share count by each of them: a page's recording conditions vary more than
    its systems do.
    """

    spoof: tuple[Groups, ...]
    bonafide: tuple[Groups, ...]
    """By source, in the order of ``spoof``; empty where it has none."""
    unpaired: tuple[Groups, ...]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> SourceSampler:
        """Group ``rows``.

        Raises
        ------
        TrainingError
            One of the classes has no clip.
        """
        spoof, bonafide = (_grouped(rows, label) for label in ("spoof", "bonafide"))
        if not spoof or not bonafide:
            raise TrainingError(
                f"training needs both classes; the train split has no {'bonafide' if spoof else 'spoof'} clip"
            )
        alone = [groups for source, groups in bonafide.items() if source not in spoof]
        return cls(
            spoof=tuple(spoof.values()),
            bonafide=tuple(bonafide.get(source, ()) for source in spoof),
            unpaired=tuple(alone or bonafide.values()),
        )

    def draw_pair(self, rng: np.random.Generator) -> tuple[int, int]:
        """Indices of one spoof and one bona fide clip."""
        source = int(rng.integers(len(self.spoof)))
        same = self.bonafide[source]
        return _descend([self.spoof[source]], rng), _descend([same] if same else self.unpaired, rng)


def _grouped(rows: Sequence[Row], label: str) -> dict[str, Groups]:
    """Indices of the clips of ``label`` by source, and in it by system or speaker."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, row in enumerate(rows):
        if row.label == label:
            found[row.source_repo][row.attack_id if label == "spoof" else row.speaker_id].append(index)
    return {source: tuple(map(tuple, groups.values())) for source, groups in found.items()}


@dataclass(frozen=True)
class BalancedSampler:
    """Draws row indices by nested uniform choices.

    A spoof clip: an attack, one of its sources, one of its clips. A bona fide clip: with chance ``paired_share`` one
    of the very source the spoof drawn beside it comes from (where that source has any), else a source, a speaker, a
    clip. Pairs of one source differ in the voice alone, so recording conditions cannot separate them.
    """

    attacks: tuple[Groups, ...]
    sources: tuple[Groups, ...]
    bonafide_of_source: dict[str, tuple[int, ...]]
    source_of: tuple[str, ...]
    paired_share: float

    @classmethod
    def of(cls, rows: Sequence[Row], paired_share: float) -> BalancedSampler:
        """Group ``rows``.

        Raises
        ------
        TrainingError
            One of the classes has no clip.
        """
        attacks: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        sources: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        same: dict[str, list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            if row.label == "spoof":
                attacks[row.attack_id][row.source_repo].append(index)
            else:
                sources[row.source_repo][row.speaker_id].append(index)
                if row.source_repo != "-":
                    same[row.source_repo].append(index)
        if not attacks or not sources:
            missing = "spoof" if not attacks else "bonafide"
            raise TrainingError(f"training needs both classes; the train split has no {missing} clip")
        return cls(
            attacks=tuple(tuple(tuple(clips) for clips in group.values()) for group in attacks.values()),
            sources=tuple(tuple(tuple(clips) for clips in group.values()) for group in sources.values()),
            bonafide_of_source={source: tuple(clips) for source, clips in same.items()},
            source_of=tuple(row.source_repo for row in rows),
            paired_share=paired_share,
        )

    def draw_pair(self, rng: np.random.Generator) -> tuple[int, int]:
        """Indices of one spoof and one bona fide clip."""
        spoof = _descend(self.attacks, rng)
        same = self.bonafide_of_source.get(self.source_of[spoof])
        if same and rng.random() < self.paired_share:
            return spoof, same[rng.integers(len(same))]
        return spoof, _descend(self.sources, rng)


def _descend(groups: Sequence[Sequence[Sequence[int]]], rng: np.random.Generator) -> int:
    group = groups[int(rng.integers(len(groups)))]
    clips = group[int(rng.integers(len(group)))]
    return clips[int(rng.integers(len(clips)))]


def draw_evenly(manifest: Manifest, clips: int | None) -> Manifest:
    """Keep at most ``clips`` rows of ``manifest``, in order: half of each label, each attack alike.

    A label, or an attack, with fewer clips than its share gives all that it has, and the others fill up. The draw
    depends on the rows alone. None, or a manifest that is small enough, leaves it as it is.
    """
    if clips is None or len(manifest.rows) <= clips:
        return manifest
    rng = np.random.default_rng(_SUBSET_SEED)
    of_label = [[index for index, row in enumerate(manifest.rows) if row.label == label] for label in LABELS]
    kept: set[int] = set()
    for indices, share in zip(of_label, _shares([len(part) for part in of_label], clips), strict=True):
        groups = _by_attack(manifest.rows, indices)
        for group, count in zip(groups, _shares([len(group) for group in groups], share), strict=True):
            kept.update(rng.choice(group, count, replace=False).tolist())
    return replace(manifest, rows=tuple(row for index, row in enumerate(manifest.rows) if index in kept))


def _by_attack(rows: Sequence[Row], indices: Iterable[int]) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for index in indices:
        groups.setdefault(rows[index].attack_id, []).append(index)
    return [groups[attack] for attack in sorted(groups)]


def _shares(sizes: Sequence[int], total: int) -> list[int]:
    """Split ``total`` evenly over parts of ``sizes``, none beyond its size; smaller parts first, in their favour."""
    shares = [0] * len(sizes)
    left = total
    for place, part in enumerate(sorted(range(len(sizes)), key=lambda part: sizes[part])):
        waiting = len(sizes) - place
        shares[part] = min(sizes[part], -(-left // waiting))
        left -= shares[part]
    return shares
