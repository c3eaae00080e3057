"""Two machines side by side: how far apart their scores are, and whether that is within the bound. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.tables import columns
from edge.thresholds import Thresholds
from pi_check.measurement import Heard, Measurement

BOUND_NATS = 0.1
SPEECH_BOUND_S = 1e-3


@dataclass(frozen=True)
class Comparison:
    """An emulated machine against the native one.

    Attributes
    ----------
    clips, scored : recordings that were compared, and those of them with a score.
    max_delta, mean_delta : absolute differences of ``cm_score`` over those, nats.
    equal_verdicts : recordings with the same verdict.
    flipped : the others, by name, with both scores; at a threshold within the bound this is no fault.
    speech_delta_s : largest difference of the speech that was measured, seconds.
    listen_delta : of ``cm_score`` at the end of `edge listen`; None where the model cannot decide on live calls.
    bench_delta : of ``cm_score`` of `edge bench`'s synthetic voice.
    """

    target: str
    board: str
    processor: str
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


def compare(
    target: str, board: str, processor: str, native: Measurement, there: Measurement, thresholds: Thresholds
) -> Comparison:
    """What differs between two measurements of the same recordings.

    ``native`` may hold more recordings than ``there`` does.
    """
    pairs = {name: (native.scores[name], heard) for name, heard in there.scores.items()}
    deltas = [_delta(*pair) for pair in pairs.values()]
    known = [delta for delta in deltas if delta is not None]
    flipped = {name: pair for name, pair in pairs.items() if pair[0].verdict != pair[1].verdict}
    listen = None if native.live is None or there.live is None else _delta(native.live, there.live)
    largest, bench = max(known, default=0.0), abs(native.bench_cm_score - there.bench_cm_score)
    speech_s = max((abs(here.speech_s - far.speech_s) for here, far in pairs.values()), default=0.0)
    unequal = int(there.facts["unequal_chunks"])
    checks = {
        f"cm_score differs by up to {largest:.3f} nats, more than {BOUND_NATS:g}": not largest <= BOUND_NATS,
        f"the speech measured differs by up to {speech_s:.4f} s": not speech_s <= SPEECH_BOUND_S,
        f"edge listen ends {listen} nats apart": listen is not None and not listen <= BOUND_NATS,
        f"edge bench differs by {bench:.3f} nats": not bench <= BOUND_NATS,
        f"{unequal} chunks of a stream in pieces are not as in the whole": unequal > 0,
        **{
            f"{name}: {a.verdict} here, {b.verdict} there": not _at_a_threshold(a, thresholds)
            for name, (a, b) in flipped.items()
        },
    }
    return Comparison(
        target=target,
        board=board,
        processor=processor,
        **{name: str(there.facts[name]) for name in ("runtime", "numpy", "python")},
        clips=len(pairs),
        scored=len(known),
        max_delta=largest,
        mean_delta=statistics.fmean(known) if known else 0.0,
        equal_verdicts=len(pairs) - len(flipped),
        flipped=tuple(f"{name}: {_words(a)} here, {_words(b)} there" for name, (a, b) in flipped.items()),
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
    """A table for people, with what flipped and what is wrong below it."""
    head = ("target", "processor", "runtime", "numpy", "clips", "scored", "max |Δ|", "mean |Δ|", "verdicts equal")
    rows = [(*head, "listen |Δ|", "bench |Δ|", "stream in pieces")]
    for one in comparisons:
        rows.append(
            (
                *(one.target, one.processor, one.runtime, one.numpy, str(one.clips), str(one.scored)),
                *(f"{one.max_delta:.4f}", f"{one.mean_delta:.4f}", f"{one.equal_verdicts} of {one.clips}"),
                "not run" if one.listen_delta is None else f"{one.listen_delta:.4f}",
                f"{one.bench_delta:.4f}",
                f"{one.chunks - one.unequal_chunks} of {one.chunks} equal",
            )
        )
    notes = [f"{one.target}: {text}" for one in comparisons for text in one.flipped]
    faults = [f"{one.target}: WRONG: {text}" for one in comparisons for text in one.faults]
    return "\n".join([*columns(rows), *notes, *faults])


def _delta(here: Heard, there: Heard) -> float | None:
    """Difference of the scores; None where neither has one, infinity where only one does."""
    if here.cm_score is None or there.cm_score is None:
        return None if here.cm_score is there.cm_score else math.inf
    return abs(here.cm_score - there.cm_score)


def _at_a_threshold(heard: Heard, thresholds: Thresholds) -> bool:
    if heard.cm_score is None:
        return False
    bounds = (thresholds.spoof_below, thresholds.bonafide_above)
    return min(abs(heard.cm_score - bound) for bound in bounds) <= BOUND_NATS


def _words(heard: Heard) -> str:
    return heard.verdict if heard.cm_score is None else f"{heard.verdict} {heard.cm_score:.3f}"
