"""`edge score`: verdicts on recordings and folders."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.cli import EXIT_FAIL_ON, EXIT_FAILED, json_option, model_option, on_terminal
from edge.native_stderr import drop_stderr, hold_stderr

if TYPE_CHECKING:
    from edge.scoring import Failure, Score


def _check_channel(_context: click.Context, _option: click.Parameter, value: str) -> str:
    from edge.settings import is_channel

    if is_channel(value):
        return value
    raise click.BadParameter(f"expected left, right, mix, each or a number from 1; got {value!r}")


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option(
    "--channel",
    default="mix",
    metavar="WHICH",
    callback=_check_channel,
    help="left, right, mix, each, or a number from 1: calls are often recorded with one party a channel.",
)
@click.option("--timeline", is_flag=True, help="Show the score over time: which part is spoof.")
@click.option(
    "--fail-on",
    type=click.Choice(["spoof", "spoof-passage"]),
    help="Exit with 3 if a recording has the verdict spoof; with spoof-passage, also if only a part of it is spoof.",
)
@model_option
@json_option
def score(
    paths: tuple[Path, ...], channel: str, timeline: bool, fail_on: str | None, model: str | None, as_json: bool
) -> None:
    """Give a verdict on recordings, and on every recording in folders.

    Example: edge score call.wav voicemails/ --timeline

    Exit codes: 0 done; 1 some input failed (the others are done); 2 misuse, or a model that cannot be used;
    3 with --fail-on, a spoof was found (also when some input failed).
    """
    from edge.model import load_model
    from edge.scoring import Failure, score_paths

    with hold_stderr():
        loaded = load_model(model)
    show = _printer(as_json=as_json, timeline=timeline)
    failed = found = False
    with drop_stderr(), _Progress() as progress:
        for result in score_paths(loaded, paths, channel=channel, keep_timeline=timeline, progress=progress.start):
            progress.clear()
            show(result)
            failed = failed or isinstance(result, Failure)
            found = found or (not isinstance(result, Failure) and _is_found(result, fail_on))
    sys.exit(EXIT_FAIL_ON if found else EXIT_FAILED if failed else 0)


def _is_found(score: Score, fail_on: str | None) -> bool:
    """Whether a recording has what ``fail_on`` asks for."""
    passage = fail_on == "spoof-passage" and bool(score.spoof_passages)
    return passage or (fail_on is not None and score.verdict == "spoof")


def _printer(*, as_json: bool, timeline: bool) -> Callable[[Score | Failure], None]:
    from edge.scoring import Failure, json_line
    from edge.tables import HEADER, text_passages, text_row, text_timeline

    header = [HEADER]

    def show(result: Score | Failure) -> None:
        if isinstance(result, Failure):
            click.echo(f"Error: {result.error}", err=True)
        if as_json:
            click.echo(json_line(result, with_timeline=timeline))
        elif not isinstance(result, Failure):
            for line in [*header, text_row(result), *text_passages(result), *text_timeline(result)]:
                click.echo(line)
            header.clear()

    return show


class _Progress:
    """One line on stderr: which recording of many, how far into a long one; nothing where stderr is no terminal."""

    _STEP_S = 60.0

    def __init__(self) -> None:
        self._shown = False
        self._started = 0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def start(self, path: Path) -> Callable[[float], None]:
        """Start on a recording; the result is called with the seconds read."""
        self._started += 1
        name, shown_s = f"recording {self._started}: {click.format_filename(path.name)}", 0.0
        # Results that appear on the terminal are progress enough.
        if self._started > 1 and not on_terminal(sys.stdout):
            self._show(name)

        def show_position(position_s: float) -> None:
            nonlocal shown_s
            if position_s - shown_s >= self._STEP_S:
                shown_s = position_s
                self._show(f"{name}, {position_s / 60:.0f} min read")

        return show_position

    def _show(self, text: str) -> None:
        if on_terminal(sys.stderr):
            self._shown = True
            click.echo(f"\r\x1b[2K{text}", nl=False, err=True)

    def clear(self) -> None:
        """Wipe the line before something else is printed."""
        if self._shown:
            click.echo("\r\x1b[2K", nl=False, err=True)
            self._shown = False
