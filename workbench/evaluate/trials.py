"""Scored clips: a manifest through the runtime that ships, as it is and through transmissions."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.contract import FrontEndSpec, SpeechSpec
from edge.errors import AudioError
from edge.model import Model
from edge.native_stderr import hold_stderr
from edge.scoring import score_file, score_samples
from workbench.data.cache import decode
from workbench.data.manifest import Manifest, Row
from workbench.errors import EvaluationError
from workbench.frontend.reference import mel_power
from workbench.transmissions import CLEAN, through_transmission

Float = NDArray[np.float32]
Progress = Callable[[Sequence[Any]], Iterable[Any]]
T = TypeVar("T")

_PIECE = 32
"""Clips that a process scores between two signs of life."""
_QUIETEST = 0.1
_LOUD_RANGE_DB = 15.0
"""Below the loudest hops by which one still counts as speech."""


@dataclass(frozen=True)
class Trial:
    """One scored clip; ``cm_score`` is None where the verdict needs none (too short, no speech).

    Attributes
    ----------
    transmission : what the clip went through before it was scored; see `workbench.transmissions`.
    seconds : of speech that it was cut to, None for the whole clip.
    speech_s : seconds of speech that was scored.
    snr_db : level of the speech over the quietest tenth of the clean clip; None where it cannot be estimated.
    joined : paths of the clips that this one was joined from, empty for a clip of its own.
    """

    row: Row
    verdict: str
    cm_score: float | None
    transmission: str = CLEAN
    seconds: float | None = None
    speech_s: float | None = None
    snr_db: float | None = None
    joined: tuple[str, ...] = ()

    @property
    def is_bonafide(self) -> bool:
        return self.row.label == "bonafide"


def score_trials(
    model: Model,
    manifest: Manifest,
    progress: Progress = iter,
    *,
    transmissions: Sequence[str] = (),
    seed: int = 0,
    jobs: int = 1,
) -> list[Trial]:
    """Score every clip of ``manifest`` as it is, and once more through each of ``transmissions``.

    A transmission draws from a generator of ``seed`` and the clip's path, so that a clip meets the same one each time.

    Raises
    ------
    EvaluationError
        Clips that cannot be read: a rate over the rest would be another corpus' rate.
    """
    pieces = [manifest.rows[start : start + _PIECE] for start in range(0, len(manifest.rows), _PIECE)]
    tasks = [(model.path, manifest.root, piece, tuple(transmissions), seed) for piece in pieces]
    return gather(_score_piece, tasks, len(manifest.rows), jobs, progress)


def gather(
    work: Callable[[Any], tuple[list[T], list[str]]], tasks: Sequence[Any], total: int, jobs: int, progress: Progress
) -> list[T]:
    """The results of ``work`` on each task, in their order, on ``jobs`` processes.

    Parameters
    ----------
    work : gives a task's results, and why clips of it could not be scored.
    total : clips in all tasks.

    Raises
    ------
    EvaluationError
        Clips could not be scored; the first ten reasons are named.
    """
    found: list[T] = []
    failures: list[str] = []
    for results, failed in _run(work, tasks, jobs, progress):
        found += results
        failures += failed
    if failures:
        listed = "\n  ".join(failures[:10])
        raise EvaluationError(
            f"{len(failures)} of {total} clips cannot be scored; mend or remove their rows:\n  {listed}"
        )
    return found


def _run(work: Callable[[Any], Any], tasks: Sequence[Any], jobs: int, progress: Progress) -> Iterator[Any]:
    if jobs <= 1 or len(tasks) <= 1:
        for task in progress(tasks):
            yield work(task)
        return
    # A fork would copy the interpreter's threads in mid-step.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context) as pool:
        results = pool.map(work, tasks)
        for _ in progress(tasks):
            yield next(results)


def load_quietly(path: Path) -> Model:
    """Load a model without the lines that the runtime greets with, once a process."""
    with hold_stderr():
        return Model.load(path)


def speech_levels_db(samples: Float, frontend: FrontEndSpec, speech: SpeechSpec) -> Float:
    """Level of the speech band at each hop of ``samples`` [shape=(n,)], in dB [shape=(T,)], as a stream sees them."""
    if len(samples) < frontend.hop:
        return np.zeros(0, np.float32)
    padded = np.concatenate([np.zeros(frontend.overlap, np.float32), samples])
    return mel_power(padded, frontend, speech)[1].astype(np.float32)


def estimate_snr_db(samples: Float) -> float | None:
    """Level of the speech over that of the quietest tenth of the hops, in dB, both in the speech band of the measure.

    None without speech, or where loud and quiet hops lie so close that the clip has no pause to set them apart by. A
    stand-in: no clip comes with its noise alone. It is about right for a steady noise and a clip that pauses.
    """
    level_db = speech_levels_db(samples, FrontEndSpec(), SpeechSpec())
    if not level_db.size:
        return None
    loud_db = float(np.percentile(level_db, 95.0))
    quiet = np.sort(level_db)[: max(1, round(_QUIETEST * level_db.size))]
    noise = _mean_power(quiet)
    speech = _mean_power(level_db[level_db >= loud_db - _LOUD_RANGE_DB]) - noise
    if loud_db < SpeechSpec().floor_db or speech <= noise:
        return None
    return float(10.0 * np.log10(speech / noise))


def _score_piece(
    task: tuple[Path, Path, Sequence[Row], tuple[str, ...], int],
) -> tuple[list[Trial], list[str]]:
    model_path, root, rows, transmissions, seed = task
    model = load_quietly(model_path)
    trials: list[Trial] = []
    failures: list[str] = []
    for row in rows:
        try:
            trials += _score_clip(model, root, row, transmissions, seed)
        except AudioError as error:
            failures.append(str(error))
    return trials, failures


def _score_clip(model: Model, root: Path, row: Row, transmissions: Sequence[str], seed: int) -> list[Trial]:
    score = score_file(model, root / row.path)[0]
    rate = model.contract.frontend.sample_rate
    samples = decode(root / row.path, rate)
    snr_db = estimate_snr_db(samples) if rate == FrontEndSpec().sample_rate else None
    trials = [Trial(row, score.verdict, score.cm_score, speech_s=score.speech_s, snr_db=snr_db)]
    for transmission in transmissions:
        passed = through_transmission(samples, transmission, rate, row.path, seed)
        decision = score_samples(model, np.ascontiguousarray(passed, dtype=np.float32))
        trials.append(
            Trial(row, decision.verdict, decision.cm_score, transmission, speech_s=decision.speech_s, snr_db=snr_db)
        )
    return trials


def _mean_power(level_db: Float) -> float:
    return float(np.mean(10.0 ** (level_db.astype(np.float64) / 10.0)))
