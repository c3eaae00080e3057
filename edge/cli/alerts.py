"""`edge alerts` and `edge events`: list and test the alert channels, and show past events."""

from __future__ import annotations

import json
import math
import os
import re
import sys
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli import config_option, json_option

if TYPE_CHECKING:
    from edge.alerts.channels.channel import Need
    from edge.alerts.outbox import DeliveryRecord, EventRecord, Outbox
    from edge.alerts.settings import AlertSettings

# SQLite and the rest of the alerts are imported inside the commands: --help answers at once.

_HOW_TO_ENABLE = """\
no alert channel is on; put one into {path}, for example:
    [alerts.desktop]
    enabled = true
`edge alerts list` shows every channel"""
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


@click.group()
def alerts() -> None:
    """List and test the alert channels, over which alerts reach people.

    Example: edge alerts test
    """


@alerts.command("test")
@click.option("--channel", metavar="NAME", help="Only this channel.  [default: every one that is on]")
@click.option(
    "--timeout-s", type=click.FloatRange(1.0, 600.0), default=30.0, show_default=True, help="How long to wait."
)
@config_option
@json_option
def try_alerts(channel: str | None, timeout_s: float, config: Path | None, as_json: bool) -> None:
    """Send a test alert over every channel that is on, and say whether it arrived.

    It goes past what waits in the outbox and past a running service; `edge events` shows it all the same.

    Example: edge alerts test --channel webhook

    Exit codes: 0 all arrived; 1 one did not, or no channel is on; 2 misuse, or a wrong configuration.
    """
    from edge.alerts.channels.channel import ChannelContext
    from edge.alerts.delivery import send_test_alert

    if math.isnan(timeout_s):
        raise click.BadParameter("expected 1 to 600", param_hint="--timeout-s")
    path, settings = _settings(config)
    known = settings.channels()
    if channel is not None and channel not in known:
        raise click.UsageError(f"no channel {channel!r}; expected one of {', '.join(known)}")
    chosen = [name for name in settings.enabled() if channel in (None, name)]
    if not chosen:
        where = path or "~/.config/bonafone/bonafone.toml"
        if channel is None:
            raise click.ClickException(_HOW_TO_ENABLE.format(path=where))
        raise click.ClickException(f"{channel} is off; set enabled = true in the table [alerts.{channel}] of {where}")
    for warning in settings.warnings(os.environ):
        click.echo(f"Warning: {warning}", err=True)
    # Not `present`: the running service stands for the device, and this one leaves at once.
    context = ChannelContext(os.environ, sys.stderr, present=False)
    results = send_test_alert(settings, chosen, context, source="edge alerts test", timeout_s=timeout_s)
    width = max(len(result.channel) for result in results)
    for result in results:
        if as_json:
            click.echo(json.dumps(asdict(result)))
        elif result.arrived:
            click.echo(f"{result.channel:<{width}}  arrived")
        else:
            advice = f"; {result.advice}" if result.advice else ""
            click.echo(f"{result.channel:<{width}}  failed: {result.problem}{advice}")
    sys.exit(0 if all(result.arrived for result in results) else 1)


@alerts.command("list")
@config_option
@json_option
def list_alerts(config: Path | None, as_json: bool) -> None:
    """List every channel: whether it is on, what it needs, and what is still to be sent.

    Secrets are looked for and never shown. Pending alerts are sent by the next `edge listen` or `edge watch`; dead ones
    were refused for good, see `edge events --deliveries`.

    Example: edge alerts list

    Exit codes: 0 done; 1 the outbox cannot be read; 2 misuse, or a wrong configuration.
    """
    path, settings = _settings(config)
    outbox = _outbox(settings)
    counts = {} if outbox is None else outbox.counts()
    if outbox is not None:
        outbox.close()
    if not as_json:
        click.echo(f"configuration: {path or 'none, so every channel is off'}", err=True)
    for name, channel in settings.channels().items():
        needs = settings.needs(name, os.environ)
        pending, dead = (counts.get((name, state), 0) for state in ("pending", "dead"))
        if as_json:
            facts = {"channel": name, "enabled": channel.enabled, "pending": pending, "dead": dead}
            click.echo(json.dumps({**facts, "needs": [asdict(need) for need in needs]}))
            continue
        state = click.style("on ", fg="green", bold=True) if channel.enabled else "off"
        click.echo(f"{name:<15} {state}  {pending:>3} pending  {dead:>3} dead  {_needs_text(needs)}".rstrip())
        if channel.enabled:
            for need in filter(lambda need: need.advice, needs):
                missing = "" if need.present else " is missing"
                click.echo(f"{'':<20} {need.kind} {need.name}{missing}: {need.advice}")


