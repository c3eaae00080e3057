"""MLAAD (Müller et al. 2024): text to speech of many systems and languages, with M-AILABS as its bona fide side.

Columns as public readers of its versions 3 to 5 quote them: `path|original_file|language|is_original_language|duration|
training_data|model_name|architecture|transcript`, of which later versions add `reference_speaker`. Whether a transcript
is ever quoted could not be checked; quotes are read as they stand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from workbench.data.manifest import Manifest, Row
from workbench.data.readers.files import audio_below, find_one, finish, table_records
from workbench.errors import ManifestError

_COLUMNS = ("path", "original_file", "language", "model_name")


def mlaad(root: Path, skip_missing: bool = False, bonafide: Path | None = None) -> Manifest:
    """Read `fake/LANGUAGE/MODEL/meta.csv` (split by `|`) and M-AILABS in ``bonafide``, if given, or in `real/`.

    All on train: split it with the attack as a group. The bona fide side is its own download, as published; M-AILABS
    has `LANGUAGE/by_book/{female,male}/SPEAKER/BOOK/wavs`, and `by_book/mix/BOOK/wavs` where speakers are unknown.

    Raises
    ------
    ManifestError
        The layout or a line does not fit, or audio is missing.
    """
    fake = find_one(root, "fake")
    rows = [row for meta in sorted(fake.glob("*/*/meta.csv")) for row in _spoof(meta, root)]
    if not rows:
        raise ManifestError(f"{fake}: expected LANGUAGE/MODEL/meta.csv there; none found")
    real = root / "real" if bonafide is None else bonafide
    if bonafide is None and not real.is_dir():
        return finish(rows, root, skip_missing)
    base = Path(os.path.commonpath([root.resolve(), real.resolve()]))
    rows = [replace(row, path=str(root.resolve().relative_to(base) / row.path)) for row in rows]
    rows += [_bonafide(path, real.resolve(), base) for path in audio_below(real.resolve())]
    return finish(rows, base, skip_missing)


def _spoof(meta: Path, root: Path) -> Iterator[Row]:
    for record in table_records(meta, "|", _COLUMNS, quoted=False):
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


def _bonafide(path: Path, real: Path, base: Path) -> Row:
    parts = path.relative_to(real).parts
    sexes = [index for index, part in enumerate(parts[:-2]) if part in ("female", "male")]
    speaker = parts[sexes[0] + 1] if sexes else "-"
    return Row(
        path=str(path.relative_to(base)),
        attack_family="human",
        speaker_id=speaker if speaker == "-" else f"m-ailabs:{speaker}",
        language=parts[0],
        source_repo="m-ailabs",
        source_path="/".join(parts[1:]),
        paired="no",
    )
