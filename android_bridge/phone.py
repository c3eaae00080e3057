"""What the phone does: the buzz and its one reminder, the notifications, and both through an object in Java.

A Java phone has three methods, with JSON in and nothing back:

    void buzz(String patternJson)     start the pattern once: timings_ms, amplitudes, usage, total_ms, …
    void cancel()                     stop what still vibrates
    void show(String noticeJson)      a notification: kind, call, title, text
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from android_bridge.errors import FactsError, PortError

MAX_TOTAL_MS = 10_000
"""A pattern that goes on longer is a nuisance to the caller's ear and no clearer to the hand."""
MAX_AMPLITUDE = 255
USAGES = ("alarm", "ringtone", "notification")
"""By the names of Android's USAGE_ constants. During a call Android lets only the first one vibrate."""

BuzzState = Literal["quiet", "pending", "reminded", "acknowledged", "expired"]

# Three short, one long, twice: no ringtone and no message does that.
_TIMINGS_MS = (150, 100, 150, 100, 150, 250, 900, 500, 150, 100, 150, 100, 150, 250, 900)
_AMPLITUDES = (255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255)


@dataclass(frozen=True)
class BuzzPattern:
    """A vibration pattern, as `VibrationEffect.createWaveform` takes it with repeat -1.

    Attributes
    ----------
    timings_ms : length of each step, milliseconds, together at most `MAX_TOTAL_MS`.
    amplitudes : strength of each step, 0 (off) to 255; a phone without amplitude control takes all above 0 as on.
    usage : one of `USAGES`.
    reminder_after_s : seconds after the alarm at which it is given once more, if nobody acknowledged; None: never.
    expires_after_s : seconds after the alarm from which it counts as missed and nothing more is given.

    Raises
    ------
    FactsError
        A value out of range.
    """

    timings_ms: tuple[int, ...] = _TIMINGS_MS
    amplitudes: tuple[int, ...] = _AMPLITUDES
    usage: str = "alarm"
    reminder_after_s: float | None = 12.0
    expires_after_s: float = 60.0

    def __post_init__(self) -> None:
        if not self.timings_ms or len(self.timings_ms) != len(self.amplitudes):
            raise FactsError(
                "a buzz needs as many amplitudes as timings, and at least one; "
                f"got {len(self.timings_ms)} timings and {len(self.amplitudes)} amplitudes"
            )
        if min(self.timings_ms) < 0 or not 0 < self.total_ms <= MAX_TOTAL_MS:
            raise FactsError(
                f"the timings of a buzz are at least 0 and together 1 to {MAX_TOTAL_MS} ms; got {self.timings_ms}"
            )
        if not all(0 <= amplitude <= MAX_AMPLITUDE for amplitude in self.amplitudes) or not self.pulses_ms():
            raise FactsError(
                f"the amplitudes of a buzz are 0 to {MAX_AMPLITUDE}, not all of them 0; got {self.amplitudes}"
            )
        if self.usage not in USAGES:
            raise FactsError(f"usage of the buzz {self.usage!r}: expected one of {', '.join(USAGES)}")
        if not self.expires_after_s > 0 or (self.reminder_after_s is not None and self.reminder_after_s <= 0):
            raise FactsError(
                "reminder_after_s and expires_after_s of the buzz are above 0 seconds; "
                f"got {self.reminder_after_s} and {self.expires_after_s}"
            )

    @property
    def total_ms(self) -> int:
        """Length of the whole pattern, milliseconds."""
        return sum(self.timings_ms)

    def pulses_ms(self) -> tuple[int, ...]:
        """Lengths of the pulses alone, milliseconds, for a vibrator without strengths."""
        steps = zip(self.timings_ms, self.amplitudes, strict=True)
        return tuple(timing for timing, amplitude in steps if amplitude and timing)

    def to_json(self) -> str:
        """Return the pattern as one line of JSON."""
        return json.dumps({**asdict(self), "total_ms": self.total_ms})


class Buzzer(Protocol):
    """The phone's vibrator. Both raise `PortError` when it fails."""

    def buzz(self, pattern: BuzzPattern) -> None:
        """Start the pattern once and return."""

    def cancel(self) -> None:
        """Stop what still vibrates."""


