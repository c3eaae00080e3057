"""One AudioSocket connection as a state machine: bytes and times in, events out. No sockets and no clock."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from edge.sources.audiosocket import Audio, Hangup, Identify, Message, MessageReader, PeerError
from edge.sources.errors import BadDataError
from edge.sources.events import EndReason, SourceEvent, TroubleKind
from edge.sources.track import Track
from edge.sources.troubles import TroubleMeter


@dataclass(frozen=True)
class CallLimits:
    """What a connection may do.

    Attributes
    ----------
    identify_s : seconds until the UUID must have come; Asterisk sends it at once.
    idle_s : seconds without a message after which the connection is closed. A gap is no end, but a peer that vanished
        without closing would hold its place for ever.
    max_calls : connections at once, those without a UUID included.
    calls : UUIDs that may call; empty for any.
    """

    identify_s: float = 2.0
    idle_s: float = 60.0
    max_calls: int = 16
    calls: frozenset[uuid.UUID] = frozenset()


class Call:
    """Follow one connection from the first byte to the last.

    Parameters
    ----------
    peer : address of the other side, for messages.
    now : seconds; when it connected.
    claim : takes the UUID for this connection; False if another one has it.
    """

    def __init__(
        self,
        peer: str,
        now: float,
        limits: CallLimits,
        claim: Callable[[uuid.UUID], bool],
        meter: TroubleMeter,
        name: str,
    ) -> None:
        self.call: uuid.UUID | None = None
        self.is_over = False
        self._peer = peer
        self._limits = limits
        self._claim = claim
        self._meter = meter
        self._name = name
        self._reader = MessageReader()
        self._track: Track | None = None
        self._streams = 0
        self._heard_at = now

    @property
    def deadline(self) -> float:
        """When `expire` has something to say, in seconds, unless a message comes before."""
        return self._heard_at + (self._limits.identify_s if self.call is None else self._limits.idle_s)

    def feed(self, data: bytes, now: float) -> list[SourceEvent]:
        """Take bytes; the connection is to be closed once `is_over`."""
        events: list[SourceEvent] = []
        try:
            messages = self._reader.feed(data)
        except BadDataError as error:
            return self._refuse("bad_data", f"{self._peer}: {error}", now)
        for message in messages:
            if self.is_over:
                break
            self._heard_at = now
            events += self._take(message, now)
        return events

    def expire(self, now: float) -> list[SourceEvent]:
        """Let time pass: close what does not identify itself, or says nothing for too long."""
        if self.is_over or now < self.deadline:
            return []
        if self.call is None:
            wanted = f"{self._peer}: no UUID within {self._limits.identify_s:g} s; expected AudioSocket"
            return self._refuse("bad_data", wanted, now)
        return self._end("timed_out", f"{self._peer}: no message for {self._limits.idle_s:g} s")

    def closed(self, now: float, *, failure: str = "") -> list[SourceEvent]:
        """Hear that the connection closed, in order or, with ``failure``, not."""
        if self.is_over:
            return []
        if failure:
            return self._end("gone", f"{self._peer}: {failure}")
        if self._reader.pending_bytes:
            cut = f"{self._peer}: closed inside a message, after {self._reader.pending_bytes} bytes of it"
            return self._refuse("bad_data", cut, now)
        return self._end("finished", "")

    def _take(self, message: Message, now: float) -> list[SourceEvent]:
        if isinstance(message, Identify):
            return self._identify(message.call, now)
        if self.call is None:
            first = f"{self._peer}: its first message is not the UUID; expected AudioSocket"
            return self._refuse("bad_data", first, now)
        if isinstance(message, Audio):
            return self._hear(message)
        if isinstance(message, PeerError):
            code = "" if message.code is None else f" {message.code}"
            return [*self._meter.add("peer", f"{self._peer} reports error{code}", now, stream=self._stream)]
        assert isinstance(message, Hangup)
        return self._end("finished", "")

    def _identify(self, call: uuid.UUID, now: float) -> list[SourceEvent]:
        if self.call is not None:
            return self._refuse("bad_data", f"{self._peer}: a second UUID in one connection", now)
        if self._limits.calls and call not in self._limits.calls:
            return self._refuse(
                "refused", f"{self._peer}: call {call} is not allowed; to let it in, add uuid={call} to the source", now
            )
        if not self._claim(call):
            return self._refuse(
                "refused", f"{self._peer}: call {call} is connected already; give each call its own", now
            )
        self.call = call
        return []

    def _hear(self, audio: Audio) -> list[SourceEvent]:
        events: list[SourceEvent] = []
        if not len(audio.samples):
            return events
        if self._track is not None and self._track.sample_rate != audio.sample_rate:
            events.append(self._track.end("replaced", f"the call goes on at {audio.sample_rate} Hz"))
            self._track = None
        if self._track is None:
            self._streams += 1
            suffix = "" if self._streams == 1 else f".{self._streams}"
            self._track = Track(self._name + suffix, audio.sample_rate)
            detail = f"call {self.call} from {self._peer}"
            events.append(self._track.start(detail, call_id=str(self.call), peer=self._peer))
        events.append(self._track.audio(audio.samples))
        return events

    @property
    def _stream(self) -> str | None:
        return None if self._track is None else self._track.stream

    def _refuse(self, kind: TroubleKind, detail: str, now: float) -> list[SourceEvent]:
        """End for a reason that somebody should look at."""
        trouble: list[SourceEvent] = [*self._meter.add(kind, detail, now, stream=self._stream)]
        return trouble + self._end("bad_data", detail)

    def _end(self, reason: EndReason, detail: str) -> list[SourceEvent]:
        self.is_over = True
        track, self._track = self._track, None
        return [] if track is None else [track.end(reason, detail)]
