"""Checks of machine, model, configuration and alerts; each yields its `Finding`s and raises nothing."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edge.alerts.channels.channel import ChannelContext
from edge.alerts.delivery import send_test_alert
from edge.alerts.event import AlertConfigError, DeliveryError, OutboxError
from edge.alerts.outbox import Outbox
from edge.alerts.settings import AlertSettings
from edge.bench import voice_like
from edge.catalog import resolve_model
from edge.contract import CONTRACT_VERSION
from edge.errors import ConfigError, EdgeError, ModelError
from edge.model import Model, runtime_version
from edge.scoring import score_samples
from edge.settings import find_config, read_config

Level = Literal["ok", "note", "warning", "problem"]
LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "problem")
"""From the best to the worst: a note is worth knowing, a warning may do harm, a problem keeps edge from working."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    check : short name of the check; one check may find several things.
    level : one of `LEVELS`.
    seen : what was seen, for people.
    advice : what to do; dropped where all is well, never empty for a warning or a problem.
    facts : the same in figures, for programs; units are in the names.

    Raises
    ------
    ValueError
        A warning or a problem without advice.
    """

    check: str
    level: Level
    seen: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.level in ("warning", "problem") and not self.advice:
            raise ValueError(f"{self.check}: a {self.level} must say what to do; got {self.seen!r} alone")
        if self.level == "ok":
            object.__setattr__(self, "advice", "")

    @classmethod
    def ok(cls, check: str, seen: str, **facts: Any) -> Finding:
        """Return a finding that asks for nothing."""
        return cls(check, "ok", seen, facts=facts)

    @classmethod
    def from_error(
        cls, check: str, error: EdgeError | str, advice: str, *, level: Level = "problem", **facts: Any
    ) -> Finding:
        """Return the finding for an error; ``advice`` is used where the message has none after its first ``;``."""
        seen, _, own = str(error).partition("; ")
        return cls(check, level, seen, own or advice, facts)

    def json_line(self) -> str:
        """Return one JSON object; figures that are not finite, such as the level of silence, become null."""
        facts = {name: _plain(value) for name, value in self.facts.items()}
        values = {"check": self.check, "level": self.level, "seen": self.seen, "advice": self.advice}
        return json.dumps({**values, "facts": facts}, allow_nan=False)


def worst_last(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by level, so that the worst stands beside the prompt; within a level the order stays."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def summary(findings: Iterable[Finding]) -> str:
    """Count the findings of each level, the worst first, as in ``1 problem, 12 ok``."""
    count = Counter(finding.level for finding in findings)
    return ", ".join(
        f"{count[level]} {level}{'s' if count[level] != 1 and level != 'ok' else ''}"
        for level in reversed(LEVELS)
        if count[level]
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


Reader = Callable[[Any, str], object]
"""Builds the settings of a table of the configuration from the table and its place; raises `ConfigError`."""

SLOW_RTF = 0.5
"""Compute time / audio time. Live listening must also catch up after a pause, and the machine has other work."""
LITTLE_BYTES = 100_000_000
"""An alert takes a kilobyte, but a disk with as little room as this is soon full."""
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""This program is younger."""
_CLIP_S = 2.0
_REINSTALL = "pip install --force-reinstall 'bonafone[edge]'"
_OUTBOX_ADVICE = "give another path in alerts.outbox"
# Package: what is lacking without it, and the extra that installs it.
_PARTS = {
    "soxr": ("audio at any rate but 16 kHz cannot be scored", "edge"),
    "soundfile": ("FLAC, MP3, OGG and Opus cannot be read", "edge"),
    "av": ("M4A, AAC, AMR and 3GP, which phones record, cannot be read", "formats"),
}


def check_python() -> Iterator[Finding]:
    """Report the versions of Python, NumPy and the system."""
    machine, numpy = f"{platform.system()} {platform.machine()}", np.__version__
    python = platform.python_version()
    seen = f"Python {python}, NumPy {numpy}, {machine}"
    yield Finding.ok("python", seen, python=python, numpy=numpy, machine=machine)


def check_clock(now_s: float) -> Iterator[Finding]:
    """Check that ``now_s`` (seconds since 1970) can be now: a Pi without a battery-backed clock starts in the past."""
    # A count of seconds that no calendar holds is as wrong as one before this program.
    try:
        now = datetime.fromtimestamp(now_s, UTC)
        seen = f"{now:%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        now, seen = datetime.min.replace(tzinfo=UTC), f"{now_s:g} s after 1970"
    if now >= _EARLIEST:
        yield Finding.ok("clock", seen, time_s=now_s)
        return
    advice = (
        "connect to a network and run: timedatectl set-ntp true; a Raspberry Pi without network needs a battery-backed "
        "clock (RTC)"
    )
    seen = f"the clock says {seen}: alerts bear wrong times, and TLS refuses every certificate"
    yield Finding("clock", "problem", seen, advice, {"time_s": now_s})