@click.command()
@click.option("--since", default="7d", show_default=True, metavar="WHEN", help="An age (30m, 2h, 7d) or a date.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many, the newest.")
@click.option("--deliveries", is_flag=True, help="Show each delivery with its attempts and last error.")
@config_option
@json_option
def events(since: str, limit: int, deliveries: bool, config: Path | None, as_json: bool) -> None:
    """Show past events and what became of their deliveries, the newest last.

    A delivery is pending, done, dead (refused for good) or expired (too late to be of use, or a test that failed). An
    event that is quiet came within the cooldown of one before it: it is kept, and was not sent. A date without a zone
    is local time, and so is what is shown.

    Example: edge events --since 2h --deliveries

    Exit codes: 0 done; 1 the outbox cannot be read; 2 misuse, or a wrong configuration.
    """
    try:
        moment = parse_moment(since, time.time())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from None
    _, settings = _settings(config)
    outbox = _outbox(settings)
    if outbox is None:
        click.echo(f"no event yet: there is no outbox at {settings.outbox}", err=True)
        return
    with outbox:
        found, unreadable = outbox.events(since=moment, limit=limit + 1), outbox.unreadable(since=moment)
        for record in reversed(found[:limit]):
            sent = outbox.deliveries(record.event.id)
            if as_json:
                click.echo(json.dumps(_event_facts(record, sent)))
                continue
            click.echo(_event_line(record, sent))
            if deliveries:
                for delivery in sent:
                    click.echo(f"    {_delivery_line(delivery)}")
    if not found:
        click.echo(f"no event since {local_time(moment)}", err=True)
    if len(found) > limit:
        click.echo(f"there are older ones since {local_time(moment)}; --limit shows more than {limit}", err=True)
    if unreadable:
        click.echo(f"{unreadable} cannot be read here: a later bonafone wrote them", err=True)


def parse_moment(text: str, now_s: float) -> float:
    """Read an age (``90s``, ``30m``, ``2h``, ``7d``, ``4w``) before ``now_s`` or an ISO 8601 date: seconds since 1970.

    What lies before 1970 is 0. A date without a zone is local time, one without a time of day is its midnight.

    Raises
    ------
    ValueError
        It is neither, or lies after ``now_s``.
    """
    age = _AGE.fullmatch(text.strip())
    if age:
        return max(0.0, now_s - float(age[1]) * _UNITS[age[2]])
    try:
        moment_s = datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"expected an age such as 30m, 2h or 7d, or a date such as 2026-11-24 or 2026-11-24T14:30, got {text!r}"
        ) from None
    if moment_s > now_s:
        raise ValueError(f"{text!r} is still to come: expected a moment in the past, and now is {local_time(now_s)}")
    return max(0.0, moment_s)


def local_time(moment_s: float) -> str:
    """Write a moment in local time, to the second."""
    return datetime.fromtimestamp(moment_s).isoformat(sep=" ", timespec="seconds")


def _settings(config: Path | None) -> tuple[Path | None, AlertSettings]:
    from edge.alerts.settings import settings_from_table
    from edge.settings import find_config, read_config

    path = find_config(config, os.environ)
    return path, settings_from_table(read_config(path).get("alerts", {}), f"{path}: alerts")


def _outbox(settings: AlertSettings) -> Outbox | None:
    """Open the outbox; None where none was made yet."""
    from edge.alerts.outbox import Outbox

    path = Path(settings.outbox).expanduser()
    return Outbox(path) if os.path.exists(path) else None


def _needs_text(needs: list[Need]) -> str:
    if not needs:
        return ""
    return "needs " + ", ".join(f"{need.kind} {need.name} ({'there' if need.present else 'missing'})" for need in needs)


def _event_line(record: EventRecord, sent: list[DeliveryRecord]) -> str:
    states = ", ".join(f"{item.channel} {item.state}" for item in sent) or (
        "quiet" if record.suppressed else "no channel was on"
    )
    event = record.event
    return f"{local_time(record.created_at)}  {event.title}: {event.summary()}  [{states}]"


def _delivery_line(delivery: DeliveryRecord) -> str:
    text = f"{delivery.channel:<15} {delivery.state:<8} {delivery.attempts} attempt{'s' * (delivery.attempts != 1)}"
    if delivery.state == "pending":
        text += f", next {local_time(delivery.next_at)}, until {local_time(delivery.expires_at)}"
    return text + (f": {delivery.last_error}" if delivery.last_error else "")


def _event_facts(record: EventRecord, sent: list[DeliveryRecord]) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(record.event.to_json())
    facts["created_at"], facts["suppressed"] = record.created_at, record.suppressed
    facts["deliveries"] = [asdict(item) for item in sent]
    return facts
