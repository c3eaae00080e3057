"""The phone itself, through the Termux:API programs: it vibrates, and it shows a notification.

Two channels, not one: when only the notification fails, its next attempt must not make the phone vibrate again.
Source: `termux-vibrate -h` and `termux-notification --help` of the package termux-api.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from edge.alerts.channels.program import find_program, passed_on, run_program
from edge.alerts.event import AlertEvent

_HINT = "install the app Termux:API, and in Termux run: pkg install termux-api"


class TermuxVibrateChannel:
    """Vibrates in pulses, even in silent mode: a call is just when notifications are kept from vibrating.

    Parameters
    ----------
    pulses_ms : length of each pulse, milliseconds.
    pause_ms : between two pulses, milliseconds.
    timeout_s : for each call of the program, seconds.
    environment : where PATH is looked up.
    sleep : waits so many seconds.

    Raises
    ------
    MissingPartError
        Termux:API is not there.
    """

    name = "termux_vibrate"

    def __init__(
        self,
        pulses_ms: Sequence[int],
        pause_ms: int,
        *,
        timeout_s: float,
        environment: Mapping[str, str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._program = find_program("termux-vibrate", self.name, _HINT, environment.get("PATH"))
        self._pulses_ms, self._pause_ms, self._sleep = tuple(pulses_ms), pause_ms, sleep
        self._timeout_s, self._environment = timeout_s, passed_on(environment)
        self.longest_s = sum(timeout_s + (pulse + pause_ms) / 1000 for pulse in self._pulses_ms)

    def send(self, event: AlertEvent) -> None:
        """Give every pulse once."""
        for index, pulse in enumerate(self._pulses_ms):
            if index:
                # The program returns at once, while the phone still vibrates.
                self._sleep((self._pulses_ms[index - 1] + self._pause_ms) / 1000)
            run_program(
                (self._program, "-d", str(pulse), "-f"), timeout_s=self._timeout_s, environment=self._environment
            )

    def close(self) -> None:
        """Nothing to free."""


class TermuxNotifyChannel:
    """Shows a notification of high priority, with sound; a second attempt replaces the first instead of nagging.

    Raises
    ------
    MissingPartError
        Termux:API is not there.
    """

    name = "termux_notify"

    def __init__(self, *, timeout_s: float, environment: Mapping[str, str]) -> None:
        self._program = find_program("termux-notification", self.name, _HINT, environment.get("PATH"))
        self._timeout_s, self._environment = timeout_s, passed_on(environment)
        self.longest_s = timeout_s + 1.0

    def send(self, event: AlertEvent) -> None:
        """Show it."""
        command = (self._program, "--id", event.id, "--title", event.title, "--content", event.summary())
        options = ("--priority", "max", "--sound", "--alert-once")
        run_program((*command, *options), timeout_s=self._timeout_s, environment=self._environment)

    def close(self) -> None:
        """Nothing to free."""
