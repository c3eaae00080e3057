"""Options that several commands share, and the type of options that name a file to write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


class OutputFile(click.Path):
    """A file in an existing folder, so that a command of many minutes does not fail at its end."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path as given, or fail if its folder is missing."""
        path = Path(str(super().convert(value, param, ctx)))
        if not path.absolute().parent.is_dir():
            self.fail(f"there is no folder {path.parent} for {path.name}; make it, or write elsewhere", param, ctx)
        return path


DEFAULT_CACHE = Path.home() / ".cache" / "bonafone"
cache_option = click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_CACHE,
    show_default="~/.cache/bonafone",
    help="Folder for decoded audio.",
)

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_MANIFEST = click.Path(exists=True, dir_okay=False, path_type=Path)


def data_options(command: _Command) -> _Command:
    """Add the options that name the clips of a training run; see `data_fields`."""
    for option in (
        click.option("--noise", type=_FOLDER, help="Folder of background noise to mix in."),
        click.option(
            "--manifest",
            "manifests",
            multiple=True,
            type=_MANIFEST,
            help="Manifest (TSV) instead of two folders; several are joined.",
        ),
        click.option("--spoof", type=_FOLDER, help="Folder of synthetic speech; a folder in it is one system."),
        click.option("--bonafide", type=_FOLDER, help="Folder of recordings of people; a folder in it is one speaker."),
    ):
        command = option(command)
    return command


def data_fields(
    bonafide: Path | None, spoof: Path | None, manifests: Sequence[Path], noise: Path | None
) -> dict[str, Any]:
    """Values of `data_options` as fields of `workbench.config.DataConfig`."""
    return {
        "manifest": manifests[0] if manifests else None,
        "more_manifests": tuple(manifests[1:]),
        "bonafide": bonafide,
        "spoof": spoof,
        "noise": noise,
    }


def schedule_options(command: _Command) -> _Command:
    """Add the options that replace fields of ``[train]`` and ``[train.descent]``."""
    default = "[default: from the configuration]"
    for option in (
        click.option("--seed", type=int, help=f"Seed of everything random.  {default}"),
        click.option("--batch-size", type=click.IntRange(2), help=f"Clips a batch.  {default}"),
        click.option("--steps-per-epoch", type=click.IntRange(1), help=f"Batches an epoch.  {default}"),
        click.option("--epochs", type=click.IntRange(1), help=f"Epochs at most.  {default}"),
    ):
        command = option(command)
    return command
