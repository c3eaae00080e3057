"""`workbench synth`: make spoof clips. Heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.options import DEFAULT_CACHE

if TYPE_CHECKING:
    from workbench.synth.batch import Result

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_LISTED = 20


@click.command()
@click.argument("manifest", required=False, type=_FILE)
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder for clips and manifest.")
@click.option(
    "--engine", "names", multiple=True, help="Engine by name; may be repeated.  [default: every copy engine installed]"
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(["train", "dev", "test"]),
    default=("train",),
    help="Copy the bona fide clips of this part; may be repeated.",
)
@click.option("--per-clip", type=click.IntRange(1), default=1, help="Copies of each clip by each engine.")
@click.option("--limit", type=click.IntRange(1), help="Clips to copy, or to speak by each engine.  [default: all]")
@click.option(
    "--texts", type=_FILE, help="Sentences for speaking engines: text, tab, language.  [default: shipped ones]"
)
@click.option("--with-originals", is_flag=True, help="List the copied recordings in the manifest too.")
@click.option(
    "--engines",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="BONAFONE_ENGINES",
    show_envvar=True,
    default=DEFAULT_CACHE / "engines",
    show_default="~/.cache/bonafone/engines",
    help="Folder that tools/fetch_engines.py filled.",
)
@click.option("--jobs", type=click.IntRange(1), default=1, help="Processes.")
@click.option("--seed", type=int, default=0, help="Of everything random.")
@click.option("--list", "only_list", is_flag=True, help="Print the engines and what they need; make nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the result, or one object an engine.")
def synth(
    manifest: Path | None,
    output: Path | None,
    engines: Path,
    only_list: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Make spoof clips: copies of MANIFEST's real ones through vocoders, and sentences read by synthesisers.

    Finished clips are kept, and the same command resumes.

    Example: workbench synth corpus/manifest.tsv -o spoofs --engine world --engine hifigan
    """
    from workbench.data.progress import watch
    from workbench.synth.batch import synthesise
    from workbench.synth.catalog import list_engines, text_list

    if only_list:
        entries = list_engines(engines)
        click.echo("\n".join(map(json.dumps, entries)) if as_json else text_list(entries))
        return
    if output is None:
        raise click.UsageError("give the folder to write: -o FOLDER")
    try:
        result = synthesise(
            manifest, output, engines, progress=lambda outcomes, total: watch(outcomes, total, "clips"), **options
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    for failure in result.failures[:_LISTED]:
        click.echo(f"failed: {failure}", err=True)
    if len(result.failures) > _LISTED:
        click.echo(f"… and {len(result.failures) - _LISTED} more", err=True)
    click.echo(json.dumps(_as_dict(result)) if as_json else _as_text(result))
    if result.failures:
        raise click.exceptions.Exit(1)


def _as_dict(result: Result) -> dict[str, Any]:
    return {
        "manifest": None if result.manifest is None else str(result.manifest),
        "made": result.made,
        "kept": result.kept,
        "failed": len(result.failures),
    }


def _as_text(result: Result) -> str:
    counts = f"{result.made:,} clips made, {result.kept:,} kept from before, {len(result.failures):,} failed"
    if result.manifest is None:
        return counts
    return f"{result.manifest}: {counts}; next: workbench corpus show {result.manifest}"
