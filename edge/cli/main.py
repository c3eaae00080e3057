"""`edge`: the group of its commands, and how its errors are shown."""

from __future__ import annotations

import errno
from typing import Any

import click

from edge.cli import EXIT_FAILED, EXIT_MISUSE
from edge.cli.alerts import alerts, events
from edge.cli.bench import bench
from edge.cli.devices import devices
from edge.cli.doctor import doctor
from edge.cli.listen import listen
from edge.cli.models import models
from edge.cli.score import score
from edge.cli.watch import watch
from edge.errors import ConfigError, EdgeError, ModelError


class _InputError(click.ClickException):
    exit_code = EXIT_FAILED


class _MisuseError(click.ClickException):
    exit_code = EXIT_MISUSE


class _Group(click.Group):
    """Prints the project's own errors as one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EdgeError as error:
            from edge.service.source_address import SourceSyntaxError

            misuse = isinstance(error, (ConfigError, ModelError, SourceSyntaxError))
            kind = _MisuseError if misuse else _InputError
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


for _command in (score, models, bench, alerts, devices, doctor, events, listen, watch):
    main.add_command(_command)

if __name__ == "__main__":
    main()
