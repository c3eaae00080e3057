"""The text that names a source, as ``edge listen --source`` takes it, to a source object."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlsplit

from edge.sources.audiosocket_call import CallLimits
from edge.sources.audiosocket_source import AudioSocketSource
from edge.sources.command import CommandSource
from edge.sources.errors import SourceSyntaxError
from edge.sources.events import Clock, Source
from edge.sources.microphone import Microphone
from edge.sources.pcm import PcmFormat
from edge.sources.peers import PeerList
from edge.sources.pipes import StandardInput
from edge.sources.recording import RecordingSource
from edge.sources.rtp_receiver import MAX_STREAMS, RtpReceiver
from edge.sources.rtp_source import RtpSource

FORMS = "mic, mic:NAME, cmd:COMMAND, -, file:PATH, rtp://[HOST]:PORT or audiosocket://[HOST]:PORT"


@dataclass(frozen=True)
class SourceOptions:
    """What the text does not say.

    Attributes
    ----------
    pcm : what ``cmd:`` and ``-`` carry.
    pace : of ``file:``, times real time; infinity for as fast as possible.
    channel : of ``file:``.
    """

    pcm: PcmFormat = field(default_factory=PcmFormat)
    pace: float = 1.0
    channel: str = "mix"


def parse_source(text: str, options: SourceOptions | None = None, *, clock: Clock = time) -> Source:
    """Make the source that ``text`` names; nothing is opened yet.

    ====================================  ============================================================================
    ``mic``, ``mic:USB Audio``            the default microphone, or one by its name or a part of it
    ``cmd:parec --raw …``                 a command that prints PCM, run without a shell
    ``-``                                 PCM on standard input
    ``file:call.wav``                     a recording at the pace of ``options.pace``
    ``rtp://:5004?allow=10.0.0.5``        RTP at a UDP port; options ``allow``, ``max_streams``
    ``audiosocket://:9092?uuid=…``        AudioSocket at a TCP port; options ``allow``, ``uuid``, ``max_calls``
    ====================================  ============================================================================

    Without a host both listen at every IPv4 address; without ``allow`` they hear this machine alone. ``allow`` and
    ``uuid`` may be repeated.

    Raises
    ------
    SourceSyntaxError
        The text names no source, or an option of it is wrong.
    """
    options = options or SourceOptions()
    kind, colon, rest = text.partition(":")
    if text == "-":
        return StandardInput(options.pcm, clock=clock)
    if kind == "mic" and (rest or not colon):
        return Microphone(rest, clock=clock)
    if kind == "cmd" and colon:
        return CommandSource(rest, options.pcm, clock=clock)
    if kind == "file" and rest:
        return RecordingSource(rest, pace=options.pace, channel=options.channel, clock=clock)
    if kind in ("rtp", "audiosocket") and rest.startswith("//"):
        return _network(text, clock)
    hint = f"; for a recording write file:{text}" if os.path.isfile(text) else ""
    raise SourceSyntaxError(f"source {text!r}: expected {FORMS}{hint}")


def _network(text: str, clock: Clock) -> Source:
    url, host, port = _address(text)
    known = {"rtp": {"allow", "max_streams"}, "audiosocket": {"allow", "uuid", "max_calls"}}[url.scheme]
    given = _query(text, url, known)
    allow = PeerList.parse(given.get("allow", []))
    if url.scheme == "rtp":
        streams = _number(text, given, "max_streams", MAX_STREAMS)
        return RtpSource(host, port, RtpReceiver(allow=allow, max_streams=streams), clock=clock)
    limits = CallLimits(
        max_calls=_number(text, given, "max_calls", CallLimits.max_calls),
        calls=frozenset(_uuid(text, item) for item in given.get("uuid", [])),
    )
    return AudioSocketSource(host, port, allow=allow, limits=limits, clock=clock)


def _address(text: str) -> tuple[SplitResult, str, int]:
    expected = f"source {text!r}: expected a port from 1 to 65535, as in {text.partition(':')[0]}://:5004"
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
    return url, url.hostname or "", port


def _query(text: str, url: SplitResult, known: set[str]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(url.query, keep_blank_values=True):
        if name not in known:
            raise SourceSyntaxError(f"source {text!r}: no option {name!r}; there are {', '.join(sorted(known))}")
        given.setdefault(name, []).append(value)
    return given


def _number(text: str, given: dict[str, list[str]], name: str, default: int) -> int:
    value = given.get(name, [str(default)])[-1]
    if not (value.isdecimal() and 1 <= int(value) <= 1000):
        raise SourceSyntaxError(f"source {text!r}: {name}={value}: expected a number from 1 to 1000")
    return int(value)


def _uuid(text: str, value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError as error:
        raise SourceSyntaxError(
            f"source {text!r}: uuid={value}: expected a UUID such as 40325ec2-5efd-4bd3-805f-53576e581d13"
        ) from error
