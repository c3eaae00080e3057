"""Write a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write to a temporary name and rename, so that a killed program leaves the last good file; text as UTF-8."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    temporary.replace(path)


def write_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write ``arrays`` as NPZ, in the same way."""
    temporary = path.with_name(f".{path.stem}.tmp.npz")
    np.savez(temporary, **arrays)  # type: ignore[arg-type]
    temporary.replace(path)


def write_flac(path: Path, samples: NDArray[np.generic], sample_rate: int) -> None:
    """Write samples [shape=(n,), int16, or float from -1 to 1] as 16-bit FLAC, in the same way; makes the folder."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    soundfile.write(temporary, samples, sample_rate, format="FLAC", subtype="PCM_16")
    temporary.replace(path)
