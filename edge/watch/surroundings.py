"""What watching takes from the outside: it knows neither models nor outboxes, neither signals nor terminals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.alerts.event import AlertEvent
from edge.scoring import Failure, Score

ScoreFile = Callable[[Path, Callable[[float], None]], list[Score]]
"""Scores one recording; calls its second argument, with the seconds read so far, as it goes."""


class Report(Protocol):
    """Where results and notes go."""

    def result(self, result: Score | Failure) -> None:
        """A recording is scored, or could not be.

        Raises
        ------
        ReportError
            It could not be told; the recording is not done.
        """

    def note(self, text: str, path: str = "") -> None:
        """Something that a person may want to know; ``path`` is a path in ``text`` that may be hidden."""


class StopAskedError(Exception):
    """The end was asked for while there was work to do."""


@dataclass(frozen=True)
class Surroundings:
    """The outside of a `edge.watch.watcher.Watcher`.

    Attributes
    ----------
    score : see `ScoreFile`.
    publish : writes an event to disk for delivery; raises `OutboxError`.
    report : where results and notes go.
    check : called often; raises `StopAskedError` to leave the rest for the next start.
    clock : seconds since 1970.
    monotonic : seconds that never run backwards.
    """

    score: ScoreFile
    publish: Callable[[AlertEvent], object]
    report: Report
    check: Callable[[], None]
    clock: Callable[[], float]
    monotonic: Callable[[], float]
