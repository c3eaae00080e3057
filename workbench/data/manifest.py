"""The manifest: a tab-separated table, one row a clip, with its label, split and origin.

Only ``path`` and ``label`` are required; what a manifest does not state is ``-``.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import numpy as np

from workbench.data.atomic_file import write_atomically
from workbench.errors import ManifestError

LABELS = ("bonafide", "spoof")
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Row:
    """One clip. ``paired``: its source holds bona fide and spoof clips of the same recording conditions.

    ``attack_seen_in_train``: for spoof clips, whether train holds the same ``attack_id``.
    """

    path: str
    split: str = "train"
    label: str = "bonafide"
    attack_id: str = "-"
    attack_family: str = "-"
    speaker_id: str = "-"
    language: str = "-"
    source_sample_rate: str = "-"
    duration_s: str = "-"
    source_repo: str = "-"
    source_commit: str = "-"
    source_path: str = "-"
    source_blob: str = "-"
    licence: str = "-"
    label_confidence: str = "-"
    paired: str = "-"
    attack_seen_in_train: str = "-"


COLUMNS = tuple(item.name for item in fields(Row))


@dataclass(frozen=True)
class Manifest:
    """Rows and the folder that their paths start from."""

    rows: tuple[Row, ...]
    root: Path

    def select(
        self,
        *,
        split: str | None = None,
        label: str | None = None,
        paired: str | None = None,
        seen: str | None = None,
    ) -> Manifest:
        """Keep the rows that match every given value."""
        wanted = {"split": split, "label": label, "paired": paired, "attack_seen_in_train": seen}
        given = {name: value for name, value in wanted.items() if value is not None}
        return replace(
            self, rows=tuple(r for r in self.rows if all(getattr(r, name) == value for name, value in given.items()))
        )

    def digest(self) -> str:
        """Compute the SHA-256 of the rows in any order, which names a corpus in run folders and model cards."""
        lines = sorted("\t".join(astuple(row)) for row in self.rows)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_manifest(path: str | Path, root: Path | None = None) -> Manifest:
    """Read a manifest; clip paths are relative to its folder, or to ``root``.

    Raises
    ------
    ManifestError
        Unreadable, no rows, a required column missing, or a row that does not fit; with the line number.
    """
    path = Path(path)
    try:
        # Spreadsheets put a byte order mark before the first column's name.
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            missing = {"path", "label"} - set(reader.fieldnames or ())
            if missing:
                raise ManifestError(
                    f"{path}: expected tab-separated columns with at least path and label; "
                    f"{' and '.join(sorted(missing))} missing, found {', '.join(reader.fieldnames or ['nothing'])}"
                )
            rows = tuple(_row(record, f"{path}, line {reader.line_num}") for record in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path}: cannot read the manifest ({error}); give a UTF-8 file of tabs") from error
    if not rows:
        raise ManifestError(f"{path}: the manifest has no rows")
    _check_unique(rows, path)
    return Manifest(rows, root or path.parent)


def join_manifests(manifests: Sequence[Manifest]) -> Manifest:
    """Join ``manifests``: paths start from the first one's folder, and seen attacks are marked anew.

    Raises
    ------
    ManifestError
        A clip stands in two of them.
    """
    first = manifests[0].root
    rows = list(manifests[0].rows)
    for manifest in manifests[1:]:
        start = Path(os.path.relpath(manifest.root, first))
        rows += [replace(row, path=(start / row.path).as_posix()) for row in manifest.rows]
    _check_unique(rows, first)
    return Manifest(mark_seen_attacks(rows), first)


def write_manifest(manifest: Manifest, path: str | Path) -> None:
    """Write a manifest, by a temporary name and a rename.

    Raises
    ------
    ManifestError
        `read_manifest` could not read it back: no rows, a path twice, or a value that the format cannot hold.
    """
    path = Path(path)
    if not manifest.rows:
        raise ManifestError(f"{path}: there are no rows to write")
    _check_unique(manifest.rows, path)
    write_atomically(path, "".join(f"{line}\n" for line in ("\t".join(COLUMNS), *map(_line, manifest.rows))))


def mark_seen_attacks(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Fill ``attack_seen_in_train`` from the attacks of the train split."""
    rows = tuple(rows)
    trained = {row.attack_id for row in rows if row.split == "train" and row.label == "spoof"}
    return tuple(
        replace(row, attack_seen_in_train="-")
        if row.label == "bonafide"
        else replace(row, attack_seen_in_train="yes" if row.attack_id in trained else "no")
        for row in rows
    )


def split_by_group(rows: Sequence[Row], dev_share: float, seed: int) -> tuple[Row, ...]:
    """Put about ``dev_share`` of each label on dev, whole speakers, attacks or sources together, the rest on train.

    Raises
    ------
    ManifestError
        A label with a single clip: nothing can be set aside.
    """
    rng = np.random.default_rng(seed)
    result = []
    for label in LABELS:
        of_label = [row for row in rows if row.label == label]
        groups: dict[str, list[Row]] = {}
        for row in of_label:
            groups.setdefault(_group(row), []).append(row)
        if len(of_label) < 2 or len(groups) < 2:
            groups = {row.path: [row] for row in of_label}
        if len(groups) < 2:
            raise ManifestError(
                f"{len(of_label)} {label} clips cannot be split; at least 2 are needed, better hundreds"
            )
        names = sorted(groups)
        rng.shuffle(names)
        on_dev = 0
        for index, name in enumerate(names):
            take = index == 0 or (on_dev < dev_share * len(of_label) and index < len(names) - 1)
            on_dev += len(groups[name]) * take
            result += [replace(row, split="dev" if take else "train") for row in groups[name]]
    return mark_seen_attacks(sorted(result, key=lambda row: row.path))


def _group(row: Row) -> str:
    # One voice may be copied by every attack: a spoof clip's speaker would tear attacks apart.
    first = row.attack_id if row.label == "spoof" else row.speaker_id
    known = (first, row.speaker_id, row.source_repo)
    return next((value for value in known if value != "-"), row.path)


def _line(row: Row) -> str:
    line = "\t".join(astuple(row))
    if line.count("\t") != len(COLUMNS) - 1 or "\n" in line or "\r" in line:
        raise ManifestError(
            f"{row.path!r}: a value holds a tab or a line break, which a manifest cannot; rename the file"
        )
    try:
        line.encode()
    except UnicodeEncodeError as error:
        raise ManifestError(f"{row.path!r}: the name is not UTF-8, which a manifest is; rename the file") from error
    return line


def _row(record: dict[str, str], where: str) -> Row:
    if None in record.values() or None in record:
        raise ManifestError(f"{where}: the number of columns differs from the header's; columns are split by one tab")
    row = Row(**{name: record[name] or "-" for name in COLUMNS if name in record})
    if row.label not in LABELS:
        raise ManifestError(f"{where}: label is one of {' or '.join(LABELS)}; got {row.label!r}")
    if row.split not in SPLITS:
        raise ManifestError(f"{where}: split is one of {', '.join(SPLITS)}; got {row.split!r}")
    return row


def _check_unique(rows: Iterable[Row], path: Path) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.path in seen:
            raise ManifestError(f"{path}: {row.path} stands twice; one row a clip")
        seen.add(row.path)
