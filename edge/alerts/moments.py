"""Moments as people write them on a command line: an age, or a date in local time."""

from __future__ import annotations

import re
from datetime import datetime

from edge.alerts.errors import AlertError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


class MomentError(AlertError):
    """A text that is no moment."""


def parse_moment(text: str, now_s: float) -> float:
    """Seconds since 1970 of ``90s``, ``30m``, ``2h``, ``7d`` or ``4w`` before ``now_s``, or of an ISO 8601 date.

    What lies before 1970 is 0. A date without a zone is local time, one without a time of day is its midnight.

    Raises
    ------
    MomentError
        It is neither, or lies after ``now_s``.
    """
    age = _AGE.fullmatch(text.strip())
    if age:
        return max(0.0, now_s - float(age[1]) * _UNITS[age[2]])
    try:
        moment_s = datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise MomentError(
            f"expected an age such as 30m, 2h or 7d, or a date such as 2026-11-24 or 2026-11-24T14:30, got {text!r}"
        ) from None
    if moment_s > now_s:
        raise MomentError(f"{text!r} is still to come: expected a moment in the past, and now is {local_time(now_s)}")
    return max(0.0, moment_s)


def local_time(moment_s: float) -> str:
    """A moment in local time, to the second."""
    return datetime.fromtimestamp(moment_s).isoformat(sep=" ", timespec="seconds")
