"""A notification on the desktop, by the program notify-send.

Source: freedesktop.org, Desktop Notifications Specification 1.2, "Basic Design": the body is markup.
"""

from __future__ import annotations

from html import escape

from edge.alerts.channels.program import ProgramChannel
from edge.alerts.event import AlertEvent


class DesktopChannel(ProgramChannel):
    """Show a notification until it is dismissed.

    A session that is not there yet (before login) is an attempt that failed, not an error of the configuration.
    """

    name = "desktop"
    program = "notify-send"
    install = "install it, on Debian: apt install libnotify-bin"
    advice = "log in to the desktop on this machine, and run notify-send by hand to see what it says"

    def send(self, event: AlertEvent) -> None:
        """Run notify-send with the event's title and summary."""
        options = ("--urgency=critical", "--app-name=bonafone", "--")
        self._run(self.program, *options, event.title, escape(event.summary()))
