"""Which recordings have not changed for long enough; pure but for one function that asks about a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from edge.watch.scanner import Found, find


@dataclass(frozen=True)
class _Waiting:
    found: Found
    since_s: float
    not_before_s: float = 0.0


class Settling:
    """Recordings that wait; times in seconds of one monotonic clock.

    Parameters
    ----------
    settle_s : for how long a recording must stay as it is.
    ask : a recording as it stands now, or None when it is gone.
    """

    def __init__(self, settle_s: float, ask: Callable[[str], Found | None] = find) -> None:
        self._settle_s, self._ask = settle_s, ask
        self._waiting: dict[str, _Waiting] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, found: Found, now_s: float) -> None:
        """A recording was seen. One that has changed since begins anew, also when it had been postponed."""
        waiting = self._waiting.get(found.path)
        if waiting is None or waiting.found.version != found.version:
            self._waiting[found.path] = _Waiting(found, now_s)

    def recheck(self, now_s: float) -> None:
        """Ask about each again; one that is gone, perhaps renamed, is dropped."""
        for path in list(self._waiting):
            found = self._ask(path)
            if found is None:
                del self._waiting[path]
            else:
                self.note(found, now_s)

    def settled(self, now_s: float) -> list[Found]:
        """Those that may be read, oldest first: the order in which the calls were."""
        ready = [
            waiting.found
            for waiting in self._waiting.values()
            if now_s - waiting.since_s >= self._settle_s and now_s >= waiting.not_before_s
        ]
        return sorted(ready, key=lambda found: (found.mtime_ns, found.path))

    def unchanged_s(self, path: str, now_s: float) -> float:
        """Seconds for which a waiting recording has stayed as it is."""
        return now_s - self._waiting[path].since_s

    def postpone(self, path: str, until_s: float) -> None:
        """Do not offer it before ``until_s``, unless it changes."""
        waiting = self._waiting.get(path)
        if waiting is not None:
            self._waiting[path] = replace(waiting, not_before_s=until_s)

    def drop(self, path: str) -> None:
        """It waits no longer."""
        self._waiting.pop(path, None)
