"""`edge`: score recordings with a shipped model. Commands parse, call one function, print."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from edge.audio.native_noise import native_noise_dropped
from edge.cli.alerts import alerts, events
from edge.cli.devices import devices
from edge.cli.doctor import doctor
from edge.cli.listen import listen
from edge.cli.watch import watch
from edge.errors import EdgeError, ModelError
from edge.native_stderr import hold_stderr

if TYPE_CHECKING:
    from edge.scoring import Failure, Score

# NumPy and LiteRT are imported inside the commands that need them: --help answers at once.

EXIT_FAILED_INPUT = 1
EXIT_MISUSE = 2
EXIT_FAIL_ON = 3


class _InputError(click.ClickException):
    exit_code = EXIT_FAILED_INPUT


class _MisuseError(click.ClickException):
    exit_code = EXIT_MISUSE


class _Group(click.Group):
    """Prints the project's own errors as one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EdgeError as error:
            kind = _MisuseError if isinstance(error, ModelError) else _InputError
            raise kind(str(error)) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise _InputError(
                f"a disk is full, so not all could be written ({error}); make room, run it again"
            ) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="bonafone")
def main() -> None:
    """Tell synthetic speech from real, on this device."""


def _check_channel(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if value in ("mix", "each", "left", "right") or (value.isdecimal() and int(value) > 0):
        return value
    raise click.BadParameter(f"expected left, right, mix, each or a number from 1; got {value!r}")


_model_option = click.option("--model", help="A .tflite, or a shipped model by name.  [default: the newest shipped]")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option(
    "--channel",
    default="mix",
    metavar="WHICH",
    callback=_check_channel,
    help="left, right, mix, each, or a number from 1: calls are often recorded with one party a channel.",
)
@click.option("--timeline", is_flag=True, help="Show the score over time: which part is spoof.")
@click.option("--fail-on", type=click.Choice(["spoof"]), help="Exit with 3 if a recording has this verdict.")
@_model_option
@_json_option
def score(
    paths: tuple[Path, ...], channel: str, timeline: bool, fail_on: str | None, model: str | None, as_json: bool
) -> None:
    """Give a verdict on recordings, and on every recording in folders.

    Example: edge score call.wav voicemails/ --timeline

    Exit codes: 0 done; 1 some input failed (the others are done); 2 misuse, or a model that cannot be used;
    3 with --fail-on spoof, a spoof was found (also when some input failed).
    """
    from edge.catalog import resolve_model
    from edge.model import Model
    from edge.scoring import Failure, score_paths

    with hold_stderr():
        loaded = Model.load(resolve_model(model))
    show = _printer(as_json=as_json, timeline=timeline)
    failed = found = False
    # What is wrong with a recording is said in our words; the MP3 decoder has a line for each odd frame.
    with native_noise_dropped(), _Progress() as progress:
        for result in score_paths(loaded, paths, channel=channel, keep_timeline=timeline, progress=progress.begin):
            progress.clear()
            show(result)
            failed = failed or isinstance(result, Failure)
            found = found or (not isinstance(result, Failure) and result.verdict == fail_on)
    sys.exit(EXIT_FAIL_ON if found else EXIT_FAILED_INPUT if failed else 0)


def _printer(*, as_json: bool, timeline: bool) -> Callable[[Score | Failure], None]:
    from edge.scoring import Failure, json_line
    from edge.tables import HEADER, text_row, text_timeline

    header = [HEADER]

    def show(result: Score | Failure) -> None:
        if isinstance(result, Failure):
            click.echo(f"Error: {result.error}", err=True)
        if as_json:
            click.echo(json_line(result, with_timeline=timeline))
        elif not isinstance(result, Failure):
            for line in [*header, text_row(result), *text_timeline(result)]:
                click.echo(line)
            header.clear()

    return show


class _Progress:
    """One line on stderr: which recording of many, how far into a long one; nothing where stderr is no terminal."""

    _STEP_S = 60.0

    def __init__(self) -> None:
        self._shown = False
        self._begun = 0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def begin(self, path: Path) -> Callable[[float], None]:
        """Start on a recording; call the result with the seconds read."""
        self._begun += 1
        name, told = f"recording {self._begun}: {click.format_filename(path.name)}", 0.0
        # Results that appear on the terminal are progress enough.
        if self._begun > 1 and not _on_terminal(sys.stdout):
            self._show(name)

        def tell(position_s: float) -> None:
            nonlocal told
            if position_s - told >= self._STEP_S:
                told = position_s
                self._show(f"{name}, {position_s / 60:.0f} min read")

        return tell

    def _show(self, text: str) -> None:
        if _on_terminal(sys.stderr):
            self._shown = True
            click.echo(f"\r\x1b[2K{text}", nl=False, err=True)

    def clear(self) -> None:
        """Wipe the line before something else is printed."""
        if self._shown:
            click.echo("\r\x1b[2K", nl=False, err=True)
            self._shown = False


def _on_terminal(stream: TextIO | None) -> bool:
    # Python has None where the descriptor was closed before it started.
    return stream is not None and stream.isatty()


@main.command()
@_json_option
def models(as_json: bool) -> None:
    """List the shipped models.

    Example: edge models
    """
    from edge.catalog import shipped_models
    from edge.contract import read_contract
    from edge.tables import columns

    rows = [("name", "kB", "parameters", "kind", "spoof below", "bona fide above")]
    for name, path in shipped_models().items():
        contract, size = read_contract(path), path.stat().st_size
        bounds = contract.thresholds
        if as_json:
            facts = {
                "name": name,
                "path": str(path),
                "model_bytes": size,
                "parameters": contract.parameters,
                "quantization": contract.quantization,
                "spoof_below": bounds.spoof_below,
                "bonafide_above": bounds.bonafide_above,
                "bpcer": bounds.bpcer,
                "apcer": bounds.apcer,
            }
            click.echo(json.dumps(facts))
        rows.append(
            (
                name,
                f"{size / 1000:.0f}",
                f"{contract.parameters:,}",
                contract.quantization,
                f"{bounds.spoof_below:.2f}",
                f"{bounds.bonafide_above:.2f}",
            )
        )
    if not as_json:
        click.echo("\n".join(columns(rows)))


@main.command()
@click.option("--repeats", type=click.IntRange(1), default=50, help="Times to score the 4 s clip.")
@click.option("--no-timing", is_flag=True, help="Do the same work, print no times: for emulators.")
@_model_option
@_json_option
def bench(repeats: int, no_timing: bool, model: str | None, as_json: bool) -> None:
    """Measure speed and memory of the model on this machine, on one thread.

    Example: edge bench --json
    """
    from edge.bench import measure, text_table
    from edge.catalog import resolve_model

    with hold_stderr():
        result = measure(resolve_model(model), repeats=repeats, timing=not no_timing)
    click.echo(json.dumps(result) if as_json else text_table(result))


main.add_command(alerts)
main.add_command(devices)
main.add_command(doctor)
main.add_command(events)
main.add_command(listen)
main.add_command(watch)

if __name__ == "__main__":
    main()
