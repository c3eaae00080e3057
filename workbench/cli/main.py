"""`workbench`: the group of its commands, one file each; each parses, calls one function and prints."""

from __future__ import annotations

from typing import Any

import click

from edge.errors import EdgeError
from workbench.cli.augment import augment
from workbench.cli.calibrate import calibrate
from workbench.cli.corpus import corpus
from workbench.cli.quantize import quantize
from workbench.cli.report import card, evaluate, report
from workbench.cli.synth import synth
from workbench.cli.train import train
from workbench.cli.tune import tune


class _Group(click.Group):
    """Prints the project's own errors as one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EdgeError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] in ("edge", "workbench"):
                raise
            extra = "workbench,tune" if error.name in ("optuna", "sqlalchemy") else "workbench"
            raise click.ClickException(
                f"{error.name} is not installed; the workbench needs its extra: pip install 'bonafone[{extra}]'"
            ) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="bonafone")
def main() -> None:
    """Train a detector of synthetic speech and turn it into an int8 TFLite model."""


for _command in (augment, calibrate, card, corpus, evaluate, quantize, report, synth, train, tune):
    main.add_command(_command)


if __name__ == "__main__":
    main()
