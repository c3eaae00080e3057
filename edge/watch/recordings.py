"""One complete recording: read it, score it, alert, remember.

The order makes a kill at any moment harmless: the event is in the outbox before the ledger says that the recording is
done. Killed between the two, the next start scores it again and makes the same event, which is in the outbox already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.alerts.event import AlertEvent, OutboxError, new_event_id
from edge.audio.reading import check_wave_header
from edge.errors import AudioError, EdgeError, UnreadableAudioError
from edge.scoring import Failure, Score
from edge.watch.ledger import Ledger, LedgerError, readable
from edge.watch.scanner import Found, find

_READ_BYTES = 1 << 20
_SIDES = ("mono", "mix")


class ReportError(EdgeError):
    """A result cannot be printed."""


class StopAskedError(Exception):
    """The end was asked for while there was work to do."""


UNWRITTEN = (OutboxError, LedgerError, ReportError)
"""What a full disk or a lock raises: it can pass, and what could not be written then is done again."""
ScoreFile = Callable[[Path, Callable[[float], None]], list[Score]]
"""Scores one recording; calls its second argument, with the seconds read so far, as it goes."""
Publish = Callable[[AlertEvent], object]
"""Writes an event to disk for delivery; raises `OutboxError`."""


class Report(Protocol):
    """What the watcher reports results and notes to."""

    def result(self, result: Score | Failure) -> None:
        """Report that a recording is scored, or could not be.

        Raises
        ------
        ReportError
            It could not be printed; the recording is not done.
        """

    def note(self, text: str, path: str = "") -> None:
        """Report a text for people; ``path`` is a path in ``text`` that may be hidden."""


@dataclass
class Counts:
    """What one run did: recordings scored, those of them that are spoof, and failures of any kind."""

    scored: int = 0
    spoof: int = 0
    failed: int = 0


class RecordingProcessor:
    """Read, score and alert recordings, one after the other.

    Parameters
    ----------
    ledger : the memory.
    score, publish, report : see `ScoreFile`, `Publish` and `Report`.
    check : called often; raises `StopAskedError` to leave the rest for the next start.
    clock : seconds since 1970.
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
    ) -> None:
        self._ledger, self._score, self._publish, self._report = ledger, score, publish, report
        self._check, self._clock = check, clock
        self.counts = Counts()

    def process(self, found: Found, folder: str) -> float | None:
        """Process one recording of the folder that the user named so.

        Returns
        -------
        None where it needs nothing more until it changes, 0.0 where it has changed meanwhile, and otherwise the seconds
        after which to try again.

        Raises
        ------
        StopAskedError
            From ``check``.
        OutboxError, LedgerError, ReportError
            Something could not be written, for one because the disk is full; the recording is as new as before.
        """
        self._ledger.start(found)
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
                return 0.0
            self._finish(found, folder, digest, scores)
            return None
        except (StopAskedError, *UNWRITTEN):
            self._ledger.release(found)
            raise

    def _read(self, found: Found) -> tuple[bytes, list[Score]]:
        """Return the digest of a recording and its scores; none where the content was done before."""
        digest = self._digest(found.path)
        if self._ledger.is_done(digest):
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

    def _finish(self, found: Found, folder: str, digest: bytes, scores: list[Score]) -> None:
        if scores:
            event = recording_event(folder, digest, scores, self._clock())
            if event is not None:
                self._publish(event)
            for score in scores:
                self._report.result(score)
            self.counts.scored += 1
            self.counts.spoof += any(score.verdict == "spoof" for score in scores)
        else:
            text = f"{found.path}: has the content of a recording that was done before, and is not alerted again"
            self._report.note(text, found.path)
        self._ledger.finish(found, digest)

    def _fail(self, found: Found, message: str, *, for_good: bool) -> float | None:
        # It went, or grew on: nothing is wrong with it that another look would not mend.
        if self._has_changed(found):
            return 0.0
        attempts, wait = self._ledger.attempt(found, for_good=for_good)
        if wait is None:
            message += f"; given up after {attempts} attempts, until it changes"
        else:
            most = f" of {self._ledger.attempts}" if for_good else ""
            message += f"; attempt {attempts}{most}, the next in {wait:.0f} s"
        self._report.result(Failure(Path(found.path), message))
        self._ledger.fail(found, message, attempts, wait)
        self.counts.failed += 1
        return wait

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


def recording_event(folder: str, digest: bytes, scores: Sequence[Score], now_s: float) -> AlertEvent | None:
    """Make the event of a recording: ``spoof``, ``silenced``, or none.

    One a recording, however many of its channels are spoof: the one with the lowest score speaks for all.

    Parameters
    ----------
    folder : the watched folder, as the user named it.
    digest : of the recording's content, which makes the event's identity.
    scores : by channel.
    now_s : seconds since 1970.
    """
    kind = next((kind for kind in ("spoof", "silenced") if any(score.verdict == kind for score in scores)), None)
    if kind is None:
        return None
    found = [score for score in scores if score.verdict == kind]
    worst = min(found, key=lambda score: 0.0 if score.cm_score is None else score.cm_score)
    sides = [score.channel for score in found if score.channel not in _SIDES]
    return AlertEvent(
        id=new_event_id(digest.hex()),
        kind=kind,
        time_s=now_s,
        source=source_name(folder),
        verdict=worst.verdict,
        p_bonafide=worst.p_bonafide,
        cm_score=worst.cm_score,
        speech_s=worst.speech_s or None,
        model=worst.model,
        recording=readable(str(worst.path)),
        note="channel " + " and ".join(sides) if sides else "",
    )


def source_name(folder: str) -> str:
    """Name a watched folder as the source of events."""
    return f"watch:{readable(folder)}"
