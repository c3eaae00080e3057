"""Tell trouble once, then count it: a flood of bad packets must not become a flood of messages."""

from __future__ import annotations

from collections import Counter

from edge.sources.events import Trouble, TroubleKind

REPEAT_S, LONGEST_REPEAT_S = 10.0, 640.0
"""A lasting trouble is told again after this long, then after twice as long, and so on: it may last all night."""


class TroubleMeter:
    """One report a kind within `REPEAT_S` seconds; what happens between is counted and comes with the next."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._told_at: dict[TroubleKind, float] = {}
        self._pause_s: dict[TroubleKind, float] = {}
        self._pending: Counter[TroubleKind] = Counter()

    def add(self, kind: TroubleKind, detail: str, now: float, *, stream: str | None = None) -> list[Trouble]:
        """Count one; return the report that is due, if one is (``now`` in seconds)."""
        self.counts[kind] += 1
        self._pending[kind] += 1
        told_at, pause_s = self._told_at.get(kind), self._pause_s.get(kind, REPEAT_S)
        if told_at is not None and now - told_at < pause_s:
            return []
        lasts = told_at is not None and now - told_at < 2.0 * pause_s
        self._pause_s[kind] = min(2.0 * pause_s, LONGEST_REPEAT_S) if lasts else REPEAT_S
        self._told_at[kind] = now
        return [Trouble(kind, detail, self._pending.pop(kind), stream)]
