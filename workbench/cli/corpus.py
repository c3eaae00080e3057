"""`workbench corpus`: make, show and check manifests. Heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
from pathlib import Path

import click

from workbench.cli.options import OutputFile

# The names of workbench.data.readers, which would cost an import here; a test holds the two together.
LAYOUT_NAMES = (
    "two-folders",
    "asvspoof2019-la",
    "asvspoof2021-la",
    "asvspoof2021-df",
    "asvspoof5",
    "in-the-wild",
    "fake-or-real",
    "wavefake",
    "mlaad",
)
_MANIFEST = click.Path(exists=True, dir_okay=False, path_type=Path)
SPLITS = ("train", "dev", "test")
_KINDS = click.Choice(["speaker", "source", "file", "content", "attack"])


@click.group()
def corpus() -> None:
    """Make manifests from published corpora, build a corpus from its list, show what it holds, check it for leaks.

    Example: workbench corpus show corpus/manifest.tsv
    """


@corpus.command()
@click.argument("layout", type=click.Choice(LAYOUT_NAMES))
@click.argument(
    "roots", metavar="ROOT...", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "-o",
    "--output",
    type=OutputFile(),
    help="The manifest to write.  [default: manifest.tsv in the first ROOT]",
)
@click.option("--skip-missing", is_flag=True, help="Leave out recordings that the protocol names but that are missing.")
@click.option(
    "--subset",
    type=click.Choice(["progress", "eval", "hidden"]),
    help="Keep this part of ASVspoof 2021.  [default: all]",
)
@click.option(
    "--dev-share",
    type=click.FloatRange(0, 0.9),
    help="Split train anew: this share of each label to dev, whole speakers, attacks or sources together.",
)
@click.option("--seed", type=int, default=0, help="Of that split.")
def read(
    layout: str,
    roots: tuple[Path, ...],
    output: Path | None,
    skip_missing: bool,
    subset: str | None,
    dev_share: float | None,
    seed: int,
) -> None:
    """Turn a corpus, as it unpacks, into a manifest; two-folders takes bona fide and spoof, mlaad also M-AILABS.

    Example: workbench corpus read in-the-wild ~/corpora/release_in_the_wild
    """
    from workbench.data.readers import check_usage, read_layout
    from workbench.data.readers.files import save_manifest

    try:
        check_usage(layout, roots, subset)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    path = output or roots[0] / "manifest.tsv"
    found = read_layout(layout, roots, skip_missing=skip_missing, subset=subset)
    manifest = save_manifest(found, path, dev_share, seed)
    click.echo(f"{path}: {len(manifest.rows):,} clips; next: workbench corpus show {path}")


@corpus.command()
@click.argument("listing", metavar="LIST")
@click.argument("folder", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option("--split", "splits", multiple=True, type=click.Choice(SPLITS), help="Build this part; may be repeated.")
@click.option("--url", help="Where originals are, with {repo}, {commit} and {path}.  [default: GitHub's raw files]")
@click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Downloads at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a clip that could not be made.")
def build(listing: str, folder: Path, splits: tuple[str, ...], url: str | None, jobs: int, as_json: bool) -> None:
    """Build the clips of LIST, a manifest or the name of a shipped one (second-edition), from their originals.

    Each original is downloaded, checked by its git blob's SHA-1, decoded and cut as the list's clip was. A killed build
    goes on where it was; exit 1 if some originals are gone.

    Example: workbench corpus build second-edition corpus --split dev
    """
    from dataclasses import asdict

    from workbench.data.progress import watch
    from workbench.data.rebuild import URL, build_corpus, read_list

    rows = [row for row in read_list(listing) if not splits or row.split in splits]
    gone = build_corpus(
        rows, folder, url=url or URL, jobs=jobs, progress=lambda found: watch(found, len(rows), "building")
    )
    for item in gone:
        click.echo(json.dumps(asdict(item))) if as_json else click.echo(f"{item.path}: {item.reason}", err=True)
    made = len(rows) - len(gone)
    click.echo(
        f"{folder}: {made:,} of {len(rows):,} clips; next: workbench corpus show {folder / 'manifest.tsv'}", err=as_json
    )
    if gone:
        raise SystemExit(1)


@corpus.command()
@click.argument("manifest", type=_MANIFEST)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a split and label.")
def show(manifest: Path, as_json: bool) -> None:
    """Print what a manifest holds.

    Example: workbench corpus show corpus/manifest.tsv --json
    """
    from edge.tables import columns
    from workbench.data.corpus import summarise, text_summary
    from workbench.data.manifest import read_manifest

    parts = summarise(read_manifest(manifest))
    lines = [json.dumps(part) for part in parts] if as_json else columns(text_summary(parts))
    click.echo("\n".join(lines))


@corpus.command()
@click.argument("manifest", type=_MANIFEST)
@click.option("--allow", multiple=True, type=_KINDS, help="A kind of leak that is meant; may be repeated.")
@click.option("--no-content", is_flag=True, help="Do not read the files; compare by what the manifest says alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a leak.")
def check(manifest: Path, allow: tuple[str, ...], no_content: bool, as_json: bool) -> None:
    """Check that no speaker, source, file or unseen attack lies on two sides; exit 1 if one does.

    Example: workbench corpus check corpus/manifest.tsv --allow source
    """
    from dataclasses import asdict

    from workbench.data.leaks import check_leaks, find_leaks
    from workbench.data.manifest import read_manifest
    from workbench.data.progress import watch

    found = read_manifest(manifest)
    leaks = find_leaks(found, content=not no_content, progress=lambda rows: watch(rows, len(rows), "reading"))
    if as_json:
        for leak in leaks:
            click.echo(json.dumps(asdict(leak)))
    check_leaks(leaks, allow)
    if not as_json:
        allowed = f"; {len(leaks)} allowed" if leaks else ""
        click.echo(f"{manifest}: no leak between splits{allowed}")
