"""`workbench tune`: search over configurations. Heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from workbench.cli.options import OutputFile, cache_option, data_fields, data_options, schedule_options


@click.command()
@data_options
@click.option(
    "--config", help="The configuration to start from: a TOML file, or a shipped one by name.  [default: tcn]"
)
@click.option("--space", default="space", help="The search space: a TOML file; 'space' is the shipped one.")
@click.option("--study", default="tune", help="Name of the search; the same name resumes it.")
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
@click.option(
    "--trials",
    type=click.IntRange(1),
    help="End when the study holds so many, pruned ones included.  [default: no end]",
)
@click.option("--timeout", "timeout_s", type=click.FloatRange(0, min_open=True), help="Start no trial after (s).")
@click.option(
    "--pruner",
    type=click.Choice(["median", "hyperband", "none"]),
    default="median",
    help="Which trials are ended early.",
)
@click.option("--jobs", type=click.IntRange(1), default=1, help="Trials at a time, each a process.")
@click.option("--sampler-seed", type=int, help="Seed of the draws, which only one job can repeat.  [default: random]")
@schedule_options
@click.option("--best", "only_best", is_flag=True, help="Train nothing; show the best trial so far.")
@click.option(
    "--write",
    type=OutputFile(),
    help="Write the best trial's configuration there, as TOML for `workbench train --config`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the best trial as one JSON object.")
@cache_option
def tune(
    bonafide: Path | None,
    spoof: Path | None,
    manifests: tuple[Path, ...],
    noise: Path | None,
    config: str | None,
    space: str,
    study: str,
    storage: str,
    folder: Path,
    objective: str,
    seeds: int,
    trials: int | None,
    timeout_s: float | None,
    pruner: str,
    jobs: int,
    sampler_seed: int | None,
    only_best: bool,
    write: Path | None,
    as_json: bool,
    cache: Path,
    **options: Any,
) -> None:
    """Search over configurations; trials are stored as they end, and the same command resumes a killed search.

    Example: workbench tune --manifest corpus/manifest.tsv --trials 40 --seeds 3 --write best.toml
    """
    from workbench.train.inputs import read_inputs
    from workbench.tune.search import Search, find_best, write_best
    from workbench.tune.search import tune as run_search
    from workbench.tune.search_space import load_space

    if not only_best:
        inputs = read_inputs(data_fields(bonafide, spoof, manifests, noise), config, options)
        search = Search(
            inputs, load_space(space, inputs.config), objective, seeds, study, storage, folder / study, pruner
        )

        from workbench.models.quiet_tensorflow import load_tensorflow

        load_tensorflow()
        run_search(search, cache, jobs, trials, timeout_s, sampler_seed)
    summary, found = find_best(storage, study)
    if write is not None:
        write_best(write, summary, found)
    click.echo(json.dumps(summary) if as_json else _text(summary, write))
    if not only_best and summary["trials"]["fail"]:
        raise click.ClickException(f"{summary['trials']['fail']} trials failed")


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
