"""`workbench train`. Heavy imports stay inside, so that --help and refusals are instant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from workbench.cli.options import cache_option, data_fields, data_options, schedule_options


@click.command()
@data_options
@click.option(
    "--config",
    help="TOML configuration: a file, or a shipped one by name: patches, encoder, fusion, tcn, dessa, asvspoof2019.  "
    "[default: tcn]",
)
@click.option(
    "--run",
    "run_path",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/tcn"),
    help="Run folder; resumed if it exists.",
)
@click.option(
    "--branch",
    "branches",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Run folder of a branch, for a fusion: one of patches, one or several of the encoder (averaged).",
)
@schedule_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@cache_option
def train(
    bonafide: Path | None,
    spoof: Path | None,
    manifests: tuple[Path, ...],
    config: str | None,
    run_path: Path,
    noise: Path | None,
    cache: Path,
    as_json: bool,
    branches: tuple[Path, ...],
    **options: Any,
) -> None:
    """Train a detector and leave a run folder. The data are given by options, or by the configuration's [data].

    Example: workbench train --bonafide real/ --spoof fake/ --run runs/first
    """
    from workbench.data.leaks import describe_overlap
    from workbench.train.inputs import create_run, read_inputs

    data = data_fields(bonafide, spoof, manifests, noise)
    inputs = read_inputs(data, config, {**options, "branches": tuple(map(str, branches)) or None})
    for warning in describe_overlap(inputs.manifest):
        click.echo(f"Warning: {warning}", err=True)
    folder = create_run(inputs, run_path)

    from workbench.models.quiet_tensorflow import load_tensorflow

    load_tensorflow()
    from workbench.train.training import run_training

    result = run_training(inputs, folder, cache)
    click.echo(json.dumps(result) if as_json else _training_text(result))


def _training_text(result: dict[str, Any]) -> str:
    return (
        f"{result['run']}: {result['epochs']} epochs, best dev EER {100 * result['best_dev_eer']:.1f} % "
        f"(epoch {result['best_epoch']}); next: workbench quantize {result['run']}"
    )
