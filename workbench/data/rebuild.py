"""Build the corpus anew from its list: download each original, check it, cut the clip as the list's was cut.

A list is a manifest whose rows name where each clip's original lies: repository, commit, path, and the SHA-1 of the
git blob. Audio of others is not shipped; whoever has a network can make the clips. Those that the first edition of the
corpus cut were rounded otherwise there, and differ in their lowest bits.
"""

from __future__ import annotations

import hashlib
import io
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.atomic_file import write_flac
from workbench.data.manifest import Manifest, Row, read_manifest, write_manifest
from workbench.errors import ManifestError

Float = NDArray[np.float32]
Int16 = NDArray[np.int16]

URL = "https://raw.githubusercontent.com/{repo}/{commit}/{path}"
"""Where GitHub serves a file of a repository; any other template with these three names may take its place."""
SAMPLE_RATE = 16000
MAX_DECODED_S = 40
CLIP_S = 4.0
TRAIN_CLIP_S = 3.0
MAX_BYTES = 200_000_000
"""A larger original is refused, since it is held in memory."""
_FRAME = 320
_LEVELS = 2048.0
_STEP = 16
LISTS = Path(__file__).parent / "lists"
"""The lists that come with the workbench, by name."""


@dataclass(frozen=True)
class Gone:
    """A clip that could not be made, with the whole reason."""

    path: str
    reason: str


def read_list(name: str) -> tuple[Row, ...]:
    """Read the rows of a list: a manifest's path, or the name of one that comes with the workbench.

    Raises
    ------
    ManifestError
        Neither, or not a manifest.
    """
    shipped = LISTS / f"{name}.tsv"
    if not Path(name).exists() and not shipped.exists():
        names = ", ".join(sorted(path.stem for path in LISTS.glob("*.tsv")))
        raise ManifestError(f"{name}: no such list; expected a manifest's path or one of {names}")
    return read_manifest(name if Path(name).exists() else shipped).rows


def build_corpus(
    rows: Sequence[Row],
    folder: Path,
    *,
    url: str = URL,
    jobs: int = 8,
    timeout_s: float = 60.0,
    progress: Callable[[Iterable[Row]], Iterable[Row]] = iter,
) -> list[Gone]:
    """Make the clips of ``rows`` below ``folder``, and write its ``manifest.tsv``; return what could not be made.

    Clips that are there already stay: a killed build goes on where it was. The manifest holds the clips that are there.

    Parameters
    ----------
    url : template with ``{repo}``, ``{commit}`` and ``{path}``, each percent-encoded but for slashes.
    jobs : downloads at a time.
    progress : wraps the rows as they are done.

    Raises
    ------
    ManifestError
        A row names no original or a path outside ``folder``, or ``url`` is no template of its three names.
    """
    for name in ("{repo}", "{commit}", "{path}"):
        if name not in url:
            raise ManifestError(f"the URL template lacks {name}; expected one such as {URL}; got {url}")
    try:
        url.format(repo="", commit="", path="")
    except (LookupError, ValueError, AttributeError) as error:
        raise ManifestError(
            f"the URL template does not fit ({error}); expected one such as {URL}; got {url}"
        ) from error
    for row in rows:
        if not (folder / row.path).resolve().is_relative_to(folder.resolve()):
            raise ManifestError(f"{row.path}: expected a path below the corpus' folder; mend the list")
        if "-" in (row.source_repo, row.source_commit, row.source_path, row.source_blob):
            raise ManifestError(
                f"{row.path}: the list names no original; expected source_repo, source_commit, source_path and "
                "source_blob in each row"
            )
    failures: list[Gone] = []
    made: list[Row] = []
    pool = ThreadPoolExecutor(jobs)
    try:
        outcomes = pool.map(lambda row: _make(row, folder, url, timeout_s), rows)
        for row, failure in zip(progress(rows), outcomes, strict=True):
            if failure is None:
                made.append(row)
            else:
                failures.append(failure)
    finally:
        # Ctrl-C ends what is being downloaded, not the thousands that wait.
        pool.shutdown(cancel_futures=True)
    if made:
        write_manifest(Manifest(tuple(made), folder), folder / "manifest.tsv")
    return failures


