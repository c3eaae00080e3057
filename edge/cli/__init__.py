"""The commands of `edge`, one file each: parse options, call one function, print.

Begin with `edge.cli.main`, the group. NumPy and LiteRT are imported inside the commands that need them, so that
``--help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import click

EXIT_FAILED, EXIT_MISUSE, EXIT_FAIL_ON = 1, 2, 3
model_option = click.option("--model", help="A .tflite, or a shipped model by name.  [default: the newest shipped]")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
config_option = click.option(
    "--config", metavar="FILE", type=click.Path(path_type=Path), help="The configuration file."
)


def on_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal; Python has None where the descriptor was closed before it started."""
    return stream is not None and stream.isatty()
