"""A notification on the desktop, by the program notify-send.

Source: freedesktop.org, Desktop Notifications Specification 1.2, "Basic Design": the body is markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from edge.alerts.channels.channel import Channel, ChannelContext, ChannelSettings, Need, need_program
from edge.alerts.channels.program import passed_on, run_program
from edge.alerts.event import AlertEvent


class DesktopChannel(Channel):
    """Show a notification until it is dismissed.

    A session that is not there yet (before login) is an attempt that failed, not an error of the configuration.
    """

    name = "desktop"
    advice = "log in to the desktop on this machine, and run notify-send by hand to see what it says"

    def __init__(self, settings: ChannelSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._timeout_s, self._environment = settings.timeout_s, passed_on(context.environment)

    @classmethod
    def needs(cls, settings: ChannelSettings, environment: Mapping[str, str]) -> list[Need]:
        """List the program notify-send."""
        return [need_program("notify-send", "install it, on Debian: apt install libnotify-bin", environment)]

    def send(self, event: AlertEvent) -> None:
        """Run notify-send with the event's title and summary."""
        options = ("--urgency=critical", "--app-name=bonafone", "--")
        command = ("notify-send", *options, event.title, escape(event.summary()))
        run_program(command, timeout_s=self._timeout_s, environment=self._environment)
