"""`edge devices`: the microphones, by names that stay when something is plugged in."""

from __future__ import annotations

import json
import os
import shlex
from collections import Counter
from typing import TYPE_CHECKING

import click

from edge.cli import json_option

if TYPE_CHECKING:
    from edge.sources.microphone import InputDevice


@click.command()
@json_option
def devices(as_json: bool) -> None:
    """List the devices that record, each as --source names it.

    A device is opened at its own rate, and one channel of it is used. Names stay when something is plugged in;
    ALSA's numbers do not, and are left out.

    Example: edge devices

    Exit codes: 0 done; 1 none records, or sounddevice or PortAudio is not installed.
    """
    from edge.doctor.source import SoundFacts, why_no_microphone
    from edge.native_stderr import hold_stderr
    from edge.sources.events import SourceOpenError
    from edge.sources.microphone import PortAudio
    from edge.tables import columns

    # ALSA complains there about every sound card that it does not find.
    with hold_stderr():
        found = PortAudio().devices()
    if not found:
        reason, advice = why_no_microphone(SoundFacts.read(os.environ))
        raise SourceOpenError(f"no microphone: {reason}; {advice}")
    lines = [_json(device) for device in found] if as_json else columns([_HEADER, *map(_row, found)])
    click.echo("\n".join(lines))
    counts = Counter((device.host, device.name) for device in found)
    for name in sorted({name for (_, name), count in counts.items() if count > 1}):
        click.echo(f"several devices are called {name!r}, and only the first can be chosen by name", err=True)


_HEADER = ("--source", "host", "channels", "rate", "")


def _row(device: InputDevice) -> tuple[str, ...]:
    # The first column can be pasted into a shell.
    mark = "default" if device.is_default else ""
    source = shlex.quote(f"mic:{device.name}")
    return source, device.host, str(device.channels), f"{device.sample_rate} Hz", mark


def _json(device: InputDevice) -> str:
    return json.dumps(
        {
            "source": f"mic:{device.name}",
            "name": device.name,
            "host": device.host,
            "channels": device.channels,
            "sample_rate_hz": device.sample_rate,
            "is_default": device.is_default,
        }
    )
