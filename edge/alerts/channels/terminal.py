"""A line and a bell on the terminal."""

from __future__ import annotations

from datetime import datetime
from typing import TextIO

from edge.alerts.errors import DeliveryError
from edge.alerts.event import AlertEvent


class TerminalChannel:
    """Writes to ``stream``, which stays the caller's; ``bell`` adds the character that makes terminals beep."""

    name = "terminal"
    longest_s = 1.0

    def __init__(self, stream: TextIO, *, bell: bool = True) -> None:
        self._stream, self._bell = stream, bell

    def send(self, event: AlertEvent) -> None:
        """Write one line, in local time."""
        time = datetime.fromtimestamp(event.time_s).astimezone().strftime("%H:%M:%S")
        try:
            self._stream.write(f"{chr(7) if self._bell else ''}{time} {event.title}: {event.summary()}\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise DeliveryError(f"the terminal cannot be written to ({error})") from error

    def close(self) -> None:
        """Nothing to free."""
