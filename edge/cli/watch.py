"""`edge watch`: parse, watch, and print what it finds."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli import EXIT_FAIL_ON, EXIT_FAILED, config_option, json_option, model_option, on_terminal
from edge.native_stderr import hold_stderr

if TYPE_CHECKING:
    from edge.alerts.settings import AlertSettings
    from edge.scoring import Failure, Score
    from edge.watch.recordings import Counts
    from edge.watch.settings import WatchSettings

# NumPy, LiteRT and SQLite are imported inside the command: --help answers at once.

_DELIVERY_S = 20.0


@click.command()
@click.argument("folders", nargs=-1, metavar="[DIR]...", type=click.Path(path_type=Path))
@config_option
@click.option("--once", is_flag=True, help="Score what is new and complete, then end: for cron.")
@click.option(
    "--existing",
    type=click.Choice(["skip", "score"]),
    help="What to do with recordings that are there when a folder is watched for the first time.  [default: skip]",
)
@click.option("--channel", metavar="WHICH", help="left, right, mix, each, or a number from 1.  [default: mix]")
@click.option("--settle-s", type=float, metavar="SECONDS", help="How long a recording must not have changed.")
@click.option("--poll-s", type=float, metavar="SECONDS", help="Time between two looks.")
@click.option("--ledger", metavar="FILE", help="Where to remember what was done.")
@click.option("--fail-on", type=click.Choice(["spoof"]), help="With --once, exit with 3 if a recording is spoof.")
@click.option("--show-names", is_flag=True, help="Show names of recordings also where the output is no terminal.")
@model_option
@json_option
def watch(
    folders: tuple[Path, ...],
    config: Path | None,
    once: bool,
    fail_on: str | None,
    show_names: bool,
    as_json: bool,
    **overrides: Any,
) -> None:
    """Score each new recording in folders once it is complete, and alert.

    DIR are watched with all that is below them; without any, those of the configuration's table [watch]. A recording
    is complete when it has not changed for a while, its header is final, and it can be decoded to its end. Names of
    transfers under way (.part, .tmp, a dot in front) are passed over. What was done is remembered:
    what came while nothing watched is scored at the next start, and a renamed or copied recording is not alerted
    again. Names are hidden where the output is no terminal and not JSON.

    Example: edge watch ~/Recordings /var/spool/asterisk/monitor

    Exit codes: 0 ended in order; 1 with --once, something failed, or a folder is away (the others are done); 2 misuse,
    a wrong configuration, or a model that cannot be used; 3 with --once --fail-on spoof, a spoof was found (also when
    something failed).
    """
    if fail_on and not once:
        raise click.UsageError("--fail-on needs --once: a service has no exit code to look at")
    settings, alert_settings = _settings(config, folders, overrides)
    names = show_names or alert_settings.show_names
    counts, left = _run(settings, alert_settings, once=once, as_json=as_json, names=names)
    if once and left:
        click.echo(f"{left} alerts are still to be delivered; the next run or the service sends them", err=True)
    if once and (counts.spoof and fail_on):
        sys.exit(EXIT_FAIL_ON)
    sys.exit(EXIT_FAILED if once and counts.failed else 0)


def _settings(
    config: Path | None, folders: tuple[Path, ...], overrides: dict[str, Any]
) -> tuple[WatchSettings, AlertSettings]:
    from edge.alerts.settings import settings_from_table
    from edge.settings import build_settings, find_config, read_config
    from edge.watch.settings import WatchSettings

    path = find_config(config, os.environ)
    tables = read_config(path)
    settings = build_settings(WatchSettings, tables.get("watch", {}), f"{path}: watch")
    given = {name: value for name, value in overrides.items() if value is not None}
    settings = replace(settings, **given, folders=tuple(map(os.fspath, folders)) or settings.folders)
    if not settings.folders:
        raise click.UsageError('no folder to watch; name some, or set folders = ["…"] in the table [watch]')
    for folder in settings.folders:
        if os.path.isfile(os.path.expanduser(folder)):
            raise click.UsageError(f"{folder}: a file; expected a folder: `edge score` scores files")
    return settings, settings_from_table(tables.get("alerts", {}), f"{path}: alerts")


def _run(
    settings: WatchSettings, alert_settings: AlertSettings, *, once: bool, as_json: bool, names: bool
) -> tuple[Counts, int]:
    """Watch the folders; return what was done, and with ``once`` the number of deliveries that are left."""
    from edge.alerts.service import Alerts
    from edge.catalog import resolve_model
    from edge.model import Model
    from edge.scoring import score_file
    from edge.service.process import Notifier, StopSignal
    from edge.watch.ledger import Ledger
    from edge.watch.watcher import Watcher, check_stop, publish, run_once, serve, wait_for_deliveries

    channels = alert_settings.enabled()
    report = Reporter(
        as_json=as_json, names_out=names or on_terminal(sys.stdout), names_err=names or on_terminal(sys.stderr)
    )
    if not channels:
        report.note(
            "no alert channel is on: nothing will be sent, also not later for what is scored now; "
            "`edge alerts list` shows the channels"
        )
    with hold_stderr():
        model = Model.load(resolve_model(settings.model))
    with (
        StopSignal() as stop,
        Ledger(settings.ledger, clock=time.time, attempts=settings.attempts) as ledger,
        Alerts(alert_settings, environment=os.environ, terminal=sys.stderr, present=not once) as alerts,
    ):
        manager = Notifier.from_environment(os.environ)
        watcher = Watcher(
            settings,
            ledger,
            score=lambda path, progress: score_file(model, path, channel=settings.channel, progress=progress),
            publish=lambda event: publish(alerts, event, report),
            report=report,
            check=check_stop(stop, manager),
        )
        if not once:
            serve(watcher, stop, manager, alerts, report, poll_s=settings.poll_s)
            return watcher.counts, 0
        run_once(watcher, stop, settle_s=settings.settle_s)
        watcher.counts.failed += len(watcher.away())
        return watcher.counts, wait_for_deliveries(alerts, channels, stop, timeout_s=_DELIVERY_S)


class Reporter:
    """Print results on stdout and the rest on stderr, with names hidden where they would stay.

    Parameters
    ----------
    as_json : results as JSON, one object a line, with their paths: programs need them.
    names_out, names_err : whether names of recordings are shown in the table on stdout, and in notes on stderr.
    """

    def __init__(self, *, as_json: bool, names_out: bool, names_err: bool) -> None:
        self._as_json, self._names_out, self._names_err = as_json, names_out, names_err
        self._headed = self._hint_given = False

    def result(self, result: Score | Failure) -> None:
        """Print a result, and see that it is out before the recording counts as done.

        Raises
        ------
        ReportError
            It is not out.
        BrokenPipeError
            Its reader has left.
        """
        from edge.scoring import Failure, json_line
        from edge.watch.recordings import ReportError

        if isinstance(result, Failure):
            self.note(f"Error: {result.error}", str(result.path))
        try:
            if self._as_json:
                click.echo(json_line(result))
            elif not isinstance(result, Failure):
                self._row(result)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ReportError(
                f"standard output cannot be written ({error.strerror or error}); make room, or send it elsewhere"
            ) from error

    def note(self, text: str, path: str = "") -> None:
        """Print a note on stderr; where that cannot be written, watching goes on all the same."""
        if path and not self._names_err:
            text = text.replace(path, self._hidden(path))
        self._write(text)

    def _row(self, score: Score) -> None:
        from edge.tables import HEADER, text_passages, text_row

        if not self._headed:
            click.echo(HEADER)
            self._headed = True
        shown = score.path if self._names_out else Path(self._hidden(str(score.path)))
        for line in [text_row(replace(score, path=shown)), *text_passages(score)]:
            click.echo(line)

    def _hidden(self, path: str) -> str:
        from edge.service.redaction import hide_name

        if not self._hint_given:
            self._hint_given = True
            self._write("names of recordings are hidden, since this output may be kept; --show-names shows them")
        return hide_name(path)

    @staticmethod
    def _write(text: str) -> None:
        from edge.watch.ledger import readable

        with suppress(OSError):
            click.echo(readable(text), err=True)
