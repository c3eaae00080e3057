"""What one machine says of the recordings: `edge score`, `edge listen`, `edge bench`, and a stream in odd pieces."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pi_check.bundle import Bundle
from pi_check.clips import CALL_S, RATE
from pi_check.machines import Machine
from pi_check.targets import EmulationError

_STREAMS = 3


@dataclass(frozen=True)
class Heard:
    """The verdict on one recording; ``cm_score`` in nats, None where there is none."""

    verdict: str
    cm_score: float | None
    speech_s: float


@dataclass(frozen=True)
class Measurement:
    """What a machine said.

    Attributes
    ----------
    facts : of `pi_check.guest`: versions, and how many chunks of a stream in pieces were not as in the whole.
    scores : by name of the recording, from `edge score`.
    live : the last state that `edge listen` told; None where the model cannot decide on live calls.
    bench_cm_score : from `edge bench`, nats.
    """

    facts: dict[str, Any]
    scores: dict[str, Heard]
    live: Heard | None
    bench_cm_score: float


def measure(machine: Machine, bundle: Bundle, *, resamples: bool, live: bool) -> Measurement:
    """Do all that is compared.

    Parameters
    ----------
    resamples : whether recordings at other rates than the model's can be scored.
    live : whether the model can decide on live calls.

    Raises
    ------
    EmulationError
        A program does not end well, or does not say what it should.
    """
    clips = [clip for clip in bundle.clips if resamples or clip.sample_rate == RATE]
    paths = [_there(machine, bundle, clip.path) for clip in clips]
    model = str(machine.folder / "model.tflite")
    # Of each rate one at least: the first is at the model's, the others may be at a telephone's.
    chosen = [paths[index] for index in _spread(len(paths), _STREAMS)]
    facts = _lines(machine.python(str(machine.folder / "guest.py"), model, *chosen))[-1]
    scored = _lines(machine.python("-m", "edge", "score", "--json", "--model", model, *paths))
    benched = _lines(machine.python("-m", "edge", "bench", "--no-timing", "--json", "--model", model))[-1]
    scores = {Path(line["path"]).name: _heard(line) for line in scored}
    if set(scores) != {clip.path.name for clip in clips}:
        raise EmulationError(f"edge score told of {len(scores)} recordings, and was given {len(clips)}")
    return Measurement(facts, scores, _listen(machine, bundle, model) if live else None, _finite(benched["cm_score"]))


def _listen(machine: Machine, bundle: Bundle, model: str) -> Heard:
    source = f"file:{_there(machine, bundle, bundle.call.path)}"
    options = ("--pace", "inf", "--json", "--model", model, "--config", str(machine.folder / "bonafone.toml"))
    said = _lines(machine.python("-m", "edge", "listen", "--source", source, *options))
    ends = [line for line in said if line["type"] == "end"]
    if len(ends) != 1 or ends[0]["last"] is None:
        raise EmulationError(f"edge listen: expected one end of one stream, with how it stood; got {ends}")
    heard = _heard(ends[0]["last"])
    if heard.cm_score is None:
        raise EmulationError(f"edge listen: expected a score of {CALL_S:g} s of speech, got {heard.verdict}")
    return heard


def _heard(line: dict[str, Any]) -> Heard:
    if "error" in line:
        raise EmulationError(f"edge score: {line['error']}")
    score = line["cm_score"]
    return Heard(line["verdict"], None if score is None else _finite(score), _finite(line["speech_s"]))


def _finite(value: float) -> float:
    """No bound stops what is not a number."""
    if not math.isfinite(value):
        raise EmulationError(f"expected a finite number, got {value}")
    return float(value)


def _there(machine: Machine, bundle: Bundle, path: Path) -> str:
    return str(machine.folder / path.relative_to(bundle.folder))


def _spread(count: int, wanted: int) -> Sequence[int]:
    return sorted({round(index * (count - 1) / max(1, wanted - 1)) for index in range(wanted)})


def _lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]
