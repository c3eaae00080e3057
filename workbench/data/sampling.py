"""Which clips a training batch holds: balanced by class, attack and source, never by how many clips each has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.data.manifest import Row
from workbench.errors import TrainingError


@dataclass(frozen=True)
class BalancedSampler:
    """Draws row indices by nested uniform choices.

    A spoof clip: an attack, one of its sources, one of its clips. A bona fide clip: with chance ``paired_share`` one
    of the very source the spoof drawn beside it comes from (where that source has any), else a source, a speaker, a
    clip. Pairs of one source differ in nothing but the voice, so what tells recordings apart cannot help.
    """

    attacks: tuple[tuple[tuple[int, ...], ...], ...]
    sources: tuple[tuple[tuple[int, ...], ...], ...]
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
        candidates = self.bonafide_of_source.get(self.source_of[spoof])
        if candidates and rng.random() < self.paired_share:
            return spoof, candidates[rng.integers(len(candidates))]
        return spoof, _descend(self.sources, rng)


def _descend(groups: Sequence[Sequence[Sequence[int]]], rng: np.random.Generator) -> int:
    group = groups[int(rng.integers(len(groups)))]
    clips = group[int(rng.integers(len(group)))]
    return clips[int(rng.integers(len(clips)))]
