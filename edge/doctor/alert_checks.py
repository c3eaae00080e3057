"""The configuration, the outbox, and each channel that is on: can it be built, and does its receiver answer?"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.alerts.channels.channel import ChannelContext
from edge.alerts.errors import AlertConfigError, AlertError, DeliveryError, OutboxError
from edge.alerts.outbox import Outbox
from edge.alerts.settings import AlertSettings, settings_from_table
from edge.alerts.test_alert import send_test_alert
from edge.doctor.finding import Finding, from_error
from edge.errors import ConfigError
from edge.live.settings import ListenSettings
from edge.service.config_file import find_config, read_config
from edge.settings import build_settings
from edge.watch.settings import WatchSettings

LITTLE_BYTES = 100_000_000
"""An alert takes a kilobyte, but a disk that is as full as this is soon full."""
_CHECKED: dict[str, Callable[[Any, str], object]] = {
    "alerts": settings_from_table,
    "listen": lambda table, where: build_settings(ListenSettings, table, where),
    "watch": lambda table, where: build_settings(WatchSettings, table, where),
}
"""How each table of the configuration is read by the command that it is for."""


def check_config(given: Path | None, environment: Mapping[str, str]) -> tuple[list[Finding], dict[str, Any]]:
    """Find and read the configuration; return its tables that are valid."""
    path = find_config(given, environment)
    if path is None:
        advice = "to be alerted, write one, for example ~/.config/bonafone/bonafone.toml"
        return [Finding("config", "note", "there is no configuration: every alert channel is off", advice)], {}
    try:
        tables = read_config(path)
    except ConfigError as error:
        return [from_error("config", error, "correct the file")], {}
    found, valid = [Finding("config", "ok", str(path), facts={"path": str(path), "tables": sorted(tables)})], {}
    for name, table in tables.items():
        try:
            if name in _CHECKED:
                _CHECKED[name](table, f"{path}: {name}")
            valid[name] = table
        except ConfigError as error:
            found.append(from_error("config", error, f"correct the table {name}"))
    return found, valid


def check_alerts(table: Mapping[str, Any], context: ChannelContext, *, send: bool) -> Iterator[Finding]:
    """Look at the outbox and at every channel of a valid table ``alerts``.

    ``send`` sends a test over each whose receiver answers: for the others it is known what is wrong.
    """
    settings = settings_from_table(table)
    names = settings.enabled()
    if not names:
        advice = "set enabled = true in a table such as [alerts.desktop]"
        yield Finding("alerts", "note", "no alert channel is on: alarms are shown and sent to nobody", advice)
        return
    found = [*check_outbox(Path(settings.outbox).expanduser(), context.clock)]
    usable = all(finding.level != "problem" for finding in found)
    channels = {name: _check_channel(name, settings, context, send=send) for name in names}
    yield from [*found, *channels.values()]
    for warning in settings.warnings(context.environment):
        yield from_error("alerts", AlertError(warning), "correct the rights of the file", level="warning")
    if send and usable:
        ready = [name for name, finding in channels.items() if finding.level == "ok"]
        yield from _send(settings, ready, context)


def check_outbox(path: Path, clock: Callable[[], float]) -> Iterator[Finding]:
    """Whether the outbox can be written, what waits in it, and how much room its disk has; nothing is made."""
    existing = next(place for place in (path, *path.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    facts: dict[str, Any] = {"path": str(path), "free_bytes": free}
    room = f"{free / 1e9:.1f} GB free"
    if free < LITTLE_BYTES:
        room = f"{free / 1e6:.0f} MB free"
        yield Finding("outbox", "warning", f"{path}: only {room} on its disk", "make room on the disk", facts)
    if existing != path:
        if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
            seen = f"{path} cannot be made: {existing} may not be written"
            yield Finding("outbox", "problem", seen, "give another path in alerts.outbox, or correct the rights", facts)
        else:
            yield Finding("outbox", "ok", f"{path} will be made with the first alert, {room}", facts=facts)
        return
    try:
        with Outbox(path, clock=clock, rng=random.Random()) as outbox:
            counts = outbox.counts()
    except OutboxError as error:
        yield from_error("outbox", error, "give another path in alerts.outbox")
        return
    pending = sum(count for (_, state), count in counts.items() if state == "pending")
    dead = sum(count for (_, state), count in counts.items() if state == "dead")
    yield Finding("outbox", "ok", f"{path}: {pending} still to be sent, {room}", facts={**facts, "pending": pending})
    if dead:
        advice = "edge events --since 30d --deliveries shows which, and why"
        yield Finding("outbox", "note", f"{dead} refused for good", advice, {"dead": dead})


def _check_channel(name: str, settings: AlertSettings, context: ChannelContext, *, send: bool) -> Finding:
    check = f"alerts.{name}"
    try:
        channel = settings.build(name, context)
        try:
            seen = channel.reach() or ("set up" if send else "set up; only --send shows whether it arrives")
        finally:
            channel.close()
    except AlertConfigError as error:
        return from_error(check, AlertError(str(error).removeprefix(f"{check}: ")), "correct the configuration")
    except DeliveryError as error:
        return from_error(check, error, settings.kinds[name].advice)
    return Finding(check, "ok", seen, facts={"channel": name})


def _send(settings: AlertSettings, names: Sequence[str], context: ChannelContext) -> Iterator[Finding]:
    try:
        results = send_test_alert(settings, names, context, source="edge doctor") if names else []
    except OutboxError as error:
        yield from_error("outbox", error, "give another path in alerts.outbox")
        return
    for result in results:
        check, facts = f"alerts.{result.channel}", {"channel": result.channel, "event": result.event_id}
        if result.arrived:
            yield Finding(check, "ok", f"sent a test, {result.event_id}: look whether it came", facts=facts)
        else:
            yield from_error(
                check, AlertError(result.problem), result.advice or "correct the configuration", facts=facts
            )