def check_service(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check whether systemd started this process and supervises it."""
    watchdog = environment.get("WATCHDOG_USEC", "")
    watchdog_s = int(watchdog) / 1e6 if watchdog.isascii() and watchdog.isdigit() else None
    notify = "NOTIFY_SOCKET" in environment
    under = notify or "INVOCATION_ID" in environment
    watched = "no watchdog" if watchdog_s is None else f"a watchdog of {watchdog_s:g} s"
    supervised = f"expects notifications, with {watched}" if notify else "expects no notifications"
    yield Finding(
        "service",
        "note" if under and not notify else "ok",
        f"under systemd, which {supervised}" if under else "not under systemd",
        "for a service that restarts when it hangs, set Type=notify and WatchdogSec=30 in the unit",
        {"systemd": under, "notify": notify, "watchdog_s": watchdog_s},
    )


def check_decoders() -> Iterator[Finding]:
    """Check the optional packages for reading and resampling audio."""
    for package, (lacking, extra) in _PARTS.items():
        try:
            import_module(package)
        except (ImportError, OSError) as error:
            # OSError: the package is there, and the library that it wraps is not.
            seen = f"{package} does not load ({error}): {lacking}"
            yield Finding("decoders", "warning", seen, f"pip install 'bonafone[{extra}]'", {"package": package})
        else:
            number = version(package)
            yield Finding.ok("decoders", f"{package} {number}", package=package, version=number)


def check_model(choice: str | None) -> tuple[list[Finding], Model | None]:
    """Load the model; report its runtime, its contract, its operating points and its speed."""
    try:
        runtime = runtime_version()
    except EdgeError as error:
        return [Finding.from_error("runtime", _broken_runtime() or error, _REINSTALL)], None
    found = [Finding.ok("runtime", runtime, runtime=runtime)]
    try:
        path = resolve_model(choice)
        model = Model.load(path)
        found += [_contract(path, model), _operating_points(model), check_speed(model)]
    except ModelError as error:
        advice = "a runtime older than the model refuses its operators: " + _REINSTALL
        return [*found, Finding.from_error("model", error, advice)], None
    return found, model


def check_speed(model: Model, *, clock: Callable[[], float] = time.perf_counter) -> Finding:
    """Score a short clip three times; the fastest counts, since others use this machine too."""
    clip = voice_like(_CLIP_S, model.contract.frontend.sample_rate)
    score_samples(model, clip)
    seconds = []
    for _ in range(3):
        started_at = clock()
        score_samples(model, clip)
        seconds.append(clock() - started_at)
    rtf = min(seconds) / _CLIP_S
    seen = f"real-time factor {rtf:.4f} on one thread"
    advice = "end what else runs here, or use a faster machine; edge bench measures at length"
    return Finding("speed", "warning" if rtf > SLOW_RTF else "ok", seen, advice, {"rtf": rtf})


def check_config(
    given: Path | None, environment: Mapping[str, str], readers: Mapping[str, Reader]
) -> tuple[list[Finding], dict[str, Any]]:
    """Find and read the configuration.

    Parameters
    ----------
    given : its path; None: where it is looked for.
    readers : by the name of a table, what builds its settings.

    Returns
    -------
    The findings, and the tables that are valid, as the file holds them.
    """
    path = find_config(given, environment)
    if path is None:
        advice = "to be alerted, write one, for example ~/.config/bonafone/bonafone.toml"
        return [Finding("config", "note", "there is no configuration: every alert channel is off", advice)], {}
    try:
        tables = read_config(path)
    except ConfigError as error:
        return [Finding.from_error("config", error, "correct the file")], {}
    found, valid = [Finding.ok("config", str(path), path=str(path), tables=sorted(tables))], {}
    for name, table in tables.items():
        try:
            if name in readers:
                readers[name](table, f"{path}: {name}")
            valid[name] = table
        except ConfigError as error:
            found.append(Finding.from_error("config", error, f"correct the table {name}"))
    return found, valid


def check_alerts(settings: AlertSettings, context: ChannelContext, *, send: bool) -> Iterator[Finding]:
    """Check the outbox and every channel that is on.

    ``send`` sends a test over each whose receiver answers: what is wrong with the others is known.
    """
    names = settings.enabled()
    if not names:
        advice = "set enabled = true in a table such as [alerts.desktop]"
        yield Finding("alerts", "note", "no alert channel is on: alarms are shown and sent to nobody", advice)
        return
    outbox = [*check_outbox(Path(settings.outbox).expanduser(), context.clock)]
    channels = {name: _check_channel(name, settings, context, send=send) for name in names}
    yield from (*outbox, *channels.values())
    for warning in settings.warnings(context.environment):
        yield Finding.from_error("alerts", warning, "correct the rights of the file", level="warning")
    ready = [name for name, finding in channels.items() if finding.level == "ok"]
    if send and ready and all(finding.level != "problem" for finding in outbox):
        yield from _send(settings, ready, context)


def check_outbox(path: Path, clock: Callable[[], float]) -> Iterator[Finding]:
    """Check that the outbox can be written, what waits in it, and the room on its disk; nothing is made."""
    existing = next(place for place in (path, *path.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    facts: dict[str, Any] = {"path": str(path), "free_bytes": free}
    room = f"{free / 1e9:.1f} GB free" if free >= LITTLE_BYTES else f"{free / 1e6:.0f} MB free"
    if free < LITTLE_BYTES:
        yield Finding("outbox", "warning", f"{path}: only {room} on its disk", "make room on the disk", facts)
    if existing != path:
        if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
            yield Finding.ok("outbox", f"{path} will be made with the first alert, {room}", **facts)
        else:
            seen = f"{path} cannot be made: {existing} may not be written"
            yield Finding("outbox", "problem", seen, f"{_OUTBOX_ADVICE}, or correct the rights", facts)
        return
    try:
        with Outbox(path, clock=clock) as outbox:
            counts = outbox.counts()
    except OutboxError as error:
        yield Finding.from_error("outbox", error, _OUTBOX_ADVICE)
        return
    pending, dead = (sum(n for (_, state), n in counts.items() if state == wanted) for wanted in ("pending", "dead"))
    yield Finding.ok("outbox", f"{path}: {pending} still to be sent, {room}", **facts, pending=pending)
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
        return Finding.from_error(check, str(error).removeprefix(f"{check}: "), "correct the configuration")
    except DeliveryError as error:
        return Finding.from_error(check, error, settings.kinds[name].advice)
    return Finding.ok(check, seen, channel=name)


def _send(settings: AlertSettings, names: Sequence[str], context: ChannelContext) -> Iterator[Finding]:
    try:
        results = send_test_alert(settings, names, context, source="edge doctor")
    except OutboxError as error:
        yield Finding.from_error("outbox", error, _OUTBOX_ADVICE)
        return
    for result in results:
        check = f"alerts.{result.channel}"
        facts: dict[str, Any] = {"channel": result.channel, "event": result.event_id}
        if result.arrived:
            yield Finding.ok(check, f"sent a test, {result.event_id}: look whether it came", **facts)
        else:
            yield Finding.from_error(check, result.problem, result.advice or "correct the configuration", **facts)


def _broken_runtime() -> EdgeError | None:
    """Return the error of a runtime that is installed and does not load, for example because of another NumPy."""
    for name in ("ai_edge_litert", "tflite_runtime"):
        try:
            import_module(f"{name}.interpreter")
        except ImportError as error:
            if find_spec(name) is not None:
                return EdgeError(f"{name} is installed and does not load ({error})")
    return None


def _contract(path: Path, model: Model) -> Finding:
    contract = model.contract
    return Finding.ok(
        "model",
        f"{path.stem}: contract {CONTRACT_VERSION}, {contract.parameters:,} parameters, {contract.quantization}",
        path=str(path),
        contract_version=CONTRACT_VERSION,
        parameters=contract.parameters,
        quantization=contract.quantization,
        model_bytes=path.stat().st_size,
    )


def _operating_points(model: Model) -> Finding:
    points = model.contract.operating_points
    if not points:
        seen = "the model has no operating points: nobody measured how often live alarms are false"
        return Finding("points", "warning", seen, "use a newer model, or run workbench calibrate on this one")
    shown = [
        point.name
        if point.false_alarms_per_h is None
        else f"{point.name} ({point.false_alarms_per_h:.2g} false alarms an hour)"
        for point in points
    ]
    return Finding.ok("points", ", ".join(shown), operating_points=[point.name for point in points])
