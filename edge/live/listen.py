"""The loop of `edge listen`, put together from settings: source → monitor → outbox, clips, screen, metrics, systemd.

An alarm goes to the outbox before anything that can be slow or fail.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from edge.alerts.service import Alerts
from edge.alerts.settings import AlertSettings
from edge.catalog import resolve_model
from edge.live.monitor import LiveClock, Monitor
from edge.live.publishing import Publisher
from edge.live.reports import (
    Alarm,
    Notice,
    Report,
    StreamBegan,
    StreamEnded,
    StreamUpdate,
    counted,
    json_line,
    text_line,
    waiting_text,
)
from edge.live.session import Session, Step
from edge.live.settings import ListenSettings
from edge.live.terminal import Panel, Screen, can_draw, look_of
from edge.model import Model
from edge.native_stderr import drop_stderr, hold_stderr
from edge.service.process import Notifier, StopSignal
from edge.service.redaction import Redactor
from edge.service.source_address import SourceAddress
from edge.sources.address import SourceOptions, make_source
from edge.sources.events import Source, SourceEvent, StreamStart
from edge.sources.pcm import PcmFormat

if TYPE_CHECKING:
    # Only where asked for: their imports take memory.
    from edge.live.clips import ClipRecorder
    from edge.service.metrics import LiveMetrics

WAITED_S = 0.002
"""A source that takes longer to give its next event had none waiting."""
SETTLE_S = 5.0
"""How long receivers may take for the last alerts when we end; the next process goes on with the rest."""
_COUNT_S = 1.0
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Outcome:
    """How listening ended: in order and with no alert lost, and whether a spoof was found."""

    ended_well: bool
    spoof_found: bool


def listen(settings: ListenSettings, alerts: AlertSettings, *, pace: float = 1.0, as_json: bool = False) -> Outcome:
    """Listen to what the settings name, on this terminal, until it ends or Ctrl-C or SIGTERM comes.

    Parameters
    ----------
    pace : of ``file:``, times real time.
    as_json : whether results are printed as JSON.

    Raises
    ------
    SourceSyntaxError
        The source or an option of it is wrong.
    SourceOpenError, AudioError, UnsupportedFormatError
        It cannot be opened.
    ModelError
        The model cannot be used, or has no such operating point.
    OutboxError, ConfigError, ClipError
        An alert channel, the outbox, the metrics' port or the clips folder cannot be opened.
    """
    # Everything that the user may have to put right comes before anything is opened.
    address = SourceAddress.parse(settings.source)
    source = make_source(address, _options(address, settings, pace))
    with hold_stderr():
        model = Model.load(resolve_model(settings.model))
    point = model.contract.operating_point(settings.operating_point)
    redactor = Redactor(settings.source, show_numbers=alerts.show_numbers, show_names=alerts.show_names)
    notifier = Notifier.from_environment(os.environ)
    with ExitStack() as stack:
        stack.enter_context(drop_stderr())
        screen = _screen(as_json)
        stack.callback(screen.close)
        stop = stack.enter_context(StopSignal())
        outbox = stack.enter_context(Alerts(alerts, environment=os.environ, terminal=screen))
        metrics, port = None, None
        if settings.metrics_port is not None:
            metrics, port = _open_metrics(settings.metrics_port, Path(alerts.outbox).expanduser(), stack)

        def open_session(start: StreamStart) -> Session:
            return Session(model, point, start.sample_rate, clock=time, pace=pace)

        monitor = Monitor(
            address,
            settings,
            open_session,
            model=model.name,
            hide=redactor.text,
            clock=time,
            pace=pace,
            observe=partial(_observe, metrics),
        )
        listener = Listener(source, monitor, outbox, screen, redactor, notifier, stop, clock=time, as_json=as_json)
        listener.metrics = metrics
        if settings.metrics_port == 0:
            listener.complain("metrics", f"http://127.0.0.1:{port}/metrics")
        if settings.clips:
            listener.clips = _clips(settings, lambda text: listener.complain("clips", text))
        return Outcome(listener.run(), monitor.spoof_found)


class Listener:
    """Listens to one source and sends each report to its readers.

    Parameters
    ----------
    alerts : takes alarms to the outbox.
    as_json : whether results are JSON objects.

    Attributes
    ----------
    clips, metrics : set where they are asked for.
    """

    clips: ClipRecorder | None = None
    metrics: LiveMetrics | None = None

    def __init__(
        self,
        source: Source,
        monitor: Monitor,
        alerts: Alerts,
        screen: Screen,
        redactor: Redactor,
        notifier: Notifier,
        stop: StopSignal,
        *,
        clock: LiveClock,
        as_json: bool,
    ) -> None:
        self._source, self._monitor, self._screen, self._stop = source, monitor, screen, stop
        self._redactor, self._notifier, self._clock, self._as_json = redactor, notifier, clock, as_json
        self._publisher = Publisher(alerts, lambda text: self.complain("alerts", text), clock=clock)
        self._panel = Panel(redactor.source)
        # On a terminal the panel shows changes; in a log each is a line.
        self._prints_changes = not (screen.has_panel and _is_terminal(sys.stdout))
        self._words: dict[str, str] = {}
        self._counted_at = 0.0

    def run(self) -> bool:
        """Listen until the source ends; return whether it ended well or on demand, its results read, no alert lost.

        Raises
        ------
        SourceOpenError, AudioError, UnsupportedFormatError
            The source cannot be opened.
        """
        ended = True
        try:
            with self._source:
                self._notifier.ready()
                self._notifier.status(self._status())
                ended = self._listen()
        finally:
            self._notifier.stopping()
            settled = self._finish()
        return ended and settled

    def complain(self, kind: str, text: str) -> None:
        """Report a notice of our own."""
        self.report(Notice(kind, text))

    def report(self, report: Report) -> None:
        """Send one report to the outbox, the clips, the screen, the metrics and the service manager."""
        shown = publication = None
        if isinstance(report, Alarm):
            publication = self._publisher.publish(report)
            redactor = self._redactor
            shown = report.event.redacted(show_numbers=redactor.show_numbers, show_names=redactor.show_names)
            if self.clips is not None:
                self.clips.alarm(report.stream, shown)
        now = self._clock.time()
        self._panel.add(report)
        line = text_line(report, now, shown=shown, publication=publication)
        if line is not None and isinstance(report, Notice):
            self._screen.notice(line)
        elif line is not None and not self._as_json and (self._prints_changes or not isinstance(report, StreamUpdate)):
            self._screen.result(line)
        if self._as_json:
            self._screen.result(json_line(report, now, shown=shown, publication=publication))
        if self.metrics is not None and isinstance(report, Alarm):
            self.metrics.count_alarm(report.event.kind)
        if self.metrics is not None and isinstance(report, StreamEnded):
            self.metrics.end(report.stream)
        self._update_status(report)

    def _listen(self) -> bool:
        for event, waited in self._timed():
            if self.clips is not None:
                self.clips.before(event)
            for report in self._monitor.feed(event, waited=waited):
                self.report(report)
            if self.clips is not None:
                self.clips.after(event)
            self._keep_up()
            if self._stop.asked:
                return True
            if self._screen.is_unread:
                return False
        return not self._monitor.failed

    def _timed(self) -> Iterator[tuple[SourceEvent, bool]]:
        """Yield the source's events, each with whether it had to be waited for."""
        asked_at = self._clock.monotonic()
        for event in self._source:
            yield event, self._clock.monotonic() - asked_at > WAITED_S
            asked_at = self._clock.monotonic()

    def _keep_up(self) -> None:
        """Do what is due now and then, also while nothing comes."""
        self._notifier.alive()
        self._publisher.retry()
        if (held := self._publisher.due()) is not None:
            self.report(held)
        if self._screen.is_due:
            self._screen.draw(self._panel.lines(look_of(sys.stderr, os.environ)))
        now = self._clock.monotonic()
        if self.metrics is not None and now - self._counted_at >= _COUNT_S:
            self._counted_at = now
            # A source's own thread may add a kind of count while they are summed; a second later they are right.
            with contextlib.suppress(RuntimeError):
                self.metrics.source_counts(self._source.counts)

    def _finish(self) -> bool:
        """End the streams, the clips and the screen; return whether no alert was lost."""
        for report in self._monitor.flush():
            self.report(report)
        if self.clips is not None:
            self.clips.close()
        self._screen.close()
        return self._publisher.settle(SETTLE_S)

    def _update_status(self, report: Report) -> None:
        """Keep the status line that ``systemctl status`` shows."""
        if isinstance(report, StreamBegan):
            self._words[report.stream] = "no_speech"
        elif isinstance(report, StreamEnded):
            self._words.pop(report.stream, None)
        elif isinstance(report, StreamUpdate) and report.changed:
            self._words[report.stream] = report.word
        else:
            return
        self._notifier.status(self._status())

    def _status(self) -> str:
        if not self._words:
            return waiting_text(self._redactor.source)
        words = sorted(Counter(self._words.values()).items())
        return f"{counted(len(self._words), 'stream')}: " + ", ".join(f"{number} {word}" for word, number in words)


