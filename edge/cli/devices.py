"""`edge devices`: the microphones, by the names that stay."""

from __future__ import annotations

import json
import os

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def devices(as_json: bool) -> None:
    """List the devices that record, each as --source takes it.

    A device is opened at its own rate, and one channel of it is heard. Names stay when something is plugged in;
    ALSA's numbers do not, and are left out.

    Example: edge devices

    Exit codes: 0 done; 1 none records, or sounddevice or PortAudio is not installed.
    """
    from edge.doctor.sound import alike, json_facts, list_inputs, look_around, text_table, why_none
    from edge.native_stderr import hold_stderr
    from edge.sources.events import SourceOpenError

    # ALSA complains there about every sound card that it does not find.
    with hold_stderr():
        found = list_inputs()
    if not found:
        reason, cure = why_none(look_around(os.environ))
        raise SourceOpenError(f"no microphone: {reason}; {cure}")
    for line in [json.dumps(json_facts(device)) for device in found] if as_json else text_table(found):
        click.echo(line)
    for name in alike(found):
        click.echo(f"several devices are called {name!r}, and only the first can be chosen by name", err=True)
