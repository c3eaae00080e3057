"""Make the source that a `SourceAddress` names; `edge.service.source_address` parses its text."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from edge.service.source_address import SourceAddress, SourceSyntaxError
from edge.sources.audiosocket_source import AudioSocketSource, CallLimits
from edge.sources.command import CommandSource, StandardInput
from edge.sources.events import Clock, Source
from edge.sources.microphone import Microphone
from edge.sources.pcm import PcmFormat
from edge.sources.peers import PeerList
from edge.sources.recording import RecordingSource
from edge.sources.rtp_source import MAX_STREAMS, RtpReceiver, RtpSource


@dataclass(frozen=True)
class SourceOptions:
    """What an address does not say.

    Attributes
    ----------
    pcm : what ``cmd:`` and ``-`` carry.
    pace : of ``file:``, times real time; infinity for as fast as possible.
    channel : of ``file:``: ``mix``, ``left``, ``right`` or a number from 1.
    """

    pcm: PcmFormat = field(default_factory=PcmFormat)
    pace: float = 1.0
    channel: str = "mix"


def make_source(address: SourceAddress, options: SourceOptions | None = None, *, clock: Clock = time) -> Source:
    """Make the source that an address names; ``with`` opens it.

    Raises
    ------
    SourceSyntaxError
        An option of the address is wrong, or the command cannot be split into words.
    """
    options = options or SourceOptions()
    match address.kind:
        case "stdin":
            return StandardInput(options.pcm, clock=clock)
        case "mic":
            return Microphone(address.target, clock=clock)
        case "cmd":
            return CommandSource(address.target, options.pcm, clock=clock)
        case "file":
            return RecordingSource(address.target, pace=options.pace, channel=options.channel, clock=clock)
    allow = PeerList.parse(address.values("allow"))
    if address.kind == "rtp":
        receiver = RtpReceiver(allow=allow, max_streams=_number(address, "max_streams", MAX_STREAMS))
        return RtpSource(address.host, address.port, receiver, clock=clock)
    limits = CallLimits(
        max_calls=_number(address, "max_calls", CallLimits.max_calls),
        calls=frozenset(_uuid(address, value) for value in address.values("uuid")),
    )
    return AudioSocketSource(address.host, address.port, allow=allow, limits=limits, clock=clock)


def _number(address: SourceAddress, name: str, default: int) -> int:
    value = (address.values(name) or [str(default)])[-1]
    if not (value.isdecimal() and 1 <= int(value) <= 1000):
        raise SourceSyntaxError(f"source {address.text!r}: {name}={value}: expected a number from 1 to 1000")
    return int(value)


def _uuid(address: SourceAddress, value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError as error:
        raise SourceSyntaxError(
            f"source {address.text!r}: uuid={value}: expected a UUID such as 40325ec2-5efd-4bd3-805f-53576e581d13"
        ) from error
