"""A process under a service manager: `Notifier` reports that it is ready and alive, `StopSignal` ends it in order.

Source: sd_notify(3) and sd_watchdog_enabled(3). One datagram a message, lines of ``NAME=value``, to the AF_UNIX socket
that ``NOTIFY_SOCKET`` names; the watchdog expects one before ``WATCHDOG_USEC`` microseconds have passed.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

PATIENCE_S = 1.0
"""How long one message may wait for a manager that reads slowly."""


class Notifier:
    """Sends to the manager's socket. A message that cannot be sent is dropped: listening goes on without a manager.

    Each method returns whether a message went out.

    Parameters
    ----------
    address : path of the socket, or ``@name`` in the abstract namespace; empty: no manager, nothing is ever sent.
    watchdog_s : seconds of silence after which the manager ends the process; None where it does not watch.
    clock : seconds that never run backwards.
    """

    def __init__(
        self, address: str = "", watchdog_s: float | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address, self._clock = address, clock
        # Half is the manual's advice. A quarter leaves room for a message that is lost or a chunk that takes long.
        self._every_s = None if watchdog_s is None else watchdog_s / 4.0
        self._alive_at: float | None = None
        self._status = ""

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic
    ) -> Notifier:
        """Follow ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``; whatever does not fit is ignored."""
        address = environment.get("NOTIFY_SOCKET", "")
        # Other families (vsock) are of virtual machines.
        return cls(address if address[:1] in ("/", "@") else "", _watchdog_s(environment), clock=clock)

    def ready(self) -> bool:
        """Send that starting is over: sources are open and the model is loaded."""
        return self._send("READY=1")

    def status(self, text: str) -> bool:
        """Send one line for people, which ``systemctl status`` shows; repeats are not sent."""
        line = " ".join(text.split())
        if line == self._status:
            return False
        self._status = line
        return self._send(f"STATUS={line}")

    def alive(self) -> bool:
        """Feed the watchdog when it is due; call it as often as you like, but only where progress shows."""
        if self._every_s is None:
            return False
        now = self._clock()
        if self._alive_at is not None and now - self._alive_at < self._every_s:
            return False
        self._alive_at = now
        return self._send("WATCHDOG=1")

    def stopping(self) -> bool:
        """Send that the process ends of its own will."""
        return self._send("STOPPING=1")

    def _send(self, message: str) -> bool:
        if not self._address:
            return False
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(PATIENCE_S)
                sender.sendto(message.encode("utf-8", "replace"), address)
        except (OSError, ValueError):
            # ValueError: a path with a zero byte in it. OSError: no socket there, refused, full, or too long a path.
            return False
        return True


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Return seconds, or None where the watchdog is off or waits for another process (the parent of this one)."""
    try:
        micros = int(environment.get("WATCHDOG_USEC", "0"))
        pid = int(environment.get("WATCHDOG_PID") or os.getpid())
    except ValueError:
        return None
    return micros / 1e6 if micros > 0 and pid == os.getpid() else None


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
