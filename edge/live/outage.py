"""Whether a source is gone, and whether the reader of the alerts knows: a cooldown must not leave a wrong picture."""

from __future__ import annotations

from typing import Literal

FIRST_PAUSE_S, LONGEST_PAUSE_S = 15.0, 3600.0

News = Literal["source_lost", "source_back"]


class Outage:
    """One source; pure, times are passed in, in seconds.

    A device that comes and goes makes alerts that their cooldown keeps quiet. Then the last one that was sent may say
    the opposite of what is true, and no event to come would correct it. So the truth is told again, ever more rarely,
    until it is what was sent last.
    """

    def __init__(self) -> None:
        self.lost_at: float | None = None
        """When it went away; None while it is there."""
        self._sent: News = "source_back"
        self._sent_before: News = "source_back"
        self._again_at = 0.0
        self._pause_s = FIRST_PAUSE_S

    def begin(self, lost_at: float) -> None:
        """Take that it is gone; the caller tells it."""
        self.lost_at, self._pause_s = lost_at, FIRST_PAUSE_S
        self._tell("source_lost")

    def end(self, now: float) -> float:
        """Take that it is back, which the caller tells; return after how many seconds."""
        lost_s = 0.0 if self.lost_at is None else now - self.lost_at
        self.lost_at, self._pause_s = None, FIRST_PAUSE_S
        self._tell("source_back")
        return lost_s

    def kept_quiet(self, now: float) -> None:
        """Hear that what was told last was not sent."""
        self._sent = self._sent_before
        self._again_at = now + self._pause_s
        self._pause_s = min(2.0 * self._pause_s, LONGEST_PAUSE_S)

    def due(self, now: float) -> News | None:
        """What the caller is to tell again now."""
        truth: News = "source_back" if self.lost_at is None else "source_lost"
        if self._sent == truth or now < self._again_at:
            return None
        self._tell(truth)
        return truth

    def _tell(self, news: News) -> None:
        self._sent_before, self._sent = self._sent, news
