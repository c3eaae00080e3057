"""`workbench tune`: search over configurations. Heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from workbench.cli.options import OutputFile

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--bonafide", type=_FOLDER, help="Folder of recordings of real people.")
@click.option("--spoof", type=_FOLDER, help="Folder of synthetic speech.")
@click.option(
    "--manifest",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Manifest (TSV) instead of two folders.",
)
@click.option("--noise", type=_FOLDER, help="Folder of background noise to mix in.")
@click.option(
    "--config", help="The configuration to start from: a TOML file, or a shipped one by name.  [default: tcn]"
)
@click.option("--space", default="space", help="The search space: a TOML file; 'space' is the shipped one.")
@click.option("--study", default="tune", help="Name of the search; the same name goes on with it.")
@click.option(
    "--storage",
    default="sqlite:///runs/tune.db",
    help="SQLAlchemy URL of the storage that all machines of a search share.",
)
@click.option(
    "--runs",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/tune"),
    help="Folder for the trials' run folders.",
)
@click.option(
    "--objective",
    type=click.Choice(["selection", "auc"]),
    default="selection",
    help="Mean dev EER over all and over paired clips, or the mean AUC.",
)
@click.option("--seeds", type=click.IntRange(1), default=1, help="Runs a trial; their median counts.")
@click.option("--trials", type=click.IntRange(1), help="End when the study holds so many.  [default: no end]")
@click.option("--timeout", "timeout_s", type=click.FloatRange(0, min_open=True), help="Begin no trial after (s).")
@click.option(
    "--pruner",
    type=click.Choice(["median", "hyperband", "none"]),
    default="median",
    help="Which trials are ended early.",
)
@click.option("--jobs", type=click.IntRange(1), default=1, help="Trials at a time, each a process.")
@click.option("--sampler-seed", type=int, help="Seed of the draws, which only one job can repeat.  [default: random]")
@click.option("--epochs", type=click.IntRange(1), help="Epochs at most.  [default: from the configuration]")
@click.option("--steps-per-epoch", type=click.IntRange(1), help="Batches an epoch.  [default: from the configuration]")
@click.option("--batch-size", type=click.IntRange(2), help="Clips a batch.  [default: from the configuration]")
@click.option("--seed", type=int, help="Seed of a trial's first run.  [default: from the configuration]")
@click.option("--best", "only_best", is_flag=True, help="Train nothing; show the best trial so far.")
@click.option(
    "--write",
    type=OutputFile(),
    help="Write the best trial's configuration there, as TOML for `workbench train --config`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the best trial as one JSON object.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path.home() / ".cache" / "bonafone",
    show_default="~/.cache/bonafone",
    help="Folder for decoded audio.",
)
def tune(only_best: bool, write: Path | None, as_json: bool, jobs: int, **options: Any) -> None:
    """Search over configurations; trials, pruned or finished, are kept, and a killed search goes on.

    Example: workbench tune --manifest corpus/manifest.tsv --trials 40 --seeds 3 --write best.toml
    """
    storage, study = options["storage"], options["study"]
    failed = 0
    if not only_best:
        from workbench.models.quiet_tensorflow import load_tensorflow

        load_tensorflow()
        from workbench.tune.commands import TuneOptions, run_tuning

        data = {name: options.pop(name) for name in ("manifest", "bonafide", "spoof", "noise")}
        train = {name: options.pop(name) for name in ("epochs", "steps_per_epoch", "batch_size", "seed")}
        failed = run_tuning(TuneOptions(data=data, train=train, **options), jobs)
    from workbench.tune.best import find_best, write_best

    summary, config = find_best(storage, study)
    if write is not None:
        write_best(write, summary, config)
    click.echo(json.dumps(summary) if as_json else _text(summary, write))
    if failed:
        raise click.ClickException(f"{failed} trials failed; the same command tries them again")


def _text(summary: dict[str, Any], written: Path | None) -> str:
    from workbench.config import flatten, short_text

    counts = summary["trials"]
    following = f"; next: workbench train --config {written}" if written else ""
    return (
        f"{summary['study']}: {counts['complete']} trials finished, "
        f"{counts['pruned']} pruned, {counts['fail']} failed\n"
        f"best is trial {summary['trial']}: {summary['objective']} {summary['value']:.4f}, "
        f"{short_text(flatten(summary['values']))}{following}"
    )
