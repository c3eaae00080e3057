"""In-the-Wild (Müller et al. 2022): public figures, genuine and cloned, in one folder with `meta.csv`.

Columns and labels as several public readers of the release quote its first lines.
"""

from __future__ import annotations

from pathlib import Path

from workbench.data.manifest import Manifest, Row
from workbench.data.readers.files import find_one, finish, label_of, table_records


def in_the_wild(root: Path, skip_missing: bool = False) -> Manifest:
    """Read `meta.csv` (`file,speaker,label` with `bona-fide` or `spoof`), all of it test: it was made for that.

    Which system made a spoof is not published, so every one has the same ``attack_id``.

    Raises
    ------
    ManifestError
        The layout or a line does not fit, or audio is missing.
    """
    meta = find_one(root, "meta.csv", "release_in_the_wild/meta.csv")
    folder = meta.parent.relative_to(root)
    rows = [
        Row(
            path=str(folder / record["file"]),
            split="test",
            label=(label := label_of(record["label"], f"{meta}: {record['file']}")),
            attack_id="-" if label == "bonafide" else "in-the-wild:unknown",
            attack_family="human" if label == "bonafide" else "-",
            speaker_id=f"in-the-wild:{record['speaker']}",
            language="en",
            source_repo="in-the-wild",
            source_path=record["file"],
            paired="no",
        )
        for record in table_records(meta, ",", ("file", "speaker", "label"))
    ]
    return finish(rows, root, skip_missing)
