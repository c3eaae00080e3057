"""Seconds of fake speech to the alarm, and false alarms in an hour, of the operating points that a model carries.

Nothing is chosen: `workbench calibrate` does that, on dev. Clips are joined to calls of real people and to calls that
a fake voice enters at a known moment, each through every transmission and the decision of `edge listen`.

Example: python tools/research/alarm_latency.py models/bonafone-patch-v6.tflite --manifest corpus/manifest.tsv
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from workbench.cli.calibrate import call_options, given_options
from workbench.cli.options import OutputFile
from workbench.live.calibrate import measure_live
from workbench.live.text import live_text
from workbench.report.report import write_report


@click.command(help=__doc__, context_settings={"show_default": True})
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@call_options
@click.option("-o", "--output", type=OutputFile(), help="Keep the figures there as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(model: Path, manifest: Path, split: str, output: Path | None, as_json: bool, **options: Any) -> None:
    measured = measure_live(model, manifest, split, given_options(options))
    if output is not None:
        write_report(measured, output)
    click.echo(json.dumps(measured) if as_json else live_text(measured))


if __name__ == "__main__":
    main()
