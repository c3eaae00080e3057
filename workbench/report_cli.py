"""`workbench evaluate` and `workbench card`; heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("model", type=_FILE)
@click.option("--manifest", required=True, type=_FILE, help="Manifest of the clips to score.")
@click.option("--split", type=click.Choice(["train", "dev", "test"]), default="dev", help="Which part of it.")
@click.option("--apart", multiple=True, metavar="SOURCE", help="A source to report apart; may be repeated.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Keep the report there as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def evaluate(
    model: Path, manifest: Path, split: str, apart: tuple[str, ...], output: Path | None, as_json: bool
) -> None:
    """Score a split through the runtime that ships and print the error rates by group.

    Example: workbench evaluate first.tflite --manifest corpus/manifest.tsv --split dev
    """
    from workbench.report import text_table, write_report
    from workbench.report_files import run_evaluation

    report = run_evaluation(model, manifest, split, apart)
    if output is not None:
        write_report(report, output)
    click.echo(json.dumps(report) if as_json else text_table(report))


@click.command()
@click.argument("model", type=_FILE)
@click.option(
    "--report", "reports", multiple=True, required=True, type=_FILE, help="Report of this model; may be repeated."
)
@click.option("--baseline", "baselines", multiple=True, type=_FILE, help="Report of another model to compare with.")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The card, with markers."
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the card's figures differ.")
def card(model: Path, reports: tuple[Path, ...], baselines: tuple[Path, ...], output: Path, check: bool) -> None:
    """Put the figures of reports into a model card, between its markers; the words around them are yours.

    Example: workbench card first.tflite --report dev.json --report test.json -o first.md
    """
    from workbench.report_files import run_card

    if run_card(model, reports, baselines, output, check=check):
        click.echo(f"{output}: {'differs from its reports' if check else 'written'}")
        if check:
            raise click.exceptions.Exit(1)
    else:
        click.echo(f"{output}: up to date")
