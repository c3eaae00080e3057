"""`edge bench`: speed and memory of a model on this machine."""

from __future__ import annotations

import json

import click

from edge.cli import json_option, model_option
from edge.native_stderr import hold_stderr


@click.command()
@click.option("--repeats", type=click.IntRange(1), default=50, help="Times to score the 4 s clip.")
@click.option("--no-timing", is_flag=True, help="Do the same work, print no times: for emulators.")
@model_option
@json_option
def bench(repeats: int, no_timing: bool, model: str | None, as_json: bool) -> None:
    """Measure speed and memory of the model on this machine, on one thread.

    Example: edge bench --json
    """
    from edge.bench import measure, text_table
    from edge.catalog import resolve_model

    with hold_stderr():
        result = measure(resolve_model(model), repeats=repeats, timing=not no_timing)
    click.echo(json.dumps(result) if as_json else text_table(result))
