"""The loop of `edge listen`: take an event, judge it, tell what follows, and end in order whatever happens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from edge.live.monitor import LiveClock, Monitor
from edge.live.panel import Look
from edge.live.screen import Screen
from edge.live.teller import Teller
from edge.service.systemd import Notifier
from edge.sources.events import Source, SourceEvent

WAITED_S = 0.002
"""A source that takes longer to give its next event had none waiting."""
SETTLE_S = 5.0
"""How long receivers may take for the last alerts when we end; the next process goes on with the rest."""
_COUNT_S = 1.0


class Listener:
    """Listens to one source until it ends or ``asked_to_stop`` says so.

    Parameters
    ----------
    look : what the terminal can show now; it may be resized.
    """

    def __init__(
        self,
        source: Source,
        monitor: Monitor,
        teller: Teller,
        screen: Screen,
        notifier: Notifier,
        *,
        asked_to_stop: Callable[[], bool],
        look: Callable[[], Look],
        clock: LiveClock,
    ) -> None:
        self._source, self._monitor, self._teller, self._screen = source, monitor, teller, screen
        self._notifier, self._asked_to_stop, self._look, self._clock = notifier, asked_to_stop, look, clock
        self._counted_at = 0.0

    def run(self) -> bool:
        """Listen; return whether the source ended well or was left on demand, its results read and no alert lost.

        Raises
        ------
        SourceOpenError, AudioError, UnsupportedFormatError
            The source cannot be opened.
        """
        ended = True
        try:
            with self._source:
                self._notifier.ready()
                self._teller.begin()
                ended = self._listen()
        finally:
            self._notifier.stopping()
            settled = self._finish()
        return ended and settled

    def _listen(self) -> bool:
        for event, waited in self._timed():
            clips = self._teller.clips
            if clips is not None:
                clips.before(event)
            for report in self._monitor.take(event, waited=waited):
                self._teller.tell(report)
            if clips is not None:
                clips.after(event)
            self._between()
            if self._asked_to_stop():
                return True
            if self._screen.is_unread:
                return False
        return not self._monitor.failed

    def _timed(self) -> Iterator[tuple[SourceEvent, bool]]:
        """The source's events, each with whether it had to be waited for."""
        asked_at = self._clock.monotonic()
        for event in self._source:
            yield event, self._clock.monotonic() - asked_at > WAITED_S
            asked_at = self._clock.monotonic()

    def _between(self) -> None:
        """What is to be done now and then, also while nothing comes."""
        self._notifier.alive()
        self._teller.publisher.retry()
        if (held := self._teller.publisher.due()) is not None:
            self._teller.tell(held)
        if self._screen.is_due:
            self._teller.draw(self._look())
        now = self._clock.monotonic()
        if self._teller.metrics is not None and now - self._counted_at >= _COUNT_S:
            self._counted_at = now
            # A source's own thread may add a kind of count while they are summed; a second later they are right.
            with contextlib.suppress(RuntimeError):
                self._teller.metrics.source_counts(self._source.counts)

    def _finish(self) -> bool:
        """End the streams and what they left; return whether no alert was lost."""
        for report in self._monitor.finish():
            self._teller.tell(report)
        if self._teller.clips is not None:
            self._teller.clips.close()
        self._screen.close()
        return self._teller.publisher.settle(SETTLE_S)
