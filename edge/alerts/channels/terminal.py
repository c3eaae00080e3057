"""A line and a bell on the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from edge.alerts.channels.channel import Channel, ChannelContext, ChannelSettings
from edge.alerts.event import AlertEvent, DeliveryError


@dataclass(frozen=True)
class TerminalSettings(ChannelSettings):
    """The table ``[alerts.terminal]``; ``bell`` adds the character that makes terminals beep."""

    bell: bool = True


class TerminalChannel(Channel):
    """Write to the terminal of the context, which stays the caller's."""

    name = "terminal"
    Settings = TerminalSettings
    advice = "look at this terminal"

    def __init__(self, settings: TerminalSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._stream, self._bell = context.terminal, settings.bell
        self.longest_s = 1.0

    def send(self, event: AlertEvent) -> None:
        """Write an event as one line, in local time."""
        time = datetime.fromtimestamp(event.time_s).astimezone().strftime("%H:%M:%S")
        try:
            self._stream.write(f"{chr(7) if self._bell else ''}{time} {event.title}: {event.summary()}\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise DeliveryError(f"the terminal cannot be written to ({error})") from error
