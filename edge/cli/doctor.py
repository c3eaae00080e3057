"""`edge doctor`: look at everything that live listening needs, and say what to do."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge.doctor.finding import Finding

_COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "problem": "red"}
EXIT_PROBLEM = 1


@click.command()
@click.option(
    "--source",
    metavar="SOURCE",
    help="What to listen to: mic, mic:NAME, cmd:COMMAND, -, file:PATH, rtp://:PORT, audiosocket://:PORT.  "
    "[default: the configuration's, or mic]",
)
@click.option("--seconds", type=click.FloatRange(0.5, 60.0), default=3.0, help="Seconds of audio to hear.")
@click.option("--config", type=click.Path(path_type=Path), help="The configuration.  [default: where it is looked for]")
@click.option("--model", help="A .tflite, or a shipped model by name.  [default: the newest shipped]")
@click.option("--no-audio", is_flag=True, help="Open no source.")
@click.option("--send", is_flag=True, help="Send a test over every alert channel that is on, as edge alerts test does.")
@click.option("--rate", type=int, metavar="HZ", help="Of cmd: and - alone.  [default: 16000]")
@click.option("--encoding", metavar="NAME", help="s16le, s32le, f32le, u8, mulaw or alaw.  [default: s16le]")
@click.option("--channels", type=int, metavar="N", help="Interleaved channels.  [default: 1]")
@click.option("--channel", metavar="WHICH", help="Which one is heard: mix, left, right or a number.  [default: mix]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def doctor(
    source: str | None,
    seconds: float,
    config: Path | None,
    model: str | None,
    no_audio: bool,
    send: bool,
    as_json: bool,
    **pcm: Any,
) -> None:
    """Look at runtime, model, source, configuration and alerts, and say what to do.

    Speak while it listens. Nothing is stored, and no alert is sent without --send. The worst findings come last.

    Example: edge doctor --source mic

    Exit codes: 0 no problem, though there may be warnings; 1 a problem; 2 misuse.
    """
    if math.isnan(seconds):
        raise click.BadParameter("expected 0.5 to 60", param_hint="--seconds")
    from edge.doctor.examination import Bedside, Plan, examine
    from edge.doctor.finding import json_line, summary, worst_last
    from edge.native_stderr import hold_stderr

    given = {name: value for name, value in pcm.items() if value is not None}
    plan = Plan(source, seconds, config, model, audio=not no_audio, send=send, pcm=given)
    found = worst_last(examine(plan, Bedside(os.environ, sys.stderr, _tell, hold_stderr)))
    _tell("")
    if as_json:
        click.echo("\n".join(map(json_line, found)))
    else:
        _print(found)
        click.echo(summary(found))
    sys.exit(EXIT_PROBLEM if any(finding.level == "problem" for finding in found) else 0)


def _print(found: list[Finding]) -> None:
    from edge.doctor.finding import text_lines

    # None lets click ask the terminal.
    colour = False if os.environ.get("NO_COLOR") else None
    width = max(len(finding.check) for finding in found)
    for finding in found:
        level, seen, advice = text_lines(finding, check_width=width)
        click.echo(f"{click.style(level, fg=_COLOURS[finding.level])}  {seen}", color=colour)
        if advice:
            click.echo(advice)


def _tell(text: str) -> None:
    """One line on stderr that the next one replaces; nothing where stderr is no terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(f"\r\x1b[2K{text}", nl=False, err=True)
