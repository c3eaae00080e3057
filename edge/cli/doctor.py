"""`edge doctor`: check everything that live listening needs, and say what to do."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.cli import EXIT_FAILED, json_option, model_option, on_terminal

if TYPE_CHECKING:
    from edge.doctor.checks import Finding, Reader
    from edge.live.settings import ListenSettings

_COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "problem": "red"}


@click.command()
@click.option(
    "--source",
    metavar="SOURCE",
    help="The source to examine: mic, mic:NAME, cmd:COMMAND, -, file:PATH, rtp://:PORT, audiosocket://:PORT.  "
    "[default: the configuration's, or mic]",
)
@click.option("--seconds", type=click.FloatRange(0.5, 60.0), default=3.0, help="Seconds of audio to record.")
@click.option("--config", type=click.Path(path_type=Path), help="The configuration.  [default: where it is looked for]")
@model_option
@click.option("--no-audio", is_flag=True, help="Open no source.")
@click.option("--send", is_flag=True, help="Send a test over every alert channel that is on, as edge alerts test does.")
@click.option("--rate", type=int, metavar="HZ", help="Of cmd: and - alone.  [default: 16000]")
@click.option("--encoding", metavar="NAME", help="s16le, s32le, f32le, u8, mulaw or alaw.  [default: s16le]")
@click.option("--channels", type=int, metavar="N", help="Interleaved channels.  [default: 1]")
@click.option("--channel", metavar="WHICH", help="Which one is used: mix, left, right or a number.  [default: mix]")
@json_option
def doctor(seconds: float, config: Path | None, no_audio: bool, send: bool, as_json: bool, **listen: Any) -> None:
    """Check what listening needs, and say what to do.

    It looks at runtime, model, source, configuration and alerts.

    Speak while it listens. Nothing is stored, and no alert is sent without --send. The worst findings come last.

    Example: edge doctor --source mic

    Exit codes: 0 no problem, though there may be warnings; 1 a problem; 2 misuse.
    """
    if math.isnan(seconds):
        raise click.BadParameter("expected 0.5 to 60", param_hint="--seconds")
    from edge.doctor.checks import summary, worst_last
    from edge.doctor.examine import Plan, examine

    plan = Plan(
        listen=partial(_listen_settings, {name: value for name, value in listen.items() if value not in (None, "")}),
        environment=os.environ,
        terminal=sys.stderr,
        has_source=bool(listen["source"]),
        seconds=seconds,
        config=config,
        audio=not no_audio,
        send=send,
        readers=_readers(),
        progress=_show_progress,
    )
    found = worst_last(examine(plan))
    _show_progress("")
    if as_json:
        click.echo("\n".join(finding.json_line() for finding in found))
    else:
        _print(found)
        click.echo(summary(found))
    sys.exit(EXIT_FAILED if any(finding.level == "problem" for finding in found) else 0)


def _readers() -> dict[str, Reader]:
    """How each command reads its table of the configuration."""
    from edge.alerts.settings import settings_from_table
    from edge.live.settings import ListenSettings
    from edge.settings import build_settings
    from edge.watch.settings import WatchSettings

    return {
        "alerts": settings_from_table,
        "listen": partial(build_settings, ListenSettings),
        "watch": partial(build_settings, WatchSettings),
    }


def _listen_settings(given: Mapping[str, Any], table: Mapping[str, Any]) -> ListenSettings:
    from edge.live.settings import ListenSettings
    from edge.settings import build_settings

    return replace(build_settings(ListenSettings, table, "listen"), **given)


def _print(found: list[Finding]) -> None:
    # None lets click ask the terminal.
    colour = False if os.environ.get("NO_COLOR") else None
    level_width, width = max(map(len, _COLOURS)), max(len(finding.check) for finding in found)
    for finding in found:
        level = click.style(finding.level.ljust(level_width), fg=_COLOURS[finding.level])
        click.echo(f"{level}  {finding.check.ljust(width)}  {finding.seen}", color=colour)
        if finding.advice:
            click.echo(f"{' ' * (level_width + width + 4)}→ {finding.advice}")


def _show_progress(text: str) -> None:
    """Write one line on stderr that the next one replaces; nothing where stderr is no terminal."""
    if on_terminal(sys.stderr):
        click.echo(f"\r\x1b[2K{text}", nl=False, err=True)