class Clock(Protocol):
    """The part of the module ``time`` that is used."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""


class Buzz:
    """The state of the buzz of one call.

    Parameters
    ----------
    pattern : what is given.
    buzzer : gives it.
    clock : says when.
    """

    def __init__(self, pattern: BuzzPattern, buzzer: Buzzer, clock: Clock) -> None:
        self._pattern, self._buzzer, self._clock = pattern, buzzer, clock
        self._since = 0.0
        self.state: BuzzState = "quiet"

    @property
    def waiting(self) -> bool:
        """An alarm was given and nobody answered it yet."""
        return self.state in ("pending", "reminded")

    def alarm(self) -> None:
        """Give the pattern once. An alarm before it that nobody answered has no reminder of its own any more.

        Raises
        ------
        PortError
            The vibrator failed; the reminder is the second attempt.
        """
        self._since, self.state = self._clock.monotonic(), "pending"
        self._buzzer.buzz(self._pattern)

    def poll(self) -> None:
        """Give the one reminder, or expire, when due.

        Raises
        ------
        PortError
            The vibrator failed at the reminder; there is no other.
        """
        if not self.waiting:
            return
        waited_s = self._clock.monotonic() - self._since
        if waited_s >= self._pattern.expires_after_s:
            # A phone that slept through the reminder must not be reminded of what is long over.
            self.state = "expired"
            return
        after_s = self._pattern.reminder_after_s
        if self.state == "pending" and after_s is not None and waited_s >= after_s:
            self.state = "reminded"
            self._buzzer.buzz(self._pattern)

    def acknowledge(self) -> None:
        """Stop, and give no reminder.

        Raises
        ------
        PortError
            The vibrator could not be stopped; there is no reminder all the same.
        """
        if self.waiting:
            self.state = "acknowledged"
            self._buzzer.cancel()

    def close(self) -> None:
        """End the buzz, and stop what still vibrates.

        Raises
        ------
        PortError
            The vibrator could not be stopped.
        """
        if self.waiting:
            self.state = "quiet"
            self._buzzer.cancel()


NOTICES = {
    "spoof": (
        "Synthetic voice suspected",
        "The voice in this call may be made by a machine. Hang up and call back on a number that you know.",
    ),
    "silenced": (
        "This call cannot be heard",
        "Android withholds the audio of this call, so its voice is not checked.",
    ),
    "blind": (
        "This call cannot be heard",
        "No audio of this call reaches the app, so its voice is not checked.",
    ),
}
"""Kind → title and text."""


class Notifier(Protocol):
    """The phone's notifications. It raises `PortError` when it fails."""

    def show(self, notice: dict[str, Any]) -> None:
        """Show ``kind``, ``title`` and ``text`` of the call ``call``; one of the same kind and call replaces it."""


def notice(kind: str, call: str) -> dict[str, Any]:
    """Return the notice of one of `NOTICES` for a call."""
    title, text = NOTICES[kind]
    return {"kind": kind, "call": call, "title": title, "text": text}


class JavaBuzzer:
    """A Java object with ``buzz(String)`` and ``cancel()``."""

    def __init__(self, java: Any) -> None:
        self._java = java

    def buzz(self, pattern: BuzzPattern) -> None:
        """Start the pattern.

        Raises
        ------
        PortError
            Java failed.
        """
        _call("the vibrator", lambda: self._java.buzz(pattern.to_json()))

    def cancel(self) -> None:
        """Stop it.

        Raises
        ------
        PortError
            Java failed.
        """
        _call("the vibrator", self._java.cancel)


class JavaNotifier:
    """A Java object with ``show(String)``."""

    def __init__(self, java: Any) -> None:
        self._java = java

    def show(self, notice: dict[str, Any]) -> None:
        """Show it.

        Raises
        ------
        PortError
            Java failed.
        """
        _call("the notification", lambda: self._java.show(json.dumps(notice)))


def _call(what: str, act: Callable[[], Any]) -> None:
    try:
        act()
    except Exception as error:  # each bridge raises Java's exceptions as a kind of its own
        raise PortError(f"{what} failed in the app: {error}; see the phone's log") from error
