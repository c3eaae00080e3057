"""The phone itself, through the Termux:API programs: vibration, and a notification.

Two channels, not one: when only the notification fails, its next attempt must not make the phone vibrate again.
Source: `termux-vibrate -h` and `termux-notification --help` of the package termux-api.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.alerts.channels.channel import ChannelContext, ChannelSettings
from edge.alerts.channels.program import ProgramChannel
from edge.alerts.event import AlertConfigError, AlertEvent
from edge.settings import check_range

_HINT = "install the app Termux:API, and in Termux run: pkg install termux-api"


@dataclass(frozen=True)
class TermuxVibrateSettings(ChannelSettings):
    """The table ``[alerts.termux_vibrate]``: pulses and the pauses between in ms; ``timeout_s`` is for each pulse."""

    pulses_ms: tuple[int, ...] = (800, 800, 800)
    pause_ms: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.pulses_ms) <= 10 or not all(10 <= pulse <= 5000 for pulse in self.pulses_ms):
            raise AlertConfigError(f"pulses_ms: expected 1 to 10 pulses of 10 to 5000, got {list(self.pulses_ms)}")
        check_range(self, "pause_ms", 0, 5000)


class TermuxVibrateChannel(ProgramChannel):
    """Vibrate in pulses, also in silent mode: during a call notifications are kept from vibrating."""

    name = "termux_vibrate"
    Settings = TermuxVibrateSettings
    program = "termux-vibrate"
    install = _HINT
    advice = "open the app Termux:API once and allow it to run in the background"

    def __init__(self, settings: TermuxVibrateSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._settings, self._sleep = settings, context.sleep
        self.longest_s = sum(settings.timeout_s + (pulse + settings.pause_ms) / 1000 for pulse in settings.pulses_ms)

    def send(self, event: AlertEvent) -> None:
        """Give every pulse once."""
        settings = self._settings
        for index, pulse in enumerate(settings.pulses_ms):
            if index:
                # The program returns at once, while the phone still vibrates.
                self._sleep((settings.pulses_ms[index - 1] + settings.pause_ms) / 1000)
            self._run(self.program, "-d", str(pulse), "-f")


class TermuxNotifyChannel(ProgramChannel):
    """Show a notification of high priority, with sound; a second attempt replaces the first instead of nagging."""

    name = "termux_notify"
    program = "termux-notification"
    install = _HINT
    advice = "allow notifications for the app Termux:API"

    def send(self, event: AlertEvent) -> None:
        """Show the event's title and summary."""
        words = ("--id", event.id, "--title", event.title, "--content", event.summary())
        self._run(self.program, *words, "--priority", "max", "--sound", "--alert-once")
