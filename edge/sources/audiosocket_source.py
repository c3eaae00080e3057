"""AudioSocket as a source: a small TCP server, in a thread of its own so that no caller ever waits for the detector."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from edge.sources.addresses import open_socket
from edge.sources.audiosocket import HANGUP_MESSAGE
from edge.sources.audiosocket_call import Call, CallLimits
from edge.sources.backlog import MAX_S, Backlog
from edge.sources.errors import SourceError
from edge.sources.events import Clock, Idle, SourceEvent
from edge.sources.peers import PeerList
from edge.sources.troubles import TroubleMeter

IDLE_S = 1.0
_TURN_S = 0.25
"""How often the server looks at time limits."""
_READ_BYTES = 65536


class AudioSocketSource:
    """Listen for calls; each is a stream, several run at once. The source itself has no end.

    Nothing is ever sent but a hang-up: what a monitor sent would be played into the call.

    Parameters
    ----------
    allow : addresses that may connect; by default this machine alone.
    backlog_s : seconds of a call that may wait for the consumer before the oldest are dropped.

    Raises
    ------
    SourceOpenError
        On entering: the port is taken or the address is not of this machine.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        allow: PeerList | None = None,
        limits: CallLimits | None = None,
        backlog_s: float = MAX_S,
        clock: Clock = time,
    ) -> None:
        self.name = f"audiosocket://{host}:{port}"
        self._address = (host, port)
        self._allow = allow or PeerList()
        self._limits = limits or CallLimits()
        self._backlog = Backlog(backlog_s)
        self._clock = clock
        self._meter = TroubleMeter()
        self._listener: socket.socket | None = None
        self._server: threading.Thread | None = None
        self._closing = threading.Event()
        self._calls: dict[socket.socket, Call] = {}
        self._begun = 0

    @property
    def counts(self) -> Counter[str]:
        """Troubles, connections (``calls``) and ``dropped_samples`` since it was opened."""
        return self._meter.counts + Counter(calls=self._begun, dropped_samples=self._backlog.dropped_samples)

    @property
    def port(self) -> int:
        """The port that is listened at, also where 0 asked for any."""
        return self._address[1] if self._listener is None else int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        """Bind the port and start to serve."""
        self._listener = open_socket(self.name, *self._address, socket.SOCK_STREAM)
        self._server = threading.Thread(target=self._serve, args=(self._listener,), name="audiosocket", daemon=True)
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up every call and free the port."""
        self._closing.set()
        if self._server is not None:
            self._server.join()
        if self._listener is not None:
            self._listener.close()

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield the events of all calls, in turn, until the source is closed."""
        heard_at = self._clock.monotonic()
        while not self._closing.is_set():
            event = self._backlog.get(IDLE_S)
            if event is None and self._server is not None and not self._server.is_alive():
                # An open source that can never speak again would be the quietest of failures.
                raise SourceError(
                    f"{self.name}: the server stopped by a mistake of its own; report what is printed above"
                )
            if event is None:
                yield Idle(self._clock.monotonic() - heard_at)
            else:
                heard_at = self._clock.monotonic()
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
                    self._tell(call.closed(self._clock.monotonic()))
            finally:
                # Also after a mistake of our own: callers must not hang on a line that nobody hears.
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
            self._tell(call.expire(now))
        self._sweep(selector)

    def _accept(self, listener: socket.socket, selector: selectors.BaseSelector) -> None:
        try:
            opened, address = listener.accept()
        except OSError:
            # It left between the two calls, or no descriptor is free; the next turn tries again.
            return
        now = self._clock.monotonic()
        host, limit = address[0], self._limits.max_calls
        if not self._allow.allows(host):
            self._tell([*self._meter.add("refused", self._allow.refusal(host), now)])
        elif len(self._calls) >= limit or self._backlog.streams >= 2 * limit:
            text = f"{host}: a call more than the {limit} that are allowed at once; end one, or raise max_calls"
            self._tell([*self._meter.add("refused", text, now)])
        else:
            opened.setblocking(False)
            self._begun += 1
            name = f"call-{self._begun}"
            self._calls[opened] = Call(f"{host}:{address[1]}", now, self._limits, self._is_free, self._meter, name)
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
            self._tell(call.closed(self._clock.monotonic(), failure=f"the connection broke ({error.strerror})"))
            return
        now = self._clock.monotonic()
        self._tell(call.feed(data, now) if data else call.closed(now))
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

    def _tell(self, events: list[SourceEvent]) -> None:
        for event in events:
            self._backlog.put(event)


def _hang_up(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):
        opened.setblocking(False)
        opened.send(HANGUP_MESSAGE)
    opened.close()
