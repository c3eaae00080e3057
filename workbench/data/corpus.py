"""Count what a manifest holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from workbench.data.manifest import LABELS, SPLITS, Manifest, Row
from workbench.errors import ManifestError


@dataclass(frozen=True)
class Part:
    """One label of one split. ``unseen_attacks``: those marked as not in train; ``minutes`` None if any is unknown."""

    split: str
    label: str
    clips: int
    paired: int
    minutes: float | None
    speakers: int
    sources: int
    attacks: int
    unseen_attacks: int
    families: dict[str, int]
    languages: dict[str, int]
    sample_rates: dict[str, int]


def summarise(manifest: Manifest) -> list[Part]:
    """The parts that hold clips, train first, bona fide before spoof.

    Raises
    ------
    ManifestError
        A duration is not a number.
    """
    parts = []
    for split in SPLITS:
        for label in LABELS:
            rows = [row for row in manifest.rows if (row.split, row.label) == (split, label)]
            if rows:
                parts.append(_part(split, label, rows))
    return parts


def part_to_dict(part: Part) -> dict[str, Any]:
    """The part as JSON takes it."""
    return asdict(part)


def text_summary(parts: list[Part]) -> list[tuple[str, ...]]:
    """Rows of a table, the head first."""
    head = ("split", "label", "clips", "paired", "minutes", "speakers", "sources", "attacks", "unseen")
    return [
        head,
        *(
            (
                part.split,
                part.label,
                f"{part.clips:,}",
                f"{part.paired:,}",
                "–" if part.minutes is None else f"{part.minutes:.1f}",
                str(part.speakers),
                str(part.sources),
                str(part.attacks),
                str(part.unseen_attacks),
            )
            for part in parts
        ),
    ]


def _part(split: str, label: str, rows: list[Row]) -> Part:
    durations = [_seconds(row) for row in rows]
    known = [seconds for seconds in durations if seconds is not None]
    return Part(
        split=split,
        label=label,
        clips=len(rows),
        paired=sum(row.paired == "yes" for row in rows),
        minutes=sum(known) / 60.0 if len(known) == len(rows) else None,
        speakers=len(_known(row.speaker_id for row in rows)),
        sources=len(_known(row.source_repo for row in rows)),
        attacks=len(_known(row.attack_id for row in rows)),
        unseen_attacks=len(_known(row.attack_id for row in rows if row.attack_seen_in_train == "no")),
        families=_counts(row.attack_family for row in rows),
        languages=_counts(row.language for row in rows),
        sample_rates=_counts(row.source_sample_rate for row in rows),
    )


def _seconds(row: Row) -> float | None:
    if row.duration_s == "-":
        return None
    try:
        return float(row.duration_s)
    except ValueError as error:
        raise ManifestError(f"{row.path}: duration_s is seconds or -; got {row.duration_s!r}") from error


def _known(values: Any) -> set[str]:
    return set(values) - {"-"}


def _counts(values: Any) -> dict[str, int]:
    return dict(Counter(values).most_common())
