"""What a log may show: the rules of the alerts, `edge.alerts.event.AlertEvent.redacted`, for names and for texts."""

from __future__ import annotations

import ipaddress
import re

from edge.alerts.event import AlertEvent, new_event_id, printable
from edge.service.source_address import SourceAddress

_LEAST_WORD = 4
"""Shorter words of a command are options and such, and hiding them would tear holes into every text."""
# Both look like long numbers, and neither is anybody's.
_MACHINES = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?")


class Redactor:
    """Hides numbers, and what the name of the source holds of people, unless asked to show them.

    Addresses of machines and identities of calls stay readable in texts: what to do about a refused sender depends on
    them, and they name no person.

    Parameters
    ----------
    source : name of the source as its user gave it.
    show_numbers, show_names : of `edge.alerts.settings.AlertSettings`.
    """

    def __init__(self, source: str, *, show_numbers: bool = False, show_names: bool = False) -> None:
        self._show = {"show_numbers": show_numbers, "show_names": show_names}
        hidden = self.event(_carrier(source=source)).source
        address = SourceAddress.parse(source)
        self._words = {} if show_names else _words_of(address, hidden)
        # Of a network's address the rules would leave nothing, and it is nobody's name or number.
        self.source = self.text(source) if address.is_network else hidden

    def event(self, event: AlertEvent) -> AlertEvent:
        """An event as it may be shown."""
        return event.redacted(**self._show)

    def text(self, text: str) -> str:
        """A text of the source as it may be shown, without control characters."""
        for word, shown in self._words.items():
            text = text.replace(word, shown)
        pieces, begin = [], 0
        for machine in _MACHINES.finditer(text):
            if _is_machine(machine[0]):
                pieces += [self._numbers(text[begin : machine.start()]), machine[0]]
                begin = machine.end()
        return printable("".join([*pieces, self._numbers(text[begin:])]))

    def _numbers(self, text: str) -> str:
        return self.event(_carrier(note=text)).note


def _carrier(*, source: str = "", note: str = "") -> AlertEvent:
    return AlertEvent(id=new_event_id("redaction"), kind="test", time_s=0.0, source=source, note=note)


def _words_of(address: SourceAddress, hidden: str) -> dict[str, str]:
    """What stands for the whole of a file's path, and for each argument of a command, the longest first."""
    if address.kind == "file":
        return {address.target: hidden.removeprefix("file:")}
    if address.kind != "cmd":
        return {}
    words = {word.strip("'\"") for word in address.target.split()[1:]} | {address.target.partition(" ")[2]}
    return {word: "***" for word in sorted(words, key=len, reverse=True) if len(word) >= _LEAST_WORD}


def _is_machine(text: str) -> bool:
    try:
        return "-" in text or bool(ipaddress.ip_address(text.partition(":")[0]))
    except ValueError:
        return False
