"""`edge listen`: options to settings, then one call. NumPy and the rest are imported inside."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from edge.cli import EXIT_FAIL_ON, EXIT_FAILED, json_option, model_option

if TYPE_CHECKING:
    from edge.alerts.settings import AlertSettings
    from edge.live.settings import ListenSettings


@click.command()
@click.option(
    "--source",
    metavar="SOURCE",
    help="mic, mic:NAME, cmd:COMMAND, - (PCM on standard input), file:PATH, rtp://[HOST]:PORT or "
    "audiosocket://[HOST]:PORT.  [default: mic]",
)
@click.option("--config", metavar="FILE", help="A bonafone.toml.  [default: the user's, then the system's]")
@model_option
@click.option(
    "--operating-point",
    type=click.Choice(["cautious", "balanced", "quiet"]),
    help="How easily it alarms, cautious most.  [default: balanced]",
)
@click.option("--pace", type=float, metavar="X", help="Speed of file:, times real time, or inf.  [default: 1]")
@click.option("--rate", type=int, metavar="HZ", help="Sample rate of cmd: and -.  [default: 16000]")
@click.option(
    "--encoding",
    metavar="NAME",
    help="Samples of cmd: and -: s16le, s32le, f32le, u8, mulaw or alaw.  [default: s16le]",
)
@click.option("--channels", type=int, metavar="N", help="Interleaved channels of cmd: and -.  [default: 1]")
@click.option(
    "--channel",
    metavar="WHICH",
    help="Of cmd:, - and file:, the channel to score: mix, left, right or a number from 1.  [default: mix]",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Answer Prometheus at this port of 127.0.0.1; 0 takes a free one.  [default: no port]",
)
@click.option("--clips", metavar="DIR", help="Keep the audio around alarms in this folder.  [default: nothing is kept]")
@click.option("--fail-on", type=click.Choice(["spoof"]), help="Exit with 3 if there was an alarm about a voice.")
@json_option
def listen(
    config: str | None, pace: float | None, fail_on: str | None, as_json: bool, clips: str | None, **options: Any
) -> None:
    """Listen to live calls, show how real the voice is, and raise alerts.

    Options win over the table [listen] of the configuration; [alerts] names the alert channels. It listens until the
    source ends, or until Ctrl-C.

    Example: edge listen --source rtp://:5004?allow=10.0.0.5

    Exit codes: 0 the source ended, or Ctrl-C or SIGTERM came; 1 the source failed, cannot be opened, or an alert was
    lost; 2 misuse, a wrong configuration, or a model that cannot be used; 3 with --fail-on spoof, a spoof was found.
    """
    from edge.live.listen import listen as run

    given = {name: value for name, value in options.items() if value is not None}
    if clips is not None:
        given |= {"clips": True, "clips_folder": clips}
    settings, alerts = _settings(config, given)
    _check_options(settings.source, given, pace)
    outcome = run(settings, alerts, pace=1.0 if pace is None else pace, as_json=as_json)
    if fail_on and outcome.spoof_found:
        sys.exit(EXIT_FAIL_ON)
    sys.exit(0 if outcome.ended_well else EXIT_FAILED)


def _settings(config: str | None, given: dict[str, Any]) -> tuple[ListenSettings, AlertSettings]:
    """The settings of the file, with the options that were given in their place."""
    from edge.alerts.settings import settings_from_table
    from edge.live.settings import ListenSettings
    from edge.settings import build_settings, find_config, read_config

    path = find_config(config, os.environ)
    tables = read_config(path)
    listening = tables.get("listen", {})
    # Checked by itself, so that an error of the file is reported as one, and not hidden by an option.
    build_settings(ListenSettings, listening, f"{path}: listen")
    settings = build_settings(ListenSettings, {**listening, **given}, "listen")
    return settings, settings_from_table(tables.get("alerts", {}), f"{path}: alerts")


def _check_options(source: str, given: dict[str, Any], pace: float | None) -> None:
    """Refuse options that the source has no use for: they were meant for another one."""
    from edge.service.source_address import SourceAddress

    address = SourceAddress.parse(source)
    is_file = address.kind == "file"
    if pace is not None and not is_file:
        raise click.UsageError(f"--pace is for a recording; write --source file:PATH, not {source}")
    for name in ("rate", "encoding", "channels"):
        if name in given and not address.is_pcm:
            raise click.UsageError(f"--{name} is for bare PCM, cmd: and -; {source} carries it")
    if "channel" in given and not (address.is_pcm or is_file):
        raise click.UsageError(f"--channel is for file:, cmd: and -; {source} has one channel a stream")