def _make(row: Row, folder: Path, url: str, timeout_s: float) -> Gone | None:
    target = folder / row.path
    if target.exists():
        return None
    address = url.format(
        repo=urllib.parse.quote(row.source_repo),
        commit=urllib.parse.quote(row.source_commit),
        path=urllib.parse.quote(row.source_path),
    )
    try:
        data = _download(address, timeout_s)
        found = git_blob_sha1(data)
        if found != row.source_blob:
            return Gone(row.path, f"{address}: another file (git blob {found}, expected {row.source_blob})")
        write_flac(target, cut_clip(decode_original(data), short=_is_short(row)), SAMPLE_RATE)
    except Exception as error:  # noqa: BLE001 - whatever a server or a decoder does, the other clips are made
        return Gone(row.path, f"{address}: {error or type(error).__name__}")
    return None


def _is_short(row: Row) -> bool:
    """Train clips of the second edition are 3 s long; those of the first, and dev and test, 4 s."""
    return row.split == "train" and row.duration_s != "-" and float(row.duration_s) <= TRAIN_CLIP_S


def _download(address: str, timeout_s: float) -> bytes:
    request = urllib.request.Request(address, headers={"User-Agent": "bonafone-workbench"})
    if request.type not in ("http", "https"):
        raise ValueError(f"expected an http or https address, got {request.type}")
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        data: bytes = answer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES:,} bytes")
    return data


def git_blob_sha1(data: bytes) -> str:
    """Return the SHA-1 by which git names the content ``data``.

    >>> git_blob_sha1(b"")
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def decode_original(data: bytes) -> Float:
    """Decode an original to mono float32 [shape=(n,), 16 kHz] by FFmpeg and its resampler; at most its first 40 s.

    Raises
    ------
    ValueError
        Not audio, or audio without samples.
    """
    import av

    try:
        with av.open(io.BytesIO(data)) as container:
            samples = np.concatenate(list(_decoded(container)) or [np.zeros(0, np.float32)])
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(f"not audio that FFmpeg reads ({error})") from error
    if not len(samples):
        raise ValueError("holds no samples")
    return samples[: MAX_DECODED_S * SAMPLE_RATE]


def _decoded(container: Any) -> Iterator[Float]:
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    gathered = 0
    for frame in container.decode(audio=0):
        for part in resampler.resample(frame):
            piece = part.to_ndarray().reshape(-1)
            gathered += len(piece)
            yield piece
        if gathered >= MAX_DECODED_S * SAMPLE_RATE:
            return
    for part in resampler.resample(None):
        yield part.to_ndarray().reshape(-1)


def cut_clip(samples: Float, *, short: bool) -> Int16:
    """Cut ``samples`` [shape=(n,), 16 kHz] to the corpus' clip: int16 with 12 significant bits [shape=(m,)].

    The 4 s with most active frames, the first such on a grid of 20 ms; mean removed, peak at 0.9. Where ``short``, of
    those the 3 s with most frames above the loudest one less 35 dB.
    """
    start = _busiest(_active(_frame_levels_db(samples)), round(CLIP_S * SAMPLE_RATE / _FRAME)) * _FRAME
    clip = samples[start : start + round(CLIP_S * SAMPLE_RATE)].astype(np.float64)
    clip = clip - clip.mean()
    peak = np.abs(clip).max()
    clip = clip * (0.9 / peak) if peak > 0 else clip
    cut = (np.round(clip * _LEVELS) * _STEP).astype(np.int16)
    if short:
        levels = _frame_levels_db(cut / 32768.0)
        start = _busiest(levels > levels.max() - 35.0, round(TRAIN_CLIP_S * SAMPLE_RATE / _FRAME)) * _FRAME
        cut = cut[start : start + round(TRAIN_CLIP_S * SAMPLE_RATE)]
    return cut


def _frame_levels_db(samples: NDArray[np.floating]) -> NDArray[np.float64]:
    """Power of each 20 ms frame [shape=(n // 320,)] in dB; a rest shorter than a frame makes one only if alone."""
    count = max(len(samples) // _FRAME, 1)
    padded = np.zeros(count * _FRAME)
    padded[: min(len(samples), len(padded))] = samples[: len(padded)]
    return 10.0 * np.log10((padded.reshape(count, _FRAME) ** 2).mean(axis=1) + 1e-12)


def _active(levels_db: NDArray[np.float64]) -> NDArray[np.bool_]:
    active = levels_db > levels_db.max() - 35.0
    low, high = np.percentile(levels_db, [10, 95])
    return active & (levels_db > low + 4.0) if high - low > 12.0 else active


def _busiest(active: NDArray[np.bool_], frames: int) -> int:
    """First place of ``frames`` frames that hold most active ones."""
    if len(active) <= frames:
        return 0
    sums = np.concatenate([[0], np.cumsum(active)])
    return int(np.argmax(sums[frames:] - sums[:-frames]))
