"""What the model says over a call, chunk by chunk, through the runtime that ships; decided upon later, many times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import AudioError
from edge.model import Model
from edge.stream import StreamScorer
from workbench.data.cache import decode
from workbench.evaluate.trials import Progress, check_failures, load_quietly, run_tasks
from workbench.live.calls import Call
from workbench.transmissions import CLEAN, through_transmission

Float = NDArray[np.float32]
Array = NDArray[np.float64]

_PIECE = 4
"""Calls that a process scores between two signs of life."""
_LEVEL_DB = -26.0
"""Level to which each clip is brought, so that joins are told by nothing but the voice."""


@dataclass(frozen=True)
class Trace:
    """The evidence over one call through one transmission; arrays [shape=(n_chunks,)].

    Attributes
    ----------
    values : log-odds, uncalibrated, as in `edge.decision.RawScore`.
    speech_frames : weight of speech in each chunk.
    ends : position of each chunk's end in samples at the model's rate.
    fake_from : position at which the fake voice begins; the call's length where there is none.
    """

    call: Call
    transmission: str
    values: Array
    speech_frames: Array
    ends: NDArray[np.int64]
    fake_from: int


def trace_calls(
    model: Model,
    calls: Sequence[tuple[Path, Call]],
    progress: Progress = iter,
    *,
    transmissions: Sequence[str] = (CLEAN,),
    jobs: int = 1,
) -> list[Trace]:
    """Run every call through each of ``transmissions`` and the model.

    Parameters
    ----------
    calls : each with the folder that its rows' paths start from.
    transmissions : of `workbench.transmissions.TRANSMISSION_NAMES`; what one draws depends on the call's name alone.

    Raises
    ------
    EvaluationError
        Clips that cannot be read.
    """
    pieces = [calls[start : start + _PIECE] for start in range(0, len(calls), _PIECE)]
    tasks = [(model.path, tuple(piece), tuple(transmissions)) for piece in pieces]
    traces: list[Trace] = []
    failures: list[str] = []
    for found, failed in run_tasks(_trace_piece, tasks, jobs, progress):
        traces += found
        failures += failed
    check_failures(failures, len(calls))
    return traces


def join(root: Path, call: Call, sample_rate: int) -> tuple[Float, int]:
    """The call's samples [shape=(n,), 16-bit range as float] and the position at which the fake voice begins."""
    genuine = [_levelled(decode(root / row.path, sample_rate)) for row in call.genuine]
    fake = [_levelled(decode(root / row.path, sample_rate)) for row in call.fake]
    return np.concatenate([*genuine, *fake]), sum(map(len, genuine))


def _levelled(samples: Float) -> Float:
    """Clips of a source are levelled alike in a call: a jump of loudness at the join would be no voice's doing."""
    loud = np.sort(np.abs(samples))[len(samples) // 2 :]
    rms = float(np.sqrt(np.mean(loud.astype(np.float64) ** 2))) if len(loud) else 0.0
    if rms == 0.0:
        return samples
    gain = 10.0 ** (_LEVEL_DB / 20.0) / rms
    return (samples * min(gain, 1.0 / max(float(np.abs(samples).max()), 1e-9))).astype(np.float32)


def _trace_piece(task: tuple[Path, Sequence[tuple[Path, Call]], tuple[str, ...]]) -> tuple[list[Trace], list[str]]:
    model_path, calls, transmissions = task
    model = load_quietly(model_path)
    rate = model.contract.frontend.sample_rate
    traces: list[Trace] = []
    failures: list[str] = []
    for root, call in calls:
        try:
            samples, fake_from = join(root, call, rate)
        except AudioError as error:
            failures.append(str(error))
            continue
        traces += [_trace(model, call, samples, fake_from, transmission) for transmission in transmissions]
    return traces, failures


def _trace(model: Model, call: Call, samples: Float, fake_from: int, transmission: str) -> Trace:
    rate = model.contract.frontend.sample_rate
    heard = np.ascontiguousarray(through_transmission(samples, transmission, rate, call.name), dtype=np.float32)
    scorer = StreamScorer(model)
    raw_score = [*scorer.feed(heard), *scorer.flush()]
    return Trace(
        call,
        transmission,
        np.array([item.value for item in raw_score]),
        np.array([item.speech_frames for item in raw_score]),
        np.array([item.end for item in raw_score], np.int64),
        fake_from,
    )
