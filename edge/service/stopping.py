"""Ctrl-C and the service manager's SIGTERM as a flag that also ends a wait."""

from __future__ import annotations

import select
import signal
import socket
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self


class StopSignal:
    """A context manager: SIGINT and SIGTERM set the flag; a second Ctrl-C ends the program at once.

    The command finishes what is under way and ends in order. Only in the main thread. No `threading.Event`: its
    lock may be held just when the signal comes.
    """

    def __init__(self) -> None:
        self._asked = False

    def __enter__(self) -> Self:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    @property
    def asked(self) -> bool:
        """Whether the end was asked for."""
        return self._asked

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the end is asked for; return whether it was."""
        if not self._asked:
            select.select([self._reader], [], [], seconds)
        return self._asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._asked = True
        with suppress(OSError):
            self._writer.send(b"\0")
