"""`workbench calibrate`; heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from workbench.cli.options import OutputFile

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUT = OutputFile()
_NAMES = ("cautious", "balanced", "quiet")


def call_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of which calls to score, shared with the tool that measures what ships."""
    options = (
        click.option("--manifest", required=True, type=_FILE, help="Manifest of clips of both labels."),
        click.option("--split", type=click.Choice(["train", "dev", "test"]), default="dev", help="Which part of it."),
        click.option(
            "--genuine",
            multiple=True,
            type=_FILE,
            help="Manifest of further real people, taken whole; may be repeated.",
        ),
        click.option(
            "--transmission",
            "transmissions",
            multiple=True,
            metavar="NAME",
            help="Pass every call through it; may be repeated.  [default: clean, telephone and five more]",
        ),
        click.option(
            "--before",
            "before_s",
            type=click.FloatRange(0, 60, max_open=True),
            default=30.0,
            help="Seconds of a real person before the fake voice; 0: fake from the start.",
        ),
        click.option("--jobs", type=click.IntRange(1), default=1, help="Processes that score."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _parse_rates(_context: click.Context, _option: click.Parameter, value: str) -> tuple[float, ...]:
    try:
        rates = tuple(float(part) for part in value.split(","))
    except ValueError:
        rates = ()
    falling = list(rates) == sorted(rates, reverse=True)
    if len(rates) != len(_NAMES) or not falling or not all(math.isfinite(rate) and rate > 0 for rate in rates):
        raise click.BadParameter(
            f"expected {len(_NAMES)} numbers above 0 split by commas, none above the one before, for "
            f"{', '.join(_NAMES)}; got {value!r}"
        )
    return rates


@click.command()
@click.argument("model", type=_FILE)
@call_options
@click.option(
    "--false-alarms",
    "rates",
    callback=_parse_rates,
    default="6,1,0.2",
    metavar="LIST",
    help="Alarms that cautious, balanced and quiet may raise in an hour of genuine speech.",
)
@click.option("-o", "--output", type=_OUTPUT, help="Write the model there.  [default: in its place]")
@click.option("--report", type=_OUTPUT, help="Keep what was measured there as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as one JSON object.")
def calibrate(
    model: Path,
    manifest: Path,
    split: str,
    rates: tuple[float, ...],
    output: Path | None,
    report: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Choose how live calls are decided, and write that into the model: `edge listen` needs it.

    Clips are joined to calls: of real people, and such that a fake voice comes in. The command picks the smoothing and
    hold time that detect a fake voice soonest at the given rates of false alarms. A point alarms on all that a stricter
    one alarms on. What is stated of it was measured on sources that it was not chosen on.

    Example: workbench calibrate first.tflite --manifest corpus/manifest.tsv
    """
    from workbench.live.calibrate import calibrate_live
    from workbench.live.text import live_text
    from workbench.report.report import write_report

    measured = calibrate_live(
        model, manifest, split, given_options(options), dict(zip(_NAMES, rates, strict=True)), output=output
    )
    if report is not None:
        write_report(measured, report)
    click.echo(json.dumps(measured) if as_json else f"{live_text(measured)}\n\nwritten into {measured['output']}")


def given_options(options: dict[str, Any]) -> Any:
    """The `workbench.live.calibrate.CallOptions` of a command line."""
    from workbench.live.calibrate import LIVE_TRANSMISSIONS, CallOptions

    return CallOptions(**{**options, "transmissions": options["transmissions"] or LIVE_TRANSMISSIONS})
