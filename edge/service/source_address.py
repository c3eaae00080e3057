"""The address of a live source: the one parser of its text."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from edge.errors import EdgeError

Kind = Literal["mic", "cmd", "stdin", "file", "rtp", "audiosocket"]
FORMS = "mic, mic:NAME, cmd:COMMAND, -, file:PATH, rtp://[HOST]:PORT or audiosocket://[HOST]:PORT"


class SourceError(EdgeError):
    """A live source cannot be used."""


class SourceSyntaxError(SourceError):
    """The text names no source, or one of its options is wrong."""


@dataclass(frozen=True)
class SourceAddress:
    """A source as its user named it, split into its parts.

    ====================================  ============================================================================
    ``mic``, ``mic:USB Audio``            the default microphone, or one by its name or a part of it
    ``cmd:parec --raw …``                 a command that prints PCM, run without a shell
    ``-``                                 PCM on standard input
    ``file:call.wav``                     a recording at the pace of live audio, or another
    ``rtp://:5004?allow=10.0.0.5``        RTP at a UDP port; options ``allow``, ``max_streams``
    ``audiosocket://:9092?uuid=…``        AudioSocket at a TCP port; options ``allow``, ``uuid``, ``max_calls``
    ====================================  ============================================================================

    Without a host both listen at every IPv4 address; without ``allow`` only this machine may send. ``allow`` and
    ``uuid`` may be repeated.

    Attributes
    ----------
    text : the whole address, unredacted.
    kind : which source it is.
    target : name of a microphone, command or path of a recording; empty for the others and for the default microphone.
    host, port : of ``rtp`` and ``audiosocket``; an empty host is every IPv4 address.
    options : names and values after the question mark, in their order.
    """

    text: str
    kind: Kind
    target: str = ""
    host: str = ""
    port: int = 0
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> SourceAddress:
        """Split the text of ``--source`` into its parts; values of options are checked where the source is made.

        Raises
        ------
        SourceSyntaxError
            It names no source.

        Examples
        --------
        >>> address = SourceAddress.parse("rtp://:5004?allow=10.0.0.5")
        >>> address.kind, address.port, address.options
        ('rtp', 5004, (('allow', '10.0.0.5'),))
        """
        parts = split_address(text)
        if parts is None:
            hint = f"; for a recording write file:{text}" if os.path.isfile(text) else ""
            raise SourceSyntaxError(f"source {text!r}: expected {FORMS}{hint}")
        kind, target = parts
        return _network(text, kind) if kind in ("rtp", "audiosocket") else cls(text, kind, target)

    @property
    def is_network(self) -> bool:
        """Whether its streams are calls that come over the network, and may be several."""
        return self.kind in ("rtp", "audiosocket")

    @property
    def is_pcm(self) -> bool:
        """Whether it gives bytes whose rate and encoding only its user can say."""
        return self.kind in ("cmd", "stdin")

    def values(self, option: str) -> list[str]:
        """Every value of an option, in order."""
        return [value for name, value in self.options if name == option]


def split_address(text: str) -> tuple[Kind, str] | None:
    """Return kind and rest of a text, or None where it names no source."""
    kind, colon, rest = text.partition(":")
    if text == "-":
        return "stdin", ""
    named = {
        "mic": bool(rest) or not colon,
        "cmd": bool(colon),
        "file": bool(rest),
        "rtp": rest.startswith("//"),
        "audiosocket": rest.startswith("//"),
    }
    return next(((name, rest) for name in get_args(Kind) if name == kind and named.get(name)), None)


def _network(text: str, kind: Kind) -> SourceAddress:
    expected = f"source {text!r}: expected a port from 1 to 65535, as in {kind}://:5004"
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise SourceSyntaxError(expected) from error
    if not port:
        raise SourceSyntaxError(expected)
    if url.path not in ("", "/") or url.fragment or "@" in url.netloc:
        raise SourceSyntaxError(
            f"source {text!r}: expected host, port and options only, as in rtp://:5004?allow=10.0.0.5"
        )
    options = tuple(parse_qsl(url.query, keep_blank_values=True))
    known = {"rtp": ("allow", "max_streams"), "audiosocket": ("allow", "max_calls", "uuid")}[kind]
    for name, _ in options:
        if name not in known:
            raise SourceSyntaxError(f"source {text!r}: no option {name!r}; there are {', '.join(known)}")
    return SourceAddress(text, kind, host=url.hostname or "", port=port, options=options)
