"""Vibrator and notifications of an app in Java, through whichever bridge: JSON out, nothing back.

void buzz(String patternJson)     start the pattern once: timings_ms, amplitudes, usage, total_ms, …
void cancel()                     stop what still vibrates
void show(String noticeJson)      a notification: kind, call, title, text
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from android_bridge.buzz import BuzzPattern
from android_bridge.errors import PortError


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
