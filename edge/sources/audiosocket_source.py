"""AudioSocket as a source: a TCP server in a thread of its own, so that no call waits for the detector."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge.service.source_address import SourceError
from edge.sources.audiosocket import HANGUP_MESSAGE, Audio, Hangup, Identify, Message, MessageReader, PeerError
from edge.sources.backlog import MAX_S, Backlog, TroubleMeter
from edge.sources.events import BadDataError, Clock, EndReason, Idle, Source, SourceEvent, Track, TroubleKind
from edge.sources.peers import PeerList, open_socket

IDLE_S = 1.0
_TURN_S = 0.25
"""How often the server checks time limits."""
_READ_BYTES = 65536


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


class AudioSocketSource(Source):
    """Listen for calls at a TCP port; each is a stream, several run at once. The source never ends by itself.

    Only a hang-up is ever sent: anything else would be played into the call.

    Parameters
    ----------
    allow : addresses that may connect; by default this machine alone.

    Raises
    ------
    SourceOpenError
        On opening: the port is taken or the address is not of this machine.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        allow: PeerList | None = None,
        limits: CallLimits | None = None,
        clock: Clock = time,
    ) -> None:
        self.name = f"audiosocket://{host}:{port}"
        self._address = (host, port)
        self._allow = allow or PeerList()
        self._limits = limits or CallLimits()
        self._backlog = Backlog(MAX_S)
        self._clock = clock
        self._meter = TroubleMeter()
        self._socket: socket.socket | None = None
        self._server: threading.Thread | None = None
        self._closing = threading.Event()
        self._calls: dict[socket.socket, Call] = {}
        self._started = 0

    @property
    def counts(self) -> Counter[str]:
        """Troubles, connections (``calls``) and ``dropped_samples`` since it was opened."""
        return self._meter.counts + Counter(calls=self._started, dropped_samples=self._backlog.dropped_samples)

    def open(self) -> None:
        """Bind the port and start to serve."""
        self._socket = open_socket(self.name, *self._address, socket.SOCK_STREAM)
        self._server = threading.Thread(target=self._serve, args=(self._socket,), name="audiosocket", daemon=True)
        self._server.start()

    def close(self) -> None:
        """Hang up every call and free the port."""
        self._closing.set()
        if self._server is not None:
            self._server.join()
        if self._socket is not None:
            self._socket.close()

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield the events of all calls, in turn, until the source is closed."""
        event_at = self._clock.monotonic()
        while not self._closing.is_set():
            event = self._backlog.get(IDLE_S)
            if event is None and self._server is not None and not self._server.is_alive():
                # Otherwise the source would stay open and silent for good.
                raise SourceError(f"{self.name}: a bug stopped the server; report what is printed above")
            if event is None:
                yield Idle(self._clock.monotonic() - event_at)
            else:
                event_at = self._clock.monotonic()
                yield event
        while (event := self._backlog.get(0.0)) is not None:
            yield event

    def _serve(self, listener: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            try:
                while not self._closing.is_set():
                    self._turn(listener, selector)
                for call in self._calls.values():
                    self._put(call.closed(self._clock.monotonic()))
            finally:
                # Also after a bug of ours: a caller must not stay connected to a server that has stopped.
                for opened in self._calls:
                    _hang_up(opened)
                self._calls.clear()

    def _turn(self, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select(_TURN_S):
            opened = key.fileobj
            assert isinstance(opened, socket.socket)
            if opened is listener:
                self._accept(listener, selector)
            else:
                self._read(opened)
        now = self._clock.monotonic()
        for call in self._calls.values():
            self._put(call.expire(now))
        self._sweep(selector)

    def _accept(self, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        try:
            opened, address = listener.accept()
        except OSError:
            # It closed between the two calls, or no descriptor is free; the next turn tries again.
            return
        now = self._clock.monotonic()
        host, limit = address[0], self._limits.max_calls
        if not self._allow.allows(host):
            self._put(self._meter.add("refused", self._allow.refusal(host), now))
        elif len(self._calls) >= limit or self._backlog.streams >= 2 * limit:
            text = f"{host}: a call more than the {limit} that are allowed at once; end one, or raise max_calls"
            self._put(self._meter.add("refused", text, now))
        else:
            opened.setblocking(False)
            self._started += 1
            name, peer = f"call-{self._started}", f"{host}:{address[1]}"
            self._calls[opened] = Call(name, peer, now, self._limits, self._meter, self._is_free)
            selector.register(opened, selectors.EVENT_READ)
            return
        _hang_up(opened)

    def _read(self, opened: socket.socket) -> None:
        call = self._calls[opened]
        try:
            data = opened.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._put(call.closed(self._clock.monotonic(), failure=f"the connection broke ({error.strerror})"))
            return
        now = self._clock.monotonic()
        self._put(call.feed(data, now) if data else call.closed(now))
        if not data:
            call.is_over = True

    def _sweep(self, selector: selectors.BaseSelector) -> None:
        """Close the connections whose calls are over."""
        for opened in [opened for opened, call in self._calls.items() if call.is_over]:
            del self._calls[opened]
            selector.unregister(opened)
            _hang_up(opened)

    def _is_free(self, call: uuid.UUID) -> bool:
        return all(other.call != call for other in self._calls.values())

    def _put(self, events: list[SourceEvent]) -> None:
        for event in events:
            self._backlog.put(event)


def _hang_up(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):
        opened.setblocking(False)
        opened.send(HANGUP_MESSAGE)
    opened.close()


class Call:
    """One connection as a state machine, from the first byte to the last: bytes and times in, events out.

    Parameters
    ----------
    name, peer : of its stream, and of the other side, as ``HOST:PORT``.
    now : seconds; when it connected.
    is_free : whether no other connection has a UUID.
    """

    def __init__(
        self,
        name: str,
        peer: str,
        now: float,
        limits: CallLimits,
        meter: TroubleMeter,
        is_free: Callable[[uuid.UUID], bool],
    ) -> None:
        self.call: uuid.UUID | None = None
        self.is_over = False
        self._name, self._peer = name, peer
        self._limits, self._meter, self._is_free = limits, meter, is_free
        self._reader = MessageReader()
        self._track: Track | None = None
        self._streams = 0
        self._received_at = now

    def feed(self, data: bytes, now: float) -> list[SourceEvent]:
        """Handle further bytes; the connection is to be closed once `is_over`."""
        events: list[SourceEvent] = []
        try:
            messages = self._reader.feed(data)
        except BadDataError as error:
            return self._refuse("bad_data", f"{self._peer}: {error}", now)
        for message in messages:
            if self.is_over:
                break
            self._received_at = now
            events += self._handle(message, now)
        return events

    def expire(self, now: float) -> list[SourceEvent]:
        """End the call if it has not identified itself, or has sent nothing, for too long."""
        limit_s = self._limits.identify_s if self.call is None else self._limits.idle_s
        if self.is_over or now < self._received_at + limit_s:
            return []
        if self.call is None:
            return self._refuse("bad_data", f"{self._peer}: no UUID within {limit_s:g} s; expected AudioSocket", now)
        return self._end("timed_out", f"{self._peer}: no message for {limit_s:g} s")

    def closed(self, now: float, *, failure: str = "") -> list[SourceEvent]:
        """Handle the end of the connection: in order, or with a ``failure``."""
        if self.is_over:
            return []
        if failure:
            return self._end("gone", f"{self._peer}: {failure}")
        if self._reader.pending_bytes:
            cut = f"{self._peer}: closed inside a message, after {self._reader.pending_bytes} bytes of it"
            return self._refuse("bad_data", cut, now)
        return self._end("finished", "")

    def _handle(self, message: Message, now: float) -> list[SourceEvent]:
        if isinstance(message, Identify):
            return self._identify(message.call, now)
        if self.call is None:
            first = f"{self._peer}: its first message is not the UUID; expected AudioSocket"
            return self._refuse("bad_data", first, now)
        if isinstance(message, Audio):
            return self._audio(message)
        if isinstance(message, PeerError):
            code = "" if message.code is None else f" {message.code}"
            return self._meter.add("peer", f"{self._peer} reports error{code}", now, stream=self._stream)
        assert isinstance(message, Hangup)
        return self._end("finished", "")

    def _identify(self, call: uuid.UUID, now: float) -> list[SourceEvent]:
        if self.call is not None:
            return self._refuse("bad_data", f"{self._peer}: a second UUID in one connection", now)
        if self._limits.calls and call not in self._limits.calls:
            text = f"{self._peer}: call {call} is not allowed; to let it in, add uuid={call} to the source"
            return self._refuse("refused", text, now)
        if not self._is_free(call):
            text = f"{self._peer}: call {call} is connected already; give each call its own"
            return self._refuse("refused", text, now)
        self.call = call
        return []

    def _audio(self, audio: Audio) -> list[SourceEvent]:
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
        """End the call for a reason that needs attention."""
        return self._meter.add(kind, detail, now, stream=self._stream) + self._end("bad_data", detail)

    def _end(self, reason: EndReason, detail: str) -> list[SourceEvent]:
        self.is_over = True
        track, self._track = self._track, None
        return [] if track is None else [track.end(reason, detail)]
