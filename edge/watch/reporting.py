"""Where the watcher tells what it does: results on stdout, the rest on stderr, names hidden where they would stay."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click

from edge.scoring import Failure, Score, json_line
from edge.service.redaction import hide_name
from edge.tables import HEADER, text_row
from edge.watch.errors import ReportError
from edge.watch.names import readable


class Reporter:
    """Prints.

    Parameters
    ----------
    as_json : results as JSON, one object a line, with their paths: programs need them.
    names_out, names_err : whether names of recordings are shown in the table on stdout, and in notes on stderr.
    """

    def __init__(self, *, as_json: bool, names_out: bool, names_err: bool) -> None:
        self._as_json, self._names_out, self._names_err = as_json, names_out, names_err
        self._headed = False

    def result(self, result: Score | Failure) -> None:
        """Print it, and see that it is out before the recording counts as done.

        Raises
        ------
        ReportError
            It is not out.
        BrokenPipeError
            Its reader has left.
        """
        if isinstance(result, Failure):
            self.note(f"Error: {result.error}", str(result.path))
        try:
            if self._as_json:
                click.echo(json_line(result))
            elif isinstance(result, Score):
                self._row(result)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ReportError(
                f"standard output cannot be written ({error.strerror or error}); make room, or send it elsewhere"
            ) from error

    def note(self, text: str, path: str = "") -> None:
        """Print it on stderr; where that cannot be written, watching goes on all the same."""
        if path and not self._names_err:
            text = text.replace(path, hide_name(path))
        with suppress(OSError):
            click.echo(readable(text), err=True)

    def _row(self, score: Score) -> None:
        if not self._headed:
            click.echo(HEADER)
            self._headed = True
        shown = score.path if self._names_out else Path(hide_name(str(score.path)))
        click.echo(text_row(replace(score, path=shown)))
