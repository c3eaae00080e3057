"""Tells every report to whoever wants it: the outbox first, then the reader, the metrics and the service manager."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from edge.live.lines import counted, json_line, text_line, waiting_text
from edge.live.monitor import LiveClock
from edge.live.panel import Look, Panel
from edge.live.publishing import Publisher, Publishes
from edge.live.reports import Alarm, Notice, Report, StreamBegan, StreamEnded, StreamUpdate, redacted
from edge.live.screen import Screen
from edge.service.redaction import Redactor
from edge.service.systemd import Notifier

if TYPE_CHECKING:
    # Only where asked for: their imports take memory.
    from edge.live.keeping import ClipKeeper
    from edge.live.live_metrics import LiveMetrics


class Teller:
    """Where reports end; ``clips`` and ``metrics`` may be set once the rest is there.

    Parameters
    ----------
    alerts : takes alarms to the outbox.
    as_json : whether results are JSON objects.
    keeps_changes : whether changes are lines too, beside the panel.
    """

    clips: ClipKeeper | None = None
    metrics: LiveMetrics | None = None

    def __init__(
        self,
        alerts: Publishes,
        screen: Screen,
        redactor: Redactor,
        notifier: Notifier,
        *,
        as_json: bool,
        keeps_changes: bool,
        clock: LiveClock,
    ) -> None:
        self.publisher = Publisher(alerts, lambda text: self.complain("alerts", text), clock=clock)
        self._screen, self._redactor, self._notifier, self._clock = screen, redactor, notifier, clock
        self._as_json, self._keeps_changes = as_json, keeps_changes
        self._panel = Panel(redactor.source)
        self._words: dict[str, str] = {}

    def complain(self, kind: str, text: str) -> None:
        """Tell a notice of our own."""
        self.tell(Notice(kind, text))

    def begin(self) -> None:
        """Tell the service manager what is listened to, before anything comes of it."""
        self._notifier.status(self._standing())

    def tell(self, report: Report) -> None:
        """Tell a report."""
        published = None
        if isinstance(report, Alarm):
            # Before anything that can be slow or fail.
            published = self.publisher.publish(report) or "waiting"
            if self.clips is not None:
                self.clips.alarm(report)
        self._panel.take(report)
        self._print(report, published)
        self._count(report)
        self._say(report)

    def draw(self, look: Look) -> None:
        """Draw the panel."""
        self._screen.draw(self._panel.lines(look))

    def _print(self, report: Report, published: str | None) -> None:
        now = self._clock.time()
        shown = redacted(report.event, self._redactor) if isinstance(report, Alarm) else None
        line = text_line(report, now, shown=shown, published=published)
        if isinstance(report, Notice) and line is not None:
            self._screen.notice(line)
        if self._as_json:
            self._screen.result(json_line(report, now, shown=shown, published=published))
        elif line is not None and self._is_result(report):
            self._screen.result(line)

    def _is_result(self, report: Report) -> bool:
        return not isinstance(report, Notice) and (self._keeps_changes or not isinstance(report, StreamUpdate))

    def _count(self, report: Report) -> None:
        if self.metrics is None:
            return
        if isinstance(report, Alarm):
            self.metrics.alarm(report.stream or "", report.event.kind)
        elif isinstance(report, StreamEnded):
            self.metrics.ended(report.stream)

    def _say(self, report: Report) -> None:
        """Keep the status line that ``systemctl status`` shows."""
        if isinstance(report, StreamBegan):
            self._words[report.stream] = "no_speech"
        elif isinstance(report, StreamEnded):
            self._words.pop(report.stream, None)
        elif isinstance(report, StreamUpdate) and report.changed:
            self._words[report.stream] = report.word
        else:
            return
        self._notifier.status(self._standing())

    def _standing(self) -> str:
        """A line for the service manager: how many streams, and how they stand."""
        if not self._words:
            return waiting_text(self._redactor.source)
        found = Counter(self._words.values())
        return f"{counted(len(self._words), 'stream')}: " + ", ".join(
            f"{n} {word}" for word, n in sorted(found.items())
        )
