"""The configuration, the outbox, and each channel that is on: can it be built, and does its receiver answer?"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.alerts.assembly import Surroundings, build_channel, mqtt_broker
from edge.alerts.config import settings_from_table
from edge.alerts.errors import AlertConfigError, AlertError, DeliveryError, OutboxError
from edge.alerts.outbox import Outbox
from edge.alerts.settings import AlertSettings
from edge.alerts.test_alert import ADVICE, try_channels
from edge.doctor.finding import Finding, from_error
from edge.doctor.reach import reach_desktop, reach_mqtt, reach_webhook
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


def check_alerts(table: Mapping[str, Any], around: Surroundings, *, send: bool) -> Iterator[Finding]:
    """Look at the outbox and at every channel of a valid table ``alerts``.

    ``send`` sends a test over each whose receiver answers: for the others it is known what is wrong.
    """
    settings = settings_from_table(table)
    names = [name for name, channel in settings.channels().items() if channel.enabled]
    if not names:
        advice = "set enabled = true in a table such as [alerts.desktop]"
        yield Finding("alerts", "note", "no alert channel is on: alarms are shown and sent to nobody", advice)
        return
    found = [*check_outbox(Path(settings.outbox).expanduser(), around.clock)]
    usable = all(finding.level != "problem" for finding in found)
    channels = {name: _check_channel(name, settings, around, send=send) for name in names}
    yield from [*found, *channels.values()]
    if send and usable:
        ready = [name for name, finding in channels.items() if finding.level == "ok"]
        yield from _send(settings, ready, around)


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


def _check_channel(name: str, settings: AlertSettings, around: Surroundings, *, send: bool) -> Finding:
    check = f"alerts.{name}"
    try:
        build_channel(name, settings, around).close()
        seen = _reach(name, settings, around) or ("set up" if send else "set up; only --send shows whether it arrives")
    except AlertConfigError as error:
        return from_error(check, AlertError(str(error).removeprefix(f"{check}: ")), "correct the configuration")
    except DeliveryError as error:
        return from_error(check, error, ADVICE[name])
    return Finding(check, "ok", seen, facts={"channel": name})


def _reach(name: str, settings: AlertSettings, around: Surroundings) -> str:
    """What the receiver answers; empty where none can be asked."""
    if name == "webhook":
        return reach_webhook(settings.webhook)
    if name == "mqtt":
        return reach_mqtt(mqtt_broker(settings.mqtt, around.environment), settings.mqtt.timeout_s)
    if name == "desktop" and settings.desktop.method == "dbus":
        return reach_desktop(settings.desktop.timeout_s)
    return ""


def _send(settings: AlertSettings, names: Sequence[str], around: Surroundings) -> Iterator[Finding]:
    try:
        trials = try_channels(settings, names, around, source="edge doctor") if names else []
    except OutboxError as error:
        yield from_error("outbox", error, "give another path in alerts.outbox")
        return
    for trial in trials:
        check, facts = f"alerts.{trial.channel}", {"channel": trial.channel, "event": trial.event_id}
        if trial.arrived:
            yield Finding(check, "ok", f"sent a test, {trial.event_id}: look whether it came", facts=facts)
        else:
            yield from_error(check, AlertError(trial.problem), trial.advice or "correct the configuration", facts=facts)
