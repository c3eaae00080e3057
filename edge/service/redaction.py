"""Hide telephone numbers and people's names in what is shown, stored and sent: one rule for alerts, live and watch."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import PurePath

from edge.service.source_address import split_address

_HIDDEN = "***"
# Seven digits and more in a row, however a person groups them.
_NUMBER = re.compile(r"\+?\d(?:[\s().\-/_]*\d){6,}")
# What has as many digits and is nobody's number: the identities that PBXs and RTP give to calls, addresses of machines,
# and figures with a unit. A figure starts neither with a zero nor inside of a grouped number.
_NO_NUMBER = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|SSRC [0-9a-f]{8}\b"
    r"|(?P<address>\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?(?:/[0-9a-f]{8})?"
    r"|(?<![\d+])(?<!\d[\s().\-/_])(?:0|[1-9]\d{0,8})(?:\.\d+)? (?:[kM]?(?:Hz|B)|[mµ]?s|min|h|d[Bb]|%|nats|bytes"
    r"|samples|frames|packets|seconds)(?!\w)"
)
_ALREADY_HIDDEN = re.compile(r"\*{3}\d{0,2}")
_RECORDINGS = re.compile(
    r"\.(?:wav|w64|aiff?|au|caf|flac|mp3|og[ga]|opus|m4a|mp4|aac|amr|awb|3gpp?|mka|webm|wma)", re.IGNORECASE
)
_LEAST_WORD = 4
"""Shorter words of a command are options and such, and hiding them would tear holes into every text."""


def hide_numbers(text: str) -> str:
    """Hide all but the last two digits of telephone numbers; addresses of machines and figures stay.

    >>> hide_numbers("+49 170 1234567 from 192.168.10.27:40123, 12345.70 s of audio lost")
    '***67 from 192.168.10.27:40123, 12345.70 s of audio lost'
    """
    pieces, begin = [], 0
    for found in _NO_NUMBER.finditer(text):
        if found["address"] is None or _is_address(found["address"]):
            pieces += [_hide_found(text[begin : found.start()]), found[0]]
            begin = found.end()
    return "".join([*pieces, _hide_found(text[begin:])])


def hide_number(number: str) -> str:
    """Hide a whole field that holds a number or an address of a person, however short.

    >>> hide_number("110"), hide_number("+49 30 901820"), hide_number("jane@example.org")
    ('***', '***20', '***')
    """
    if _ALREADY_HIDDEN.fullmatch(number):
        return number
    digits = [character for character in number if character.isdigit()]
    # Two are enough to distinguish one's own contacts, and too few to call back.
    return _HIDDEN + "".join(digits[-2:] if len(digits) >= 5 else [])


def hide_name(path: str) -> str:
    """Leave only the kind of a recording: dialers put names and numbers into the rest.

    >>> hide_name("/calls/Jane Doe +49 170 1234567.M4A"), hide_name("Jane.Doe")
    ('***.m4a', '***')
    """
    suffix = PurePath(path).suffix
    return _HIDDEN + (suffix.lower() if _RECORDINGS.fullmatch(suffix) else "")


def hide_source(source: str) -> str:
    """Leave of a source what kind it is: files are named after people, and a command's arguments can hold anything.

    >>> hide_source("file:/calls/Jane.wav"), hide_source("cmd:/usr/bin/ffmpeg -i Jane.wav"), hide_source("mic:USB")
    ('file:***.wav', 'cmd:ffmpeg ***', 'mic:USB')
    """
    kind, target = split_address(source) or ("", "")
    if kind == "file":
        return f"file:{hide_name(target)}"
    if kind == "cmd" and " " in target.strip():
        return f"cmd:{PurePath(target.split()[0]).name} {_HIDDEN}"
    return source


def printable(text: str) -> str:
    """Replace control characters: what comes from the network must not steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


class Redactor:
    """Hides numbers, and what the name of one source holds of people, in texts about it.

    Parameters
    ----------
    source : name of the source as its user gave it.
    show_numbers, show_names : of `edge.alerts.settings.AlertSettings`.

    Attributes
    ----------
    source : its name as it may be shown.
    """

    def __init__(self, source: str, *, show_numbers: bool = False, show_names: bool = False) -> None:
        self.show_numbers, self.show_names = show_numbers, show_names
        self._numbers: Callable[[str], str] = str if show_numbers else hide_numbers
        self.source = printable(self._numbers(source if show_names else hide_source(source)))
        self._words = {} if show_names else _words_of(source)

    def text(self, text: str) -> str:
        """Return a text about the source as it may be shown, without control characters."""
        for word, shown in self._words.items():
            # As a whole alone: "exit" of a command is no part of "exited".
            begin, end = (r"\b" if character.isalnum() else "" for character in (word[0], word[-1]))
            text = re.sub(begin + re.escape(word) + end, shown, text)
        return printable(self._numbers(text))


def _hide_found(text: str) -> str:
    return _NUMBER.sub(lambda found: hide_number(found[0]), text)


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _words_of(source: str) -> dict[str, str]:
    """Map the whole of a file's path, and each argument of a command, the longest first, to what stands for it."""
    kind, target = split_address(source) or ("", "")
    if kind == "file":
        return {target: hide_name(target)}
    if kind != "cmd":
        return {}
    words = {word.strip("'\"") for word in target.split()[1:]} | {target.partition(" ")[2]}
    return {word: _HIDDEN for word in sorted(words, key=len, reverse=True) if len(word) >= _LEAST_WORD}
