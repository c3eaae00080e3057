"""Count what a manifest holds, by split and label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from workbench.data.manifest import LABELS, SPLITS, Manifest, Row
from workbench.errors import ManifestError

_COLUMNS = ("split", "label", "clips", "paired", "minutes", "speakers", "sources", "attacks", "unseen")


def summarise(manifest: Manifest) -> list[dict[str, Any]]:
    """Count the clips of each label of each split that has any, train first, bona fide before spoof.

    Returns
    -------
    Dictionaries as JSON takes them. ``unseen_attacks`` are marked as not in train; ``minutes`` is None if a duration
    is unknown; ``families``, ``languages`` and ``sample_rates`` map names to numbers of clips.

    Raises
    ------
    ManifestError
        A duration is not a number.
    """
    groups: dict[tuple[str, str], list[Row]] = {(split, label): [] for split in SPLITS for label in LABELS}
    for row in manifest.rows:
        groups[row.split, row.label].append(row)
    return [_count(split, label, rows) for (split, label), rows in groups.items() if rows]


def text_summary(parts: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Format `summarise` as rows of a table, the head first."""
    table: list[tuple[str, ...]] = [_COLUMNS]
    for part in parts:
        minutes = "–" if part["minutes"] is None else f"{part['minutes']:.1f}"
        shown = {**part, "clips": f"{part['clips']:,}", "paired": f"{part['paired']:,}", "minutes": minutes}
        table.append(tuple(str(shown["unseen_attacks" if name == "unseen" else name]) for name in _COLUMNS))
    return table


def _count(split: str, label: str, rows: list[Row]) -> dict[str, Any]:
    seconds = [_seconds(row) for row in rows]
    return {
        "split": split,
        "label": label,
        "clips": len(rows),
        "paired": sum(row.paired == "yes" for row in rows),
        "minutes": None if None in seconds else sum(filter(None, seconds)) / 60.0,
        "speakers": len({row.speaker_id for row in rows} - {"-"}),
        "sources": len({row.source_repo for row in rows} - {"-"}),
        "attacks": len({row.attack_id for row in rows} - {"-"}),
        "unseen_attacks": len({row.attack_id for row in rows if row.attack_seen_in_train == "no"} - {"-"}),
        "families": dict(Counter(row.attack_family for row in rows).most_common()),
        "languages": dict(Counter(row.language for row in rows).most_common()),
        "sample_rates": dict(Counter(row.source_sample_rate for row in rows).most_common()),
    }


def _seconds(row: Row) -> float | None:
    try:
        return None if row.duration_s == "-" else float(row.duration_s)
    except ValueError as error:
        raise ManifestError(f"{row.path}: duration_s is seconds or -; got {row.duration_s!r}") from error
