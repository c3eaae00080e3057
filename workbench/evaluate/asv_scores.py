"""Scores of a speaker-verification system, for the tandem cost of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.errors import EvaluationError
from workbench.evaluate.metrics import AsvOperatingPoint, eer

KEYS = ("target", "nontarget", "spoof")


def read_asv_operating_point(path: Path) -> AsvOperatingPoint:
    """Read verification scores and set the verifier to its equal error rate, as ASVspoof 2019 does.

    A line is ``ATTACK KEY SCORE``, or of any columns of which the last two are a key, `target`, `nontarget` or
    `spoof`, and a score: the files `ASVspoof2019.LA.asv.*.scores.txt` of the challenge.

    Raises
    ------
    EvaluationError
        Unreadable, a line that does not fit, or no scores of a key.
    """
    scores: dict[str, list[float]] = {key: [] for key in KEYS}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: cannot read the verifier's scores ({error})") from error
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            scores[fields[-2]].append(_finite(fields[-1]))
        except (LookupError, ValueError) as error:
            raise EvaluationError(
                f"{path}, line {number}: expected ATTACK KEY SCORE with a key of {', '.join(KEYS)}; got {line!r}"
            ) from error
    missing = [key for key in KEYS if not scores[key]]
    if missing:
        raise EvaluationError(f"{path}: no scores of {' and '.join(missing)}; min t-DCF needs all of {', '.join(KEYS)}")
    target, nontarget, spoof = (np.array(scores[key]) for key in KEYS)
    _, threshold = eer(target, nontarget)
    return AsvOperatingPoint(
        p_miss=float((target < threshold).mean()),
        p_false_alarm=float((nontarget >= threshold).mean()),
        p_miss_spoof=float((spoof < threshold).mean()),
    )


def _finite(text: str) -> float:
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(text)
    return value
