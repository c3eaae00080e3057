"""One complete recording: read it, score it, alert, remember.

The order makes a kill at any moment harmless: the event is in the outbox before the ledger says that the recording is
done. Killed between the two, the next start scores it again and makes the same event, which the outbox knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.alerts.errors import OutboxError
from edge.errors import AudioError, EdgeError, UnreadableAudioError
from edge.output import json_line
from edge.scoring import Failure, Score
from edge.watch.alerting import recording_event
from edge.watch.errors import LedgerError
from edge.watch.ledger import Ledger
from edge.watch.reporting import Publish, Report
from edge.watch.riff import check_wave_header
from edge.watch.scanner import Found, find

_READ_BYTES = 1 << 20

ScoreFile = Callable[[Path, Callable[[float], None]], list[Score]]
"""Scores one recording; calls its second argument, with the seconds read so far, as it goes."""


class StopAskedError(Exception):
    """The end was asked for while a recording was being read."""


@dataclass
class Counts:
    """What one run did: recordings scored, those of them that are spoof, and failures of any kind."""

    scored: int = 0
    spoof: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Outcome:
    """Whether a recording needs nothing more until it changes; if not, in how many seconds to try again."""

    settled: bool
    wait_s: float = 0.0


_SETTLED, _CHANGED = Outcome(settled=True), Outcome(settled=False)


class RecordingDesk:
    """Does recordings, one after the other.

    Parameters
    ----------
    ledger : the memory.
    score : see `ScoreFile`.
    publish : writes an event to disk for delivery.
    report : where results and notes go.
    check : called often; raises `StopAskedError` to leave a recording for the next start.
    clock : seconds since 1970.
    attempts : how often a recording is tried, for the message.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        score: ScoreFile,
        publish: Publish,
        report: Report,
        check: Callable[[], None],
        clock: Callable[[], float],
        attempts: int,
    ) -> None:
        self._ledger, self._score, self._publish, self._report = ledger, score, publish, report
        self._check, self._clock, self._attempts = check, clock, attempts
        self.counts = Counts()

    def handle(self, found: Found, folder: str) -> Outcome:
        """Do one recording of the folder that the user named so.

        Raises
        ------
        StopAskedError
            From ``check``.
        OutboxError, LedgerError
            Something could not be written, for one because the disk is full; the recording is as new as before.
        """
        self._ledger.begin(found)
        try:
            try:
                digest, scores = self._read(found)
            except AudioError as error:
                return self._fail(found, str(error))
            except OSError as error:
                reason = error.strerror or str(error)
                return self._fail(found, f"{found.path}: cannot be read ({reason}); check its permissions")
            if scores and self._has_changed(found):
                return _CHANGED
            return self._finish(found, folder, digest, scores)
        except (StopAskedError, OutboxError, LedgerError):
            self._ledger.release(found)
            raise

    def _read(self, found: Found) -> tuple[bytes, list[Score]]:
        """The digest of a recording and its scores; none where the content was done before."""
        digest = self._digest(found.path)
        if self._ledger.results(digest) is not None:
            return digest, []
        check_wave_header(found.path)
        try:
            return digest, self._score(Path(found.path), lambda _: self._check())
        except (EdgeError, OSError, StopAskedError):
            raise
        except Exception as error:
            # Whatever a decoder raises on one recording must not end the watching.
            raise UnreadableAudioError(
                f"{found.path}: cannot be decoded ({type(error).__name__}: {error}); convert it again"
            ) from error

    def _finish(self, found: Found, folder: str, digest: bytes, scores: list[Score]) -> Outcome:
        if scores:
            event = recording_event(folder, digest, scores, self._clock())
            if event is not None:
                self._publish(event)
            for score in scores:
                self._report.result(score)
            self.counts.scored += 1
            self.counts.spoof += any(score.verdict == "spoof" for score in scores)
        else:
            self._report.note(f"{found.path}: has the content of a recording that was done before", found.path)
        self._ledger.finish(found, digest, "\n".join(map(json_line, scores)))
        return _SETTLED

    def _fail(self, found: Found, message: str) -> Outcome:
        # It went, or grew on: nothing is wrong with it that another look would not mend.
        if self._has_changed(found):
            return _CHANGED
        attempts, wait = self._ledger.fail(found, message)
        self.counts.failed += 1
        if wait is None:
            message += f"; given up after {attempts} attempts, until it changes"
        else:
            message += f"; attempt {attempts} of {self._attempts}, the next in {wait:.0f} s"
        self._report.result(Failure(Path(found.path), message))
        return _SETTLED if wait is None else Outcome(settled=False, wait_s=wait)

    def _has_changed(self, found: Found) -> bool:
        now = find(found.path)
        if now is not None and now.version == found.version:
            return False
        self._ledger.release(found)
        return True

    def _digest(self, path: str) -> bytes:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while data := file.read(_READ_BYTES):
                digest.update(data)
                self._check()
        return digest.digest()
