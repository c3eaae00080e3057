"""A notification on the desktop: over D-Bus, or by the program notify-send.

Source: freedesktop.org, Desktop Notifications Specification 1.2, "Protocol" and "Hints".
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from edge.alerts.channels.program import find_program, passed_on, run_program
from edge.alerts.errors import DeliveryError, import_part
from edge.alerts.event import AlertEvent

_APP = "bonafone"
_CRITICAL = 2
_SERVER_DECIDES = -1
_SERVICE = "org.freedesktop.Notifications"


def ask_desktop(method: str, timeout_s: float, signature: str | None = None, body: tuple[Any, ...] = ()) -> Any:
    """Call a method of the session's notification service on a connection of its own.

    Returns
    -------
    jeepney's reply; one whose ``header.message_type.name`` is ``error`` holds the bus's words.

    Raises
    ------
    DeliveryError
        There is no session's D-Bus, or no answer within ``timeout_s`` seconds.
    MissingPartError
        jeepney is not installed.
    """
    jeepney, blocking = import_part("jeepney", "desktop"), import_part("jeepney.io.blocking", "desktop")
    address = jeepney.DBusAddress("/org/freedesktop/Notifications", bus_name=_SERVICE, interface=_SERVICE)
    message = jeepney.new_method_call(address, method, signature, body)
    try:
        connection = blocking.open_dbus_connection("SESSION")
    except (OSError, KeyError, ValueError, RuntimeError, jeepney.AuthenticationError) as error:
        reason = f"the environment has no {error.args[0]}" if isinstance(error, KeyError) else error
        raise DeliveryError(f"the session's D-Bus cannot be reached ({reason})") from error
    try:
        return connection.send_and_get_reply(message, timeout=timeout_s)
    except (OSError, EOFError, TimeoutError) as error:
        raise DeliveryError(f"no answer over D-Bus ({error or type(error).__name__})") from error
    finally:
        connection.close()


class DesktopChannel:
    """Calls ``org.freedesktop.Notifications.Notify`` on the session's bus, anew for each event.

    A bus that is not there yet (before login) is an attempt that failed, not an error of the configuration.
    ``timeout_s`` is for the answer, seconds.

    Raises
    ------
    MissingPartError
        jeepney is not installed.
    """

    name = "desktop"

    def __init__(self, *, timeout_s: float) -> None:
        import_part("jeepney", self.name)
        self._timeout_s = timeout_s
        self.longest_s = 2 * timeout_s

    def send(self, event: AlertEvent) -> None:
        """Show it until it is dismissed."""
        # The body is markup to many desktops; the title never is.
        text, hints = escape(event.summary()), {"urgency": ("y", _CRITICAL)}
        body: tuple[Any, ...] = (_APP, 0, "dialog-warning", event.title, text, [], hints, _SERVER_DECIDES)
        reply = ask_desktop("Notify", self._timeout_s, "susssasa{sv}i", body)
        if reply.header.message_type.name == "error":
            raise DeliveryError(f"the desktop refused the notification ({' '.join(map(str, reply.body))})")

    def close(self) -> None:
        """Nothing to free."""


class NotifySendChannel:
    """The same through the program ``notify-send``, for systems without jeepney.

    Raises
    ------
    MissingPartError
        The program is not there.
    """

    name = "desktop"

    def __init__(self, *, timeout_s: float, environment: Mapping[str, str]) -> None:
        hint = 'install libnotify-bin, or set desktop.method = "dbus"'
        self._program = find_program("notify-send", self.name, hint, environment.get("PATH"))
        self._timeout_s, self._environment = timeout_s, passed_on(environment)
        self.longest_s = timeout_s + 1.0

    def send(self, event: AlertEvent) -> None:
        """Show it until it is dismissed."""
        command = (
            self._program,
            "--urgency=critical",
            f"--app-name={_APP}",
            "--",
            event.title,
            escape(event.summary()),
        )
        run_program(command, timeout_s=self._timeout_s, environment=self._environment)

    def close(self) -> None:
        """Nothing to free."""
