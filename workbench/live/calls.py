"""Calls made of clips, and the model's raw scores over them through the runtime that ships.

A call is a real person who speaks for a while, or one in whose call a fake voice comes in. Clips are seconds long and
calls are minutes, so clips of one source are joined end to end. A real person's call holds
bona fide clips of one speaker as far as they go, then of the next one of the same source; a call with a fake voice
begins with bona fide clips and goes on with the clips of one attack, of the same source where it has both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import AudioError
from edge.model import Model
from edge.stream import StreamScorer
from workbench.data.cache import decode
from workbench.data.manifest import Row
from workbench.errors import EvaluationError
from workbench.evaluate.trials import Progress, gather, load_quietly
from workbench.transmissions import CLEAN, through_transmission

Float = NDArray[np.float32]
Array = NDArray[np.float64]

CALL_S = 60.0
"""Length of a real person's call, and at most of one that a fake voice enters."""
BEFORE_S = 30.0
"""Seconds of a real person before the fake voice."""
LEAST_FAKE_S = 8.0
"""Attacks with less audio than this make no call: there would be nothing to wait for."""
_PIECE = 4
"""Calls that a process scores between two signs of life."""
_LEVEL_DB = -26.0
"""Level to which each clip is brought, so that nothing but the voice changes at a join."""


@dataclass(frozen=True)
class Call:
    """One call as the clips that are joined for it.

    Attributes
    ----------
    name : unique among the calls, and what its transmission's randomness depends on.
    genuine : clips of real people, first in the call.
    fake : clips of one attack, after them; empty in a real person's call.
    paired : the fake clips share their source with the real ones; always True without fake clips.
    """

    name: str
    genuine: tuple[Row, ...]
    fake: tuple[Row, ...] = ()
    paired: bool = True

    @property
    def source(self) -> str:
        """Where the voice that matters comes from: intervals resample by it."""
        return (self.fake or self.genuine)[0].source_repo


def length_s(row: Row) -> float:
    """Seconds of a clip, from the manifest.

    Raises
    ------
    EvaluationError
        The manifest does not state it.
    """
    try:
        return float(row.duration_s)
    except ValueError:
        raise EvaluationError(
            f"{row.path}: expected the clip's seconds in the column duration_s, got {row.duration_s!r}; calls are made "
            "of clips of known length, so fill the column in"
        ) from None


def genuine_calls(rows: Iterable[Row], *, call_s: float = CALL_S) -> list[Call]:
    """Calls of real people, of at least ``call_s`` seconds but for the last of each source."""
    calls: list[Call] = []
    for source, clips in _bonafide_by_source(rows).items():
        for index, part in enumerate(_parts(clips, call_s)):
            calls.append(Call(f"genuine/{source}/{index}", tuple(part)))
    return calls


def invaded_calls(
    rows: Iterable[Row], *, before_s: float = BEFORE_S, call_s: float = CALL_S, least_fake_s: float = LEAST_FAKE_S
) -> list[Call]:
    """A call for each attack of each source, with ``before_s`` seconds of a real person first.

    Parameters
    ----------
    rows : clips of both labels.
    before_s : seconds of bona fide speech before the fake voice; 0 for a call that is fake from the start.
    call_s : seconds after which a call is cut, whole clips only.
    least_fake_s : an attack with fewer seconds of audio in a source is left out.
    """
    rows = list(rows)
    people = _bonafide_by_source(rows)
    attacks: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.path):
        if row.label == "spoof":
            attacks.setdefault((row.source_repo, row.attack_id), []).append(row)
    calls = []
    for index, ((source, attack), clips) in enumerate(attacks.items()):
        if sum(length_s(row) for row in clips) < least_fake_s:
            continue
        own = source in people and sum(length_s(row) for row in people[source]) >= before_s / 2
        # Of another source where it has no real person of its own: each time another, so that none weighs much.
        others = list(people)
        pool = people[source] if own else people[others[index % len(others)]] if others else []
        genuine = _start(pool, before_s, skip=index) if before_s else []
        fake = _start(clips, call_s - before_s)
        calls.append(Call(f"invaded/{source}/{attack}", tuple(genuine), tuple(fake), paired=own))
    return calls


def _bonafide_by_source(rows: Iterable[Row]) -> dict[str, list[Row]]:
    people: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.source_repo, row.speaker_id, row.path)):
        if row.label == "bonafide":
            people.setdefault(row.source_repo, []).append(row)
    return people


def _parts(clips: Sequence[Row], seconds: float) -> list[list[Row]]:
    parts: list[list[Row]] = [[]]
    gathered_s = 0.0
    for row in clips:
        if gathered_s >= seconds:
            parts.append([])
            gathered_s = 0.0
        parts[-1].append(row)
        gathered_s += length_s(row)
    return [part for part in parts if part]


def _start(clips: Sequence[Row], seconds: float, *, skip: int = 0) -> list[Row]:
    """Clips from the ``skip``-th on, around the end, until there are ``seconds`` or all are used."""
    chosen: list[Row] = []
    for index in range(len(clips)):
        if sum(length_s(row) for row in chosen) >= seconds:
            break
        chosen.append(clips[(skip + index) % len(clips)])
    return chosen


@dataclass(frozen=True)
class Trace:
    """The raw scores over one call through one transmission; arrays [shape=(n_chunks,)].

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
    return gather(_trace_piece, tasks, len(calls), jobs, progress)


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
    samples = np.ascontiguousarray(through_transmission(samples, transmission, rate, call.name), dtype=np.float32)
    scorer = StreamScorer(model)
    raw_score = [*scorer.feed(samples), *scorer.flush()]
    return Trace(
        call,
        transmission,
        np.array([item.value for item in raw_score]),
        np.array([item.speech_frames for item in raw_score]),
        np.array([item.end for item in raw_score], np.int64),
        fake_from,
    )
