"""`workbench evaluate`, `report` and `card`; heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from workbench.cli.options import OutputFile

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUT = OutputFile()


_SECONDS = "1,2,4,8"


def _parse_seconds(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[float, ...]:
    try:
        found = sorted({float(part) for part in value.split(",")}) if value else []
    except ValueError:
        found = [0.0]
    if any(not 0.0 < seconds <= 600.0 for seconds in found):
        raise click.BadParameter(f"expected seconds above 0 split by commas, as {_SECONDS}; got {value!r}")
    return tuple(found)


def _parse_axes(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = tuple(part.strip() for part in value.split(",")) if value else ()
    unknown = [name for name in names if name not in AXIS_NAMES]
    if unknown:
        raise click.BadParameter(f"expected some of {', '.join(AXIS_NAMES)}, split by commas; got {value!r}")
    return names


AXIS_NAMES = ("attack", "source", "language", "duration", "snr", "codec", "rate")
"""As `workbench.evaluate.groups.AXES`; kept here too, so that --help need not load NumPy."""


def _measured(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of what to measure, which `evaluate` and `report` share."""
    options = (
        click.option("--manifest", required=True, type=_FILE, help="Manifest of the clips to score."),
        click.option("--split", type=click.Choice(["train", "dev", "test"]), default="dev", help="Which part of it."),
        click.option("--apart", multiple=True, metavar="SOURCE", help="A source to report apart; may be repeated."),
        click.option(
            "--transmission",
            "transmissions",
            multiple=True,
            metavar="NAME",
            help="Score every clip through it too (workbench augment --list names them); may be repeated.",
        ),
        click.option(
            "--seconds",
            callback=_parse_seconds,
            metavar="LIST",
            help=f"Also at these lengths of speech, such as {_SECONDS}, all on the same recordings; short clips are "
            "joined.",
        ),
        click.option("--asv-scores", type=_FILE, help="A verifier's scores, as ASVspoof 2019: adds min t-DCF."),
        click.option("--seed", type=click.IntRange(0), default=0, help="Seed of what the transmissions draw."),
        click.option("--jobs", type=click.IntRange(1), default=1, help="Processes that score."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("model", type=_FILE)
@_measured
@click.option(
    "--by",
    callback=_parse_axes,
    metavar="LIST",
    help=f"Print the figures by these too, split by commas: {', '.join(AXIS_NAMES)}. The JSON has them all.",
)
@click.option("--trials", type=_OUTPUT, help="Keep the score of every clip there, tab-separated.")
@click.option("-o", "--output", type=_OUTPUT, help="Keep the report there as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def evaluate(
    model: Path,
    manifest: Path,
    split: str,
    by: tuple[str, ...],
    trials: Path | None,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Score a split through the runtime that ships and print the error rates by group.

    Example: workbench evaluate first.tflite --manifest corpus/manifest.tsv --transmission telephone --by attack
    """
    from workbench.report.report import EvaluationOptions, run_evaluation, write_report, write_trials
    from workbench.report.text import text_report

    found = run_evaluation(model, manifest, split, EvaluationOptions(**options))
    if output is not None:
        write_report(found.report, output)
    if trials is not None:
        write_trials([*found.trials, *found.cut], trials)
    click.echo(json.dumps(found.report) if as_json else text_report(found.report, by))


@click.command()
@click.argument("model", type=_FILE)
@click.option("--against", type=_FILE, help="Another .tflite to compare with on the same clips.")
@_measured
@click.option("--gallery", type=click.IntRange(0, 50), default=6, help="Worst errors to show of each class.")
@click.option("--no-audio", is_flag=True, help="Leave the recordings out: with them the page is not to be published.")
@click.option("-o", "--output", type=_OUTPUT, default=Path("report.html"), help="The page to write.")
def report(
    model: Path,
    against: Path | None,
    manifest: Path,
    split: str,
    gallery: int,
    no_audio: bool,
    output: Path,
    **options: Any,
) -> None:
    """Make one HTML page of an evaluation: figures, curves, and the worst errors to look at and listen to.

    The page needs no network and no other file.

    Example: workbench report first.tflite --manifest corpus/manifest.tsv --transmission telephone -o report.html
    """
    from workbench.data.atomic_file import write_atomically
    from workbench.report.page import run_report
    from workbench.report.report import EvaluationOptions

    page = run_report(
        model, against, manifest, split, EvaluationOptions(**options), gallery=gallery, with_audio=not no_audio
    )
    write_atomically(output, page)
    audio = "" if no_audio or not gallery else "; it holds recordings of the corpus, do not publish it"
    click.echo(f"{output}: {len(page.encode()) / 1e6:.1f} MB{audio}")


@click.command()
@click.argument("model", type=_FILE)
@click.option(
    "--report", "reports", multiple=True, required=True, type=_FILE, help="Report of this model; may be repeated."
)
@click.option("--baseline", "baselines", multiple=True, type=_FILE, help="Report of another model to compare with.")
@click.option("--live", multiple=True, type=_FILE, help="What the operating points cost; may be repeated.")
@click.option("-o", "--output", required=True, type=_OUTPUT, help="The card, with markers.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the card's figures differ.")
def card(
    model: Path,
    reports: tuple[Path, ...],
    baselines: tuple[Path, ...],
    live: tuple[Path, ...],
    output: Path,
    check: bool,
) -> None:
    """Put the figures of reports into a model card, between its markers; the words around them are yours.

    Example: workbench card first.tflite --report dev.json --report test.json -o first.md
    """
    from workbench.report.card import run_card

    if run_card(model, reports, baselines, output, check=check, live=live):
        click.echo(f"{output}: {'differs from its reports' if check else 'written'}")
        if check:
            raise click.exceptions.Exit(1)
    else:
        click.echo(f"{output}: up to date")
