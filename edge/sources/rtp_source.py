"""RTP over UDP as a source: the socket and the clock around `RtpReceiver`."""

from __future__ import annotations

import select
import socket
import time
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from edge.sources.addresses import open_socket
from edge.sources.events import Clock, Idle, SourceEvent
from edge.sources.rtp_receiver import RtpReceiver

IDLE_S = 1.0
_WAITING_S = 0.01
"""How often to look whether a missing packet was waited for long enough."""
_GATHER_S = 0.12
"""A call sends 50 datagrams a second, and waking for each costs more than scoring them: they are taken by sixes."""
_MAX_DATAGRAM = 65535
_DATAGRAMS_A_TURN = 64
"""Then streams get their turn to time out, however fast a sender floods."""
_RECEIVE_BUFFER = 1 << 20
"""Room for the seconds in which the consumer is busy; what overflows it is seen as loss."""


class RtpSource:
    """Listen for RTP; it has no end of its own, streams in it begin and end.

    Raises
    ------
    SourceOpenError
        On entering: the port is taken or the address is not of this machine.
    """

    def __init__(self, host: str, port: int, receiver: RtpReceiver, *, clock: Clock = time) -> None:
        self.name = f"rtp://{host}:{port}"
        self._address = (host, port)
        self._receiver = receiver
        self._clock = clock
        self._socket: socket.socket | None = None
        self._behind = False

    @property
    def counts(self) -> Counter[str]:
        """Packets, losses and troubles since it was opened."""
        return self._receiver.counts

    @property
    def port(self) -> int:
        """The port that is listened at, also where 0 asked for any."""
        return self._address[1] if self._socket is None else int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        """Bind the port."""
        self._socket = open_socket(self.name, *self._address, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the port."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield events until the source is closed; then the streams that are open end."""
        heard_at = told_at = self._clock.monotonic()
        while self._socket is not None:
            events = self._turn(self._socket)
            now = self._clock.monotonic()
            yield from events
            if events:
                heard_at = told_at = now
            elif now - told_at >= IDLE_S:
                told_at = now
                yield Idle(now - heard_at)
        yield from self._receiver.close()

    def _turn(self, opened: socket.socket) -> list[SourceEvent]:
        """Wait for datagrams, take those that are there, and let time pass."""
        ready, _, _ = select.select([opened], [], [], _WAITING_S if self._receiver.is_waiting else IDLE_S)
        if ready and not self._behind:
            self._clock.sleep(_GATHER_S)
        self._behind = True
        events: list[SourceEvent] = []
        for _ in range(_DATAGRAMS_A_TURN):
            try:
                data, peer = opened.recvfrom(_MAX_DATAGRAM)
            except BlockingIOError:
                self._behind = False
                break
            events += self._receiver.receive(data, peer[0], peer[1], self._clock.monotonic())
        return events + self._receiver.tick(self._clock.monotonic())
