"""Shared by all readers: find audio, read protocols and tables, check that the files exist."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from edge.scoring import AUDIO_SUFFIXES
from workbench.data.manifest import Manifest, Row, mark_seen_attacks, split_by_group, write_manifest
from workbench.errors import ManifestError


def audio_below(folder: Path) -> list[Path]:
    """List the recordings in ``folder`` and below, sorted.

    Raises
    ------
    ManifestError
        The folder does not exist or holds none.
    """
    if not folder.is_dir():
        raise ManifestError(f"{folder}: no such folder; give the folder that the corpus was unpacked to")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
    if not found:
        raise ManifestError(f"{folder}: no recordings; expected files such as .wav or .flac in it or below")
    return found


def find_one(root: Path, *names: str) -> Path:
    """Find the first of ``names`` below ``root`` that exists: archives differ in how they unpack.

    Raises
    ------
    ManifestError
        None does.
    """
    for name in names:
        if (root / name).exists():
            return root / name
    raise ManifestError(f"{root}: expected {' or '.join(names)} there; give the folder the corpus was unpacked to")


def protocol_lines(path: Path, columns: int) -> Iterator[list[str]]:
    """Yield the fields of each line, split by white space.

    Raises
    ------
    ManifestError
        Unreadable, or a line with fewer than ``columns`` fields; with its number.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: cannot read the protocol ({error})") from error
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) < columns:
            raise ManifestError(f"{path}, line {number}: expected {columns} fields, got {len(fields)}: {line[:80]!r}")
        yield fields


def table_records(path: Path, delimiter: str, columns: Sequence[str], quoted: bool = True) -> Iterator[dict[str, str]]:
    """Yield the records of a table with a header; ``quoted``: fields in double quotes may hold the delimiter.

    Raises
    ------
    ManifestError
        Unreadable, one of ``columns`` missing, or a line that ends before them; with its number.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
            found = reader.fieldnames or ()
            if not set(columns) <= set(found):
                raise ManifestError(
                    f"{path}: expected columns {', '.join(columns)}, split by {delimiter!r}; "
                    f"found {', '.join(found) or 'nothing'}"
                )
            for record in reader:
                if any(record[column] is None for column in columns):
                    raise ManifestError(f"{path}, line {reader.line_num}: expected {len(found)} fields, got fewer")
                yield record
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path}: cannot read the table ({error})") from error


def label_of(value: str, where: str) -> str:
    """Convert the label of a protocol to ``bonafide`` or ``spoof``.

    Raises
    ------
    ManifestError
        Neither.
    """
    labels = {"bonafide": "bonafide", "bona-fide": "bonafide", "spoof": "spoof"}
    if value not in labels:
        raise ManifestError(f"{where}: expected a label bonafide or spoof, got {value!r}")
    return labels[value]


def finish(rows: Iterable[Row], root: Path, skip_missing: bool) -> Manifest:
    """Check that the audio is there, and mark which attacks train holds.

    Raises
    ------
    ManifestError
        No rows, or files that are missing and not to be skipped.
    """
    rows = list(rows)
    present = [row for row in rows if (root / row.path).is_file()]
    missing = _missing(rows, present)
    if missing and not skip_missing:
        listed = "\n  ".join(missing[:10])
        raise ManifestError(
            f"{root}: {len(missing)} of {len(rows)} recordings of the protocol are missing; unpack all of the corpus, "
            f"or skip them with --skip-missing:\n  {listed}"
        )
    if not present:
        raise ManifestError(f"{root}: none of the protocol's {len(rows)} recordings is there; unpack the audio")
    return Manifest(mark_seen_attacks(present), root)


def _missing(rows: Sequence[Row], present: Sequence[Row]) -> list[str]:
    there = {row.path for row in present}
    return [row.path for row in rows if row.path not in there]


def save_manifest(manifest: Manifest, path: Path, dev_share: float | None, seed: int) -> Manifest:
    """Write ``manifest`` to ``path``, clips named from that folder; with ``dev_share`` its train rows split anew."""
    rows = manifest.rows
    if dev_share is not None:
        kept = [row for row in rows if row.split != "train"]
        trained = {row.attack_id for row in rows if row.split == "train"}
        # A reader may mark an attack whose algorithm was trained under another name; marking by names would lose it.
        known = {r.attack_id for r in kept if r.attack_seen_in_train == "yes" and r.attack_id not in trained}
        rows = mark_seen_attacks([*split_by_group([r for r in rows if r.split == "train"], dev_share, seed), *kept])
        rows = tuple(replace(r, attack_seen_in_train="yes") if r.attack_id in known else r for r in rows)
    folder = path.resolve().parent
    relative = os.path.relpath(manifest.root.resolve(), folder)
    placed = tuple(replace(row, path=os.path.normpath(os.path.join(relative, row.path))) for row in rows)
    write_manifest(saved := Manifest(placed, folder), path)
    return saved
