"""MLAAD (Müller et al. 2024): text to speech of many systems and languages, with M-AILABS as its bona fide side."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import ManifestError
from workbench.manifest import Manifest, Row
from workbench.readers.files import audio_below, find_one, finish

_COLUMNS = ("path", "original_file", "language", "model_name")


def mlaad(root: Path, skip_missing: bool = False) -> Manifest:
    """Read `fake/LANGUAGE/MODEL/meta.csv` (split by `|`) and, where it lies beside it, M-AILABS in `real/LANGUAGE/`.

    All on train: split it with the attack as a group. The bona fide side is its own download, as published; M-AILABS
    keeps speakers in `by_book/SEX/SPEAKER/BOOK`.

    Raises
    ------
    ManifestError
        The layout or a line does not fit, or audio is missing.
    """
    fake = find_one(root, "fake")
    rows = [row for meta in sorted(fake.glob("*/*/meta.csv")) for row in _spoof(meta, root)]
    if not rows:
        raise ManifestError(f"{fake}: expected LANGUAGE/MODEL/meta.csv there; none found")
    if (root / "real").is_dir():
        rows += [_bonafide(path, root) for path in audio_below(root / "real")]
    return finish(rows, root, skip_missing)


def _spoof(meta: Path, root: Path) -> Iterator[Row]:
    with open(meta, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE)
        if not set(_COLUMNS) <= set(reader.fieldnames or ()):
            raise ManifestError(
                f"{meta}: expected at least the columns {', '.join(_COLUMNS)}; found {reader.fieldnames}"
            )
        for record in reader:
            yield Row(
                # The column starts from the corpus' own root ("./fake/…"); the file lies beside its meta.csv.
                path=str((meta.parent / Path(record["path"]).name).relative_to(root)),
                label="spoof",
                attack_id=f"mlaad:{record['model_name']}",
                attack_family="tts",
                language=record["language"],
                source_repo="mlaad",
                source_path=record["original_file"],
                paired="no",
            )


def _bonafide(path: Path, root: Path) -> Row:
    parts = path.relative_to(root / "real").parts
    speaker = parts[parts.index("by_book") + 2] if "by_book" in parts[:-2] else "-"
    return Row(
        path=str(path.relative_to(root)),
        attack_family="human",
        speaker_id=speaker if speaker == "-" else f"m-ailabs:{speaker}",
        language=parts[0],
        source_repo="m-ailabs",
        source_path="/".join(parts[1:]),
        paired="no",
    )
