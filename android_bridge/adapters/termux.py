"""Termux: its own programs vibrate and notify, and the dialler's recordings are scored as they appear.

A program in Termux gets no audio of a call; it can score the recording that the dialler writes, seconds after the call.
`edge watch` watches and `edge.alerts` alerts; here are the folders and the buzz.

Example: python -m android_bridge.adapters.termux watch
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from android_bridge.errors import BridgeError, PortError
from android_bridge.phone import NOTICES, BuzzPattern, notice
from edge.alerts.channels.channel import ChannelContext, ChannelSettings
from edge.alerts.channels.termux import TermuxNotifyChannel, TermuxVibrateChannel, TermuxVibrateSettings
from edge.alerts.event import AlertEvent, DeliveryError, new_event_id
from edge.errors import EdgeError

PROGRAM_TIMEOUT_S = 10.0
RECORDERS = (
    "Recordings/Call",
    "Recordings/Call recordings",
    "Recordings/Voice Recorder",
    "Call",
    "Music/Recordings/Call Recordings",
    "MIUI/sound_recorder/call_rec",
    "Record/Call",
    "Sounds/CallRecord",
    "CallRecordings",
)
"""Where diallers are known to put recordings, below the shared storage: Samsung, Google, OnePlus and Oppo, Xiaomi, and
others. Vendors move them with every few versions; a folder of one's own can be named."""
_KINDS = {"spoof": "spoof", "silenced": "silenced", "blind": "source_lost"}


class TermuxBuzzer:
    """The buzz by `termux-vibrate`, which has on and off only and needs some tenths of a second a call.

    Raises
    ------
    AlertConfigError
        Termux:API is not there.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._channel(BuzzPattern())

    def buzz(self, pattern: BuzzPattern) -> None:
        """Give the pulses of the pattern, with its usual pause between them; returns when the last one was started.

        Raises
        ------
        PortError
            The program failed.
        """
        try:
            self._channel(pattern).send(_event("spoof", "test of the buzz", ""))
        except DeliveryError as error:
            raise PortError(f"termux-vibrate failed: {error}; open the app Termux:API once and try again") from error

    def cancel(self) -> None:
        """Nothing: what was started ends by itself within a pulse."""

    def _channel(self, pattern: BuzzPattern) -> TermuxVibrateChannel:
        steps = zip(pattern.timings_ms, pattern.amplitudes, strict=True)
        pauses = [timing for timing, amplitude in steps if not amplitude]
        settings = TermuxVibrateSettings(
            timeout_s=PROGRAM_TIMEOUT_S,
            pulses_ms=tuple(pattern.pulses_ms()),
            pause_ms=statistics.median_low(pauses) if pauses else 0,
        )
        return TermuxVibrateChannel(settings, ChannelContext(self._environment))


class TermuxNotifier:
    """`termux-notification` as the notice.

    Raises
    ------
    AlertConfigError
        Termux:API is not there.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._channel = TermuxNotifyChannel(ChannelSettings(timeout_s=PROGRAM_TIMEOUT_S), ChannelContext(environment))

    def show(self, notice: dict[str, Any]) -> None:
        """Show it; one of the same kind and call is replaced.

        Raises
        ------
        PortError
            The program failed.
        """
        try:
            self._channel.send(_event(notice["kind"], notice["call"], notice["text"]))
        except DeliveryError as error:
            raise PortError(f"termux-notification failed: {error}; allow Termux:API to notify") from error


def recorder_folders(storage: Path) -> list[Path]:
    """Those of `RECORDERS` that this phone has."""
    return [storage / name for name in RECORDERS if (storage / name).is_dir()]


def _event(kind: str, call: str, text: str) -> AlertEvent:
    identity = new_event_id(f"{kind} {call}")
    return AlertEvent(id=identity, kind=_KINDS[kind], time_s=time.time(), source=call, note=text)


def _storage(given: Path | None) -> Path:
    storage = given or Path.home() / "storage" / "shared"
    if not storage.is_dir():
        raise BridgeError(
            f"{storage}: no such folder; expected the phone's shared storage: run termux-setup-storage and allow it"
        )
    return storage


class _Group(click.Group):
    """Prints the project's own errors as one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EdgeError as error:
            raise click.ClickException(str(error)) from error


_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
_storage_option = click.option(
    "--storage",
    type=click.Path(path_type=Path),
    help="The phone's shared storage.  [default: ~/storage/shared]",
)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
def main() -> None:
    """Guard calls from Termux: feel the buzz, find the dialler's recordings, score each new one."""


@main.command()
@_json_option
def buzz(as_json: bool) -> None:
    """Vibrate and notify once, as for an alarm, so that you know what it is like.

    Example: python -m android_bridge.adapters.termux buzz

    Exit codes: 0 done; 1 Termux:API is missing or failed.
    """
    pattern = BuzzPattern()
    buzzer, notifier = TermuxBuzzer(os.environ), TermuxNotifier(os.environ)
    buzzer.buzz(pattern)
    notifier.show({**notice("spoof", "test"), "text": f"Only a test. {NOTICES['spoof'][1]}"})
    pulses = list(pattern.pulses_ms())
    click.echo(json.dumps({"pulses_ms": pulses}) if as_json else f"vibrated in {len(pulses)} pulses and notified")


@main.command()
@_storage_option
@_json_option
def folders(storage: Path | None, as_json: bool) -> None:
    """Show the folders where this phone's dialler may put recordings.

    Example: python -m android_bridge.adapters.termux folders

    Exit codes: 0 some were found; 1 none, or the storage cannot be reached.
    """
    for folder in _found(storage):
        click.echo(json.dumps({"folder": str(folder)}) if as_json else str(folder))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@_storage_option
def watch(options: tuple[str, ...], storage: Path | None) -> None:
    """Score each new recording of a call and alert; OPTIONS, further folders too, go to `edge watch`.

    Example: python -m android_bridge.adapters.termux watch --settle-s 5

    Exit codes: those of `edge watch`; 1 when no folder of recordings is found.
    """
    command = [sys.executable, "-m", "edge", "watch", *options]
    # A folder that the user names stands for all.
    if not any(os.path.isdir(option) for option in options):
        command += [str(folder) for folder in _found(storage)]
    sys.exit(subprocess.run(command, check=False).returncode)


def _found(storage: Path | None) -> list[Path]:
    place = _storage(storage)
    found = recorder_folders(place)
    if not found:
        raise BridgeError(
            f"{place}: no folder of call recordings; expected one of {', '.join(RECORDERS)}: "
            "switch recording on in the dialler and record one call, or name the folder: watch FOLDER"
        )
    return found


if __name__ == "__main__":
    main(prog_name="python -m android_bridge.adapters.termux")
