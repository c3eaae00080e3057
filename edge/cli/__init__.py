"""The commands of `edge`, one file each: parse options, call one function, print.

Begin with `edge.cli.main`, the group. NumPy and LiteRT are imported inside the commands that need them, so that
``--help`` answers at once.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TextIO

import click

EXIT_FAILED, EXIT_MISUSE, EXIT_FAIL_ON = 1, 2, 3


def _explain_default(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        from edge.catalog import default_note
        from edge.errors import NotAModelError

        with suppress(NotAModelError):  # raised again where the model is loaded
            if note := default_note():
                click.echo(f"Note: {note}", err=True)
    return value


model_option = click.option(
    "--model",
    callback=_explain_default,
    help="A .tflite, or a shipped model by name.  [default: the newest shipped that the runtime can run]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
config_option = click.option(
    "--config", metavar="FILE", type=click.Path(path_type=Path), help="The configuration file."
)


def on_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal; Python has None where the descriptor was closed before it started."""
    return stream is not None and stream.isatty()