def _options(address: SourceAddress, settings: ListenSettings, pace: float) -> SourceOptions:
    if address.is_pcm:
        return SourceOptions(PcmFormat(settings.rate, settings.channels, settings.encoding, settings.channel))
    return SourceOptions(pace=pace, channel=settings.channel)


def _screen(as_json: bool) -> Screen:
    """Open a panel on stderr where that is a terminal, unless JSON would run through it."""
    panel = can_draw(sys.stderr, os.environ) and not (as_json and _is_terminal(sys.stdout))
    return Screen(sys.stdout, sys.stderr, panel=panel, clock=time.monotonic)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _open_metrics(port: int, outbox: Path, stack: ExitStack) -> tuple[LiveMetrics, int]:
    from edge.alerts.outbox import Outbox
    from edge.service.metrics import LiveMetrics, serve

    def deliveries() -> dict[tuple[str, str], int]:
        # In a thread of the server's, where no other connection may be used.
        with Outbox(outbox) as opened:
            return opened.counts()

    metrics = LiveMetrics(deliveries)
    return metrics, stack.enter_context(serve(metrics, port))


def _observe(metrics: LiveMetrics | None, stream: str, step: Step, session: Session) -> None:
    if metrics is not None:
        lag_s, factor = session.lag.lag_s, session.realtime_factor
        metrics.update(stream, step.state, lag_s=lag_s, realtime_factor=factor, level_db=step.stats.level_db)


def _clips(settings: ListenSettings, complain: Callable[[str], None]) -> ClipRecorder:
    from edge.live.clips import ClipFolder, ClipRecorder

    folder = ClipFolder(
        Path(settings.clips_folder).expanduser(),
        keep_days=settings.clips_days,
        max_bytes=round(settings.clips_megabytes * _MEGABYTE),
        clock=time.time,
    )
    return ClipRecorder(folder, before_s=settings.clips_before_s, after_s=settings.clips_after_s, complain=complain)
