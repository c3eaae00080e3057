"""One finding of the doctor: what was looked at, how it stands, what was seen, and what to do."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from edge.errors import EdgeError

Level = Literal["ok", "note", "warning", "problem"]
LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "problem")
"""From the best to the worst: a note is worth knowing, a warning may do harm, a problem keeps us from working."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    check : short name of the check; one check may find several things.
    level : one of `LEVELS`.
    seen : what was seen, for people.
    advice : what to do; never empty for a warning or a problem.
    facts : the same in figures, for programs; units are in the names.

    Raises
    ------
    ValueError
        A warning or a problem that leaves the reader alone.
    """

    check: str
    level: Level
    seen: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.level in ("warning", "problem") and not self.advice:
            raise ValueError(f"{self.check}: a {self.level} must say what to do; got {self.seen!r} alone")


def from_error(
    check: str,
    error: EdgeError,
    advice: str,
    *,
    level: Level = "problem",
    before: str = "",
    facts: Mapping[str, Any] | None = None,
) -> Finding:
    """The finding that an error of ours is; ``advice`` holds where the message gives none after its ``;``."""
    seen, _, own = str(error).partition("; ")
    return Finding(check, level, before + seen, own or advice, facts or {})


def worst_last(findings: Iterable[Finding]) -> list[Finding]:
    """Sorted so that what needs a hand stands beside the prompt; within a level the order stays."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def summary(findings: Iterable[Finding]) -> str:
    """How many there are of each level, the worst first, as in ``1 problem, 12 ok``."""
    count = Counter(finding.level for finding in findings)
    told = [f"{count[level]} {level}{_plural(level, count[level])}" for level in reversed(LEVELS) if count[level]]
    return ", ".join(told)


def json_line(finding: Finding) -> str:
    """One JSON object; figures that are not finite (the level of silence is minus infinity) become null."""
    facts = {name: _plain(value) for name, value in finding.facts.items()}
    values = {"check": finding.check, "level": finding.level, "seen": finding.seen, "advice": finding.advice}
    return json.dumps({**values, "facts": facts}, allow_nan=False)


def text_lines(finding: Finding, *, check_width: int) -> tuple[str, str, str]:
    """Level, what was seen, and the line of advice (empty where there is none), aligned for a terminal."""
    margin = " " * (max(map(len, LEVELS)) + check_width + 4)
    level = finding.level.ljust(max(map(len, LEVELS)))
    seen = f"{finding.check.ljust(check_width)}  {finding.seen}"
    return level, seen, f"{margin}→ {finding.advice}" if finding.advice else ""


def _plural(level: Level, count: int) -> str:
    return "s" if count != 1 and level != "ok" else ""


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
