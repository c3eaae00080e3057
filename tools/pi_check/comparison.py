"""Two machines side by side: how far apart their scores are, and whether that is within the bound. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.contract import Thresholds
from edge.tables import columns
from pi_check.measurement import Heard, Measurement
from pi_check.targets import Board

BOUND_NATS = 0.18
"""What an int8 network may differ by, from one runtime or processor to another, on the shortest speech that is scored.

A value that lies at the middle of a step of the int8 grid is rounded up by one kernel and down by another. Measured
against LiteRT 2.3 on x86-64, on pieces of the examples of 1.5 s (104, on the A7 78), largest (mean), nats:

                                       bonafone-patch-v6    bonafone-patch-v5
  the same LiteRT, Cortex-A72          0.123 (0.032)        0.135 (0.026)
  tflite-runtime 2.14, Cortex-A72      0.102 (0.032)        0.108 (0.029)
  tflite-runtime 2.14, Cortex-A7       0.102 (0.033)        0.110 (0.030)

Without a squash of its statistics bonafone-patch-v4 stayed within 0.07: the head weighs small changes more. The bound
is the largest of these and a third more. It is a 20th of the width of the uncertain band; of these recordings none
changes its verdict.
"""
SPEECH_BOUND_S = 1e-3
"""A sixteenth of a hop. The speech measure is float arithmetic; 1e-6 s was seen, the last digit that is printed."""


@dataclass(frozen=True)
class Comparison:
    """An emulated machine against the native one.

    Attributes
    ----------
    clips, scored : recordings that were compared, and those of them with a score on both.
    max_delta, mean_delta : absolute differences of ``cm_score`` over those, nats.
    equal_verdicts : recordings with the same verdict.
    flipped : the others, by name, with both scores; at a threshold within the bound this is no fault.
    speech_delta_s : largest difference of the speech that was measured, seconds.
    listen_delta : of ``cm_score`` at the end of `edge listen`; None where the model cannot decide on live calls.
    bench_delta : of ``cm_score`` of `edge bench`'s synthetic voice.
    faults : what is wrong, a sentence each.
    """

    target: str
    board: str
    processor: str
    machine: str
    runtime: str
    numpy: str
    python: str
    clips: int
    scored: int
    max_delta: float
    mean_delta: float
    equal_verdicts: int
    flipped: tuple[str, ...]
    speech_delta_s: float
    listen_delta: float | None
    bench_delta: float
    chunks: int
    unequal_chunks: int
    faults: tuple[str, ...]


def compare(target: str, board: Board, native: Measurement, there: Measurement, thresholds: Thresholds) -> Comparison:
    """What differs between two measurements of the same recordings.

    ``native`` may hold more recordings than ``there`` does.
    """
    pairs = {name: (native.scores[name], heard) for name, heard in there.scores.items()}
    deltas = [delta for pair in pairs.values() if (delta := _delta(*pair)) is not None]
    flipped = {name: pair for name, pair in pairs.items() if pair[0].verdict != pair[1].verdict}
    listen = None if native.live is None or there.live is None else _delta(native.live, there.live)
    largest, bench = max(deltas, default=0.0), abs(native.bench_cm_score - there.bench_cm_score)
    speech_s = max((abs(here.speech_s - far.speech_s) for here, far in pairs.values()), default=0.0)
    machine, unequal = str(there.facts["machine"]), int(there.facts["unequal_chunks"])
    checks = {
        f"it says that it is {machine}, not {board.machine}": machine != board.machine,
        f"none of {len(pairs)} recordings has a score": not deltas,
        f"edge score differs by up to {largest:.3f} nats, more than {BOUND_NATS:g}": largest > BOUND_NATS,
        f"the speech measured differs by {speech_s:.4f} s, more than {SPEECH_BOUND_S:g}": speech_s > SPEECH_BOUND_S,
        f"edge listen ends {listen or 0.0:.3f} nats apart, more than {BOUND_NATS:g}": (listen or 0.0) > BOUND_NATS,
        f"edge bench differs by {bench:.3f} nats, more than {BOUND_NATS:g}": bench > BOUND_NATS,
        "a stream in pieces gave no chunk": int(there.facts["chunks"]) == 0,
        f"{unequal} chunks of a stream in pieces are not as in the whole": unequal > 0,
        **{text: not _at_a_threshold(*flipped[name], thresholds) for name, text in _told(flipped).items()},
    }
    return Comparison(
        target=target,
        board=board.boards,
        processor=board.processor,
        machine=machine,
        **{name: str(there.facts[name]) for name in ("runtime", "numpy", "python")},
        clips=len(pairs),
        scored=len(deltas),
        max_delta=largest,
        mean_delta=statistics.fmean(deltas) if deltas else 0.0,
        equal_verdicts=len(pairs) - len(flipped),
        flipped=tuple(_told(flipped).values()),
        speech_delta_s=speech_s,
        listen_delta=listen,
        bench_delta=bench,
        chunks=int(there.facts["chunks"]),
        unequal_chunks=unequal,
        faults=tuple(text for text, wrong in checks.items() if wrong),
    )


def as_json(comparison: Comparison) -> dict[str, Any]:
    """One object: the fields and the bound."""
    return {**asdict(comparison), "bound_nats": BOUND_NATS}


def text_table(comparisons: Sequence[Comparison]) -> str:
    """A table for people, a column each, with what flipped and what is wrong below it."""
    facts = [_cells(one) for one in comparisons]
    rows = [(name, *(cells[name] for cells in facts)) for name in facts[0]]
    notes = [
        f"{one.target}: at a threshold, no fault: {text}"
        for one in comparisons
        for text in one.flipped
        if text not in one.faults
    ]
    faults = [f"{one.target}: WRONG: {text}" for one in comparisons for text in one.faults]
    return "\n".join([*columns(rows), *notes, *(faults or ["all within the bound"])])


def _cells(one: Comparison) -> dict[str, str]:
    return {
        "": one.target,
        "board": f"{one.board}, {one.processor}",
        "uname -m": one.machine,
        "runtime": one.runtime,
        "Python, NumPy": f"{one.python}, {one.numpy}",
        "recordings, with a score": f"{one.clips}, {one.scored}",
        "edge score: largest difference": f"{one.max_delta:.4f} nats",
        "edge score: mean difference": f"{one.mean_delta:.4f} nats",
        "edge score: same verdict": f"{one.equal_verdicts} of {one.clips}",
        "edge listen: difference": "not run" if one.listen_delta is None else f"{one.listen_delta:.4f} nats",
        "edge bench: difference": f"{one.bench_delta:.4f} nats",
        "chunks the same in odd pieces": f"{one.chunks - one.unequal_chunks} of {one.chunks}",
    }


def _delta(here: Heard, there: Heard) -> float | None:
    """Difference of the scores; None without both. Where only one is missing, the verdicts tell."""
    if here.cm_score is None or there.cm_score is None:
        return None
    return abs(here.cm_score - there.cm_score)


def _at_a_threshold(here: Heard, there: Heard, thresholds: Thresholds) -> bool:
    if here.cm_score is None or there.cm_score is None:
        return False
    bounds = (thresholds.spoof_below, thresholds.bonafide_above)
    return min(abs(here.cm_score - bound) for bound in bounds) <= BOUND_NATS


def _told(flipped: dict[str, tuple[Heard, Heard]]) -> dict[str, str]:
    return {name: f"{name}: {_words(here)} here, {_words(there)} there" for name, (here, there) in flipped.items()}


def _words(heard: Heard) -> str:
    return heard.verdict if heard.cm_score is None else f"{heard.verdict} {heard.cm_score:.3f}"
