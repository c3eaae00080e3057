"""Decode the audio of a manifest once, into 16-bit samples in one memory-mapped file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.audio.reading import open_audio
from edge.resampling import Resampler
from workbench.data.manifest import Manifest, Row
from workbench.errors import ManifestError

Float = NDArray[np.float32]


def decode(path: Path, sample_rate: int, max_s: float | None = None) -> Float:
    """Decode any recording to mono float32 [shape=(n,)] at ``sample_rate`` Hz, at most ``max_s`` seconds.

    Decoding and resampling are the edge runtime's, so training and scoring read the same samples.
    """
    limit = None if max_s is None else round(max_s * sample_rate)
    pieces: list[Float] = []
    gathered = 0
    with open_audio(path) as audio:
        resampler = Resampler(audio.sample_rate, sample_rate)
        for block in audio:
            piece = resampler.feed(block.mean(axis=1, dtype=np.float32))
            pieces.append(piece)
            gathered += len(piece)
            if limit is not None and gathered >= limit:
                break
        else:
            pieces.append(resampler.flush())
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    return samples[:limit].astype(np.float32)


@dataclass(frozen=True)
class AudioCache:
    """Clips of a manifest by row index; reading one copies only that clip into memory."""

    samples: NDArray[np.int16]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def clip(self, index: int) -> Float:
        """Read clip ``index`` as float32 [shape=(n,), range -1 to 1]."""
        return self.samples[self.offsets[index] : self.offsets[index + 1]].astype(np.float32) / 32768.0


def build_cache(
    manifest: Manifest,
    folder: Path,
    sample_rate: int,
    max_s: float,
    progress: Callable[[Sequence[Row]], Iterable[Row]] = iter,
) -> AudioCache:
    """Decode every clip of ``manifest`` into ``folder``, or open what an earlier call left there.

    Raises
    ------
    ManifestError
        Clips that cannot be decoded: all of them are listed, with the reason of each.
    """
    # Clips are found by row index, so unlike the manifest's digest the key depends on the order of the rows.
    order = hashlib.sha256("\n".join(row.path for row in manifest.rows).encode()).hexdigest()
    name = f"{manifest.digest()} {order} {manifest.root} {sample_rate} {max_s}"
    key = hashlib.sha256(name.encode()).hexdigest()[:16]
    data, index = folder / f"{key}.pcm", folder / f"{key}.json"
    if not (index.exists() and data.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        _write_cache(manifest, data, index, sample_rate, max_s, progress)
    offsets = np.array(json.loads(index.read_text()), dtype=np.int64)
    return AudioCache(np.memmap(data, dtype="<i2", mode="r", shape=(int(offsets[-1]),)), offsets)


def _write_cache(
    manifest: Manifest,
    data: Path,
    index: Path,
    sample_rate: int,
    max_s: float,
    progress: Callable[[Sequence[Row]], Iterable[Row]],
) -> None:
    offsets, failures = [0], []
    temporary = data.with_suffix(f".{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        for row in progress(manifest.rows):
            try:
                samples = decode(manifest.root / row.path, sample_rate, max_s)
            except Exception as error:  # noqa: BLE001 - every clip's own reason is reported together below
                failures.append(f"{row.path}: {error}")
                continue
            if not len(samples):
                failures.append(f"{row.path}: no samples")
                continue
            np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tofile(file)
            offsets.append(offsets[-1] + len(samples))
    if failures:
        temporary.unlink()
        listed = "\n  ".join(failures[:20])
        raise ManifestError(
            f"{len(failures)} of {len(manifest.rows)} clips cannot be decoded; mend or remove their rows:\n  {listed}"
        )
    temporary.replace(data)
    temporary_index = index.with_suffix(f".{os.getpid()}.tmp")
    temporary_index.write_text(json.dumps(offsets))
    temporary_index.replace(index)
