"""Tell trouble once, then count it: a flood of bad packets must not become a flood of messages."""

from __future__ import annotations

from collections import Counter

from edge.sources.events import Trouble, TroubleKind

REPEAT_S = 10.0
"""A lasting trouble is told again after this long."""


class TroubleMeter:
    """One report a kind within ``repeat_s`` seconds; what happens between is counted and comes with the next."""

    def __init__(self, repeat_s: float = REPEAT_S) -> None:
        self.counts: Counter[str] = Counter()
        self._repeat_s = repeat_s
        self._told_at: dict[TroubleKind, float] = {}
        self._pending: Counter[TroubleKind] = Counter()

    def add(self, kind: TroubleKind, detail: str, now: float, *, stream: str | None = None) -> list[Trouble]:
        """Count one; return the report that is due, if one is (``now`` in seconds)."""
        self.counts[kind] += 1
        self._pending[kind] += 1
        told_at = self._told_at.get(kind)
        if told_at is not None and now - told_at < self._repeat_s:
            return []
        self._told_at[kind] = now
        return [Trouble(kind, detail, self._pending.pop(kind), stream)]
