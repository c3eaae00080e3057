"""One complete recording: read it, score it, alert, remember.

The order makes a kill at any moment harmless: the event is in the outbox before the ledger says that the recording is
done. Killed between the two, the next start scores it again and makes the same event, which the outbox knows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge.audio.reading import check_wave_header
from edge.errors import AudioError, EdgeError, UnreadableAudioError
from edge.scoring import Failure, Score, json_line
from edge.watch.alerting import recording_event
from edge.watch.errors import UNWRITTEN
from edge.watch.ledger import Ledger
from edge.watch.scanner import Found, find
from edge.watch.surroundings import StopAskedError, Surroundings

_READ_BYTES = 1 << 20


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
    around : the outside.
    """

    def __init__(self, ledger: Ledger, around: Surroundings) -> None:
        self._ledger, self._around = ledger, around
        self.counts = Counts()

    def handle(self, found: Found, folder: str) -> Outcome:
        """Do one recording of the folder that the user named so.

        Raises
        ------
        StopAskedError
            From ``check``.
        OutboxError, LedgerError, ReportError
            Something could not be written, for one because the disk is full; the recording is as new as before.
        """
        self._ledger.begin(found)
        try:
            try:
                digest, scores = self._read(found)
            except AudioError as error:
                return self._fail(found, str(error), for_good=True)
            except OSError as error:
                reason = error.strerror or str(error)
                # Never given up: neither time nor size changes when permissions are mended.
                message = f"{found.path}: cannot be read ({reason}); check its permissions"
                return self._fail(found, message, for_good=False)
            if scores and self._has_changed(found):
                return _CHANGED
            return self._finish(found, folder, digest, scores)
        except (StopAskedError, *UNWRITTEN):
            self._ledger.release(found)
            raise

    def _read(self, found: Found) -> tuple[bytes, list[Score]]:
        """The digest of a recording and its scores; none where the content was done before."""
        digest = self._digest(found.path)
        if self._ledger.results(digest) is not None:
            return digest, []
        check_wave_header(found.path)
        try:
            return digest, self._around.score(Path(found.path), lambda _: self._around.check())
        except (EdgeError, OSError, StopAskedError):
            raise
        except Exception as error:
            # Whatever a decoder raises on one recording must not end the watching.
            raise UnreadableAudioError(
                f"{found.path}: cannot be decoded ({type(error).__name__}: {error}); convert it again"
            ) from error

    def _finish(self, found: Found, folder: str, digest: bytes, scores: list[Score]) -> Outcome:
        if scores:
            event = recording_event(folder, digest, scores, self._around.clock())
            if event is not None:
                self._around.publish(event)
            for score in scores:
                self._around.report.result(score)
            self.counts.scored += 1
            self.counts.spoof += any(score.verdict == "spoof" for score in scores)
        else:
            self._around.report.note(f"{found.path}: has the content of a recording that was done before", found.path)
        self._ledger.finish(found, digest, "\n".join(map(json_line, scores)))
        return _SETTLED

    def _fail(self, found: Found, message: str, *, for_good: bool) -> Outcome:
        # It went, or grew on: nothing is wrong with it that another look would not mend.
        if self._has_changed(found):
            return _CHANGED
        attempts, wait = self._ledger.attempt(found, for_good=for_good)
        if wait is None:
            message += f"; given up after {attempts} attempts, until it changes"
        else:
            most = f" of {self._ledger.attempts}" if for_good else ""
            message += f"; attempt {attempts}{most}, the next in {wait:.0f} s"
        self._around.report.result(Failure(Path(found.path), message))
        self._ledger.fail(found, message, for_good=for_good)
        self.counts.failed += 1
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
                self._around.check()
        return digest.digest()
