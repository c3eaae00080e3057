"""The commands of `edge`, one file each: parse options, call one function, print.

Begin with `edge.cli.main`, the group. NumPy and LiteRT are imported inside the commands that need them, so that
``--help`` answers at once.
"""

from __future__ import annotations

import click

model_option = click.option("--model", help="A .tflite, or a shipped model by name.  [default: the newest shipped]")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
