"""Two folders of one's own: recordings of real people, and synthetic speech."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.data.manifest import Manifest, Row, mark_seen_attacks
from workbench.data.readers.files import audio_below
from workbench.errors import ManifestError


def two_folders(bonafide: Path, spoof: Path) -> Manifest:
    """List every recording below the two folders, all on train.

    A folder inside ``bonafide`` names a speaker, one inside ``spoof`` an attack; so they can be kept on one side when
    the manifest is split.

    Raises
    ------
    ManifestError
        A folder is missing or empty, or one lies in the other.
    """
    bonafide, spoof = Path(bonafide).resolve(), Path(spoof).resolve()
    if bonafide == spoof or bonafide in spoof.parents or spoof in bonafide.parents:
        raise ManifestError(
            f"{bonafide} and {spoof}: one lies in the other, so its recordings would carry both labels; "
            "give two folders side by side"
        )
    root = Path(os.path.commonpath([bonafide, spoof]))
    rows = []
    for folder, label in ((bonafide, "bonafide"), (spoof, "spoof")):
        for path in audio_below(folder):
            inside = path.relative_to(folder).parts
            group = inside[0] if len(inside) > 1 else "-"
            rows.append(
                Row(
                    path=str(path.relative_to(root)),
                    label=label,
                    attack_id="-" if label == "bonafide" else group if group != "-" else folder.name,
                    attack_family="human" if label == "bonafide" else "-",
                    speaker_id=group if label == "bonafide" else "-",
                )
            )
    return Manifest(mark_seen_attacks(rows), root)
