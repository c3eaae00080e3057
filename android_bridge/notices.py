"""What the notification says; the app shows it as it is."""

from __future__ import annotations

from typing import Any, Protocol

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
    """The notice of one of `NOTICES` for a call."""
    title, text = NOTICES[kind]
    return {"kind": kind, "call": call, "title": title, "text": text}
