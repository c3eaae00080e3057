"""Where the watcher tells what it does: results on stdout, the rest on stderr, names hidden where they would stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Protocol

import click

from edge.alerts.events import AlertEvent
from edge.scoring import AUDIO_SUFFIXES, Failure, Score

Publish = Callable[[AlertEvent], object]
"""Writes an event to disk for delivery."""


class Report(Protocol):
    """What the watcher asks of its surroundings."""

    def result(self, result: Score | Failure) -> None:
        """A recording is scored, or could not be."""

    def note(self, text: str, path: str = "") -> None:
        """Something that a person may want to know; ``path`` is a path in ``text`` that may be hidden."""


def hidden_name(path: str) -> str:
    """Only the kind of a recording is left: dialers put names and numbers into the rest."""
    suffix = PurePath(path).suffix.lower()
    return "***" + (suffix if suffix in AUDIO_SUFFIXES else "")


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
        """Print it, and see that it is out before the recording counts as done."""
        from edge.output import HEADER, json_line, text_row

        if isinstance(result, Failure):
            self._err(f"Error: {self._for_err(result.error, str(result.path))}")
        if self._as_json:
            click.echo(json_line(result))
        elif isinstance(result, Score):
            if not self._headed:
                click.echo(HEADER)
                self._headed = True
            shown = result.path if self._names_out else Path(hidden_name(str(result.path)))
            click.echo(text_row(replace(result, path=shown)))

    def note(self, text: str, path: str = "") -> None:
        """Print it on stderr."""
        self._err(self._for_err(text, path))

    def _for_err(self, text: str, path: str) -> str:
        return text if self._names_err or not path else text.replace(path, hidden_name(path))

    @staticmethod
    def _err(text: str) -> None:
        # Names are bytes: what is no text is shown as a replacement mark, where strict streams would refuse it.
        click.echo(text.encode("utf-8", "replace").decode("utf-8"), err=True)
