"""From settings to a listener: what `edge listen` puts together, in one place."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

from edge.alerts.service import Alerts
from edge.alerts.settings import AlertSettings
from edge.catalog import resolve_model
from edge.live.listener import Listener
from edge.live.monitor import Monitor
from edge.live.screen import Screen, can_draw, look_of
from edge.live.session import Session, Step
from edge.live.settings import ListenSettings
from edge.live.subject import subject_of
from edge.live.teller import Teller
from edge.model import Model
from edge.native_stderr import drop_stderr, hold_stderr
from edge.service.redaction import Redactor
from edge.service.source_address import SourceAddress
from edge.service.stopping import StopSignal
from edge.service.systemd import Notifier
from edge.sources.address import SourceOptions, make_source
from edge.sources.events import StreamStart
from edge.sources.pcm import PcmFormat

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
    AlertError, ClipError
        An alert channel, the outbox, the metrics' port or the clips folder cannot be opened.
    """
    # Everything that the user may have to put right comes before anything is opened.
    address = SourceAddress.parse(settings.source)
    source = make_source(address, _options(address, settings, pace))
    subject = subject_of(settings.source, pace=pace)
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
        # The screen is all of a text stream that the terminal channel uses.
        terminal = cast("TextIO", screen)
        outbox = stack.enter_context(Alerts(alerts, environment=os.environ, terminal=terminal))
        keeps_changes = not (screen.has_panel and _is_terminal(sys.stdout))
        teller = Teller(outbox, screen, redactor, notifier, as_json=as_json, keeps_changes=keeps_changes, clock=time)
        observe = _open_metrics(settings, alerts, teller, stack)
        _open_clips(settings, teller, redactor)

        def open_session(start: StreamStart) -> Session:
            return Session(model, point, start.sample_rate, clock=time, pace=subject.pace)

        monitor = Monitor(
            subject, settings, open_session, model=model.name, hide=redactor.text, clock=time, observe=observe
        )
        listener = Listener(
            source,
            monitor,
            teller,
            screen,
            notifier,
            asked_to_stop=lambda: stop.asked,
            look=lambda: look_of(sys.stderr, os.environ),
            clock=time,
        )
        return Outcome(ended_well=listener.run(), spoof_found=monitor.spoof_found)


def _options(address: SourceAddress, settings: ListenSettings, pace: float) -> SourceOptions:
    if address.is_pcm:
        return SourceOptions(PcmFormat(settings.rate, settings.channels, settings.encoding, settings.channel))
    return SourceOptions(pace=pace, channel=settings.channel)


def _screen(as_json: bool) -> Screen:
    """A panel on stderr where that is a terminal, unless JSON would run through it."""
    panel = can_draw(sys.stderr, os.environ) and not (as_json and _is_terminal(sys.stdout))
    return Screen(sys.stdout, sys.stderr, panel=panel, clock=time.monotonic)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _open_metrics(
    settings: ListenSettings, alerts: AlertSettings, teller: Teller, stack: ExitStack
) -> Callable[[str, Step, Session], None] | None:
    """Open the port, if there is to be one; return what takes the steps."""
    if settings.metrics_port is None:
        return None
    from edge.alerts.outbox import Outbox
    from edge.live.live_metrics import LiveMetrics
    from edge.service.metrics import MetricsServer

    metrics = LiveMetrics()
    teller.metrics = metrics
    path = Path(alerts.outbox).expanduser()

    def page() -> str:
        # In a thread of the server's, where no other connection may be used.
        with Outbox(path, clock=time.time, rng=random.Random()) as outbox:
            return metrics.page(outbox.counts())

    server = stack.enter_context(MetricsServer(page, settings.metrics_port))
    if settings.metrics_port == 0:
        teller.complain("metrics", f"http://127.0.0.1:{server.port}/metrics")

    def observe(stream: str, step: Step, session: Session) -> None:
        metrics.update(
            stream,
            step.state,
            lag_s=session.lag_s,
            realtime_factor=session.realtime_factor,
            level_db=step.arrived.level_db,
        )

    return observe


def _open_clips(settings: ListenSettings, teller: Teller, redactor: Redactor) -> None:
    """Open the folder, only if it is asked for."""
    if not settings.clips:
        return
    from edge.live.clips import ClipFolder
    from edge.live.keeping import ClipKeeper

    folder = ClipFolder(
        Path(settings.clips_folder).expanduser(),
        keep_days=settings.clips_days,
        max_bytes=round(settings.clips_megabytes * _MEGABYTE),
        before_s=settings.clips_before_s,
        after_s=settings.clips_after_s,
        clock=time.time,
    )
    teller.clips = ClipKeeper(folder, redactor, lambda text: teller.complain("clips", text))
