"""Recorded backgrounds and impulse responses, read once and handed to the transmissions."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import AudioError
from workbench.data.cache import decode
from workbench.errors import ManifestError

Float = NDArray[np.float32]

MANIFEST = "manifest.tsv"
_KINDS = ("background", "impulse_response")
_SUFFIXES = (".flac", ".wav", ".ogg")
_MAX_NOISE_S = 10.0
_MAX_RESPONSE_S = 2.0


@dataclass(frozen=True)
class Recordings:
    """Backgrounds and impulse responses [shape=(m,), m >= 1] at one rate."""

    noises: tuple[Float, ...] = ()
    rooms: tuple[Float, ...] = ()


def read_recordings(
    folder: Path, sample_rate: int, progress: Callable[[Sequence[Path]], Iterable[Path]] = iter
) -> Recordings:
    """Read every recording below ``folder``, at most 10 s of a background and 2 s of a response.

    Which is which stands in ``manifest.tsv`` there (columns ``path`` and ``kind``: ``background`` or
    ``impulse_response``). Without a manifest, what lies in a folder ``impulse_response`` is one.

    Raises
    ------
    ManifestError
        Nothing is there, the manifest is not one, or recordings cannot be read; all of these are named.
    """
    kinds = _kinds(folder)
    if not kinds:
        raise ManifestError(
            f"{folder}: no {', '.join(_SUFFIXES)} recording found; give a folder of background noise "
            "and impulse responses"
        )
    found: dict[str, list[Float]] = {kind: [] for kind in _KINDS}
    failures = []
    for path in progress(sorted(kinds)):
        kind = kinds[path]
        try:
            samples = decode(path, sample_rate, _MAX_NOISE_S if kind == "background" else _MAX_RESPONSE_S)
        except AudioError as error:
            failures.append(str(error))
            continue
        if np.any(samples):
            found[kind].append(samples)
    if failures:
        listed = "\n  ".join(failures[:10])
        raise ManifestError(f"{folder}: {len(failures)} of {len(kinds)} recordings cannot be read:\n  {listed}")
    return Recordings(tuple(found["background"]), tuple(found["impulse_response"]))


def _kinds(folder: Path) -> dict[Path, str]:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        files = (path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in _SUFFIXES)
        return {path: _KINDS["impulse_response" in path.relative_to(folder).parts[:-1]] for path in files}
    with open(manifest, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if rows and not {"path", "kind"} <= set(rows[0]):
        raise ManifestError(f"{manifest}: expected columns path and kind, got {', '.join(rows[0])}")
    unknown = sorted({row["kind"] for row in rows} - set(_KINDS))
    if unknown:
        raise ManifestError(f"{manifest}: unknown kind {', '.join(unknown)}; expected {' or '.join(_KINDS)}")
    # Written from the manifest's own folder, or, in a corpus, from the folder above it.
    return {_existing(folder, row["path"]): row["kind"] for row in rows}


def _existing(folder: Path, name: str) -> Path:
    inside = folder / name
    return inside if inside.exists() else folder.parent / name
