"""A smaller manifest that stands for a large one: as many bona fide as spoof clips, each attack alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from workbench.data.manifest import LABELS, Manifest, Row

_SEED = 2019
"""Not the run's: runs that differ in their seed alone must be chosen by the same clips."""


def draw_evenly(manifest: Manifest, clips: int | None) -> Manifest:
    """At most ``clips`` rows of ``manifest``, in their order: half of each label, each attack alike.

    A label, or an attack, with fewer clips than its share gives all that it has, and the others fill up. The draw
    depends on the rows alone. None, or a manifest that is small enough, leaves it as it is.
    """
    if clips is None or len(manifest.rows) <= clips:
        return manifest
    rng = np.random.default_rng(_SEED)
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
