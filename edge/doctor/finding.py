"""One finding of the doctor: what was checked, its level, what was seen, and what to do."""

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
"""From the best to the worst: a note is worth knowing, a warning may do harm, a problem keeps edge from working."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    check : short name of the check; one check may find several things.
    level : one of `LEVELS`.
    seen : what was seen, for people.
    advice : what to do; dropped where all is well, never empty for a warning or a problem.
    facts : the same in figures, for programs; units are in the names.

    Raises
    ------
    ValueError
        A warning or a problem without advice.
    """

    check: str
    level: Level
    seen: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.level in ("warning", "problem") and not self.advice:
            raise ValueError(f"{self.check}: a {self.level} must say what to do; got {self.seen!r} alone")
        if self.level == "ok":
            object.__setattr__(self, "advice", "")

    @classmethod
    def ok(cls, check: str, seen: str, **facts: Any) -> Finding:
        """Return a finding that asks for nothing."""
        return cls(check, "ok", seen, facts=facts)

    @classmethod
    def from_error(
        cls, check: str, error: EdgeError | str, advice: str, *, level: Level = "problem", **facts: Any
    ) -> Finding:
        """Return the finding for an error; ``advice`` is used where the message has none after its first ``;``."""
        seen, _, own = str(error).partition("; ")
        return cls(check, level, seen, own or advice, facts)

    def json_line(self) -> str:
        """Return one JSON object; figures that are not finite, such as the level of silence, become null."""
        facts = {name: _plain(value) for name, value in self.facts.items()}
        values = {"check": self.check, "level": self.level, "seen": self.seen, "advice": self.advice}
        return json.dumps({**values, "facts": facts}, allow_nan=False)


def worst_last(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by level, so that the worst stands beside the prompt; within a level the order stays."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def summary(findings: Iterable[Finding]) -> str:
    """Count the findings of each level, the worst first, as in ``1 problem, 12 ok``."""
    count = Counter(finding.level for finding in findings)
    return ", ".join(
        f"{count[level]} {level}{'s' if count[level] != 1 and level != 'ok' else ''}"
        for level in reversed(LEVELS)
        if count[level]
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
