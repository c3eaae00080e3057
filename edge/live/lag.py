"""How far the audio that was heard lies behind the clock."""

from __future__ import annotations

import math

WINDOW_S = 15.0


class LagMeter:
    """Compares the audio's own time with the clock's; pure, times are passed in, in seconds.

    The reference is the least delay of the last seconds: what a buffer always holds is not seen, all above it is. It
    is taken anew only while the source makes us wait, since then nothing is queued: a pause of the sender is forgotten
    after two windows, but a queue that only grows is not.

    Parameters
    ----------
    pace : seconds of audio a second of the clock brings; infinity, where nothing can lag.
    """

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._older = self._newer = math.inf
        self._turned_at: float | None = None
        self._lag_s = self._worst_s = 0.0

    @property
    def lag_s(self) -> float | None:
        """The lag in seconds as it was last seen; None where nothing can lag."""
        return None if math.isinf(self._pace) else self._lag_s

    def heard(self, audio_s: float, now: float, *, waited: bool) -> None:
        """Take that ``audio_s`` seconds of the stream were heard at ``now``; ``waited``: for the source."""
        if math.isinf(self._pace):
            return
        if self._turned_at is None:
            self._turned_at = now
        if waited and now - self._turned_at >= WINDOW_S:
            self._older, self._newer, self._turned_at = self._newer, math.inf, now
        behind = now - audio_s / self._pace
        self._newer = min(self._newer, behind)
        self._lag_s = behind - min(self._older, self._newer)
        self._worst_s = max(self._worst_s, self._lag_s)

    def take_worst(self) -> float | None:
        """The worst lag in seconds since the last call; None where nothing can lag."""
        worst_s, self._worst_s = self._worst_s, 0.0
        return None if math.isinf(self._pace) else worst_s
