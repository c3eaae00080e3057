"""`edge listen` as a process of its own, started as a service starts it, and what it costs by the kernel's account."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import IO, Any, Self

from edge.errors import EdgeError

_START_S, _END_S = 60.0, 30.0
_TICKS = os.sysconf("SC_CLK_TCK")
_STDERR_LINES = 50


class EdgeListen:
    """A running `edge listen --json`; a context manager, ready when entered, ended when left.

    Nothing of the machine's configuration is used: alerts go to an outbox in a temporary folder, and to no channel.

    Parameters
    ----------
    arguments : beside ``--json`` and ``--config``.
    hear : called with each line of the output, decoded, in a thread of its own.
    feeds : whether the process is fed through `stdin`.

    Raises
    ------
    EdgeError
        It ended before it was ready, or does not become ready within a minute.
    """

    def __init__(self, *arguments: str, hear: Callable[[dict[str, Any]], object], feeds: bool = False) -> None:
        self._arguments, self._hear, self._feeds = arguments, hear, feeds
        self._folder = tempfile.TemporaryDirectory(prefix="edge-listen-")
        self._errors: list[str] = []

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        config = folder / "bonafone.toml"
        config.write_text(f"[alerts]\noutbox = {json.dumps(str(folder / 'alerts.sqlite'))}\n", encoding="utf-8")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(folder / "notify"))
            manager.settimeout(0.2)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edge", "listen", "--json", "--config", str(config), *self._arguments],
                stdin=subprocess.PIPE if self._feeds else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=Path(__file__).resolve().parents[1],
                env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify"), "PYTHONUNBUFFERED": "1"},
            )
            self._threads = [
                Thread(target=self._read_output, args=(self._process.stdout,), daemon=True),
                Thread(target=self._read_errors, args=(self._process.stderr,), daemon=True),
            ]
            for thread in self._threads:
                thread.start()
            try:
                self._wait_until_ready(manager)
            except BaseException:
                self.__exit__(None, None, None)
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_input()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join()
        self._folder.cleanup()

    @property
    def stdin(self) -> IO[bytes]:
        """Where audio goes in, when ``feeds``."""
        if self._process.stdin is None:
            raise ValueError("the process is not fed")
        return self._process.stdin

    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def finish(self, timeout_s: float) -> int:
        """Close the input, wait for the end, and return the exit status.

        Raises
        ------
        EdgeError
            It does not end.
        """
        self._close_input()
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise EdgeError(f"edge listen has not ended {timeout_s:g} s after its input did") from None
        for thread in self._threads:
            thread.join()
        return status

    def errors(self) -> str:
        """The last lines that it wrote to stderr."""
        return "\n".join(self._errors)

    def cpu_s(self) -> float:
        """Seconds of processor that it has used, all of its threads together. Source: proc_pid_stat(5).

        Raises
        ------
        EdgeError
            The process has ended. `memory_mb` raises it too.
        """
        # The program's name, in brackets, may hold anything.
        fields = self._account("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self, which: str = "VmRSS") -> float:
        """Memory in 10^6 bytes: ``VmRSS`` now, ``VmHWM`` at most so far. Source: proc_pid_status(5)."""
        lines = dict(line.split(":", 1) for line in self._account("status").splitlines())
        if which not in lines:
            raise EdgeError(f"edge listen has just ended: {self.errors()}")
        return int(lines[which].split()[0]) * 1024 / 1e6

    def _account(self, name: str) -> str:
        try:
            return Path(f"/proc/{self._process.pid}/{name}").read_text()
        except (FileNotFoundError, ProcessLookupError):
            raise EdgeError(f"edge listen has ended: {self.errors()}") from None

    def _close_input(self) -> None:
        # What is still in the buffer cannot be written where the process has ended.
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _wait_until_ready(self, manager: socket.socket) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if not self.running():
                for thread in self._threads:
                    thread.join()
                raise EdgeError(f"edge listen ended with {self._process.returncode}: {self.errors()}")
            try:
                if "READY=1" in manager.recv(4096).decode().splitlines():
                    return
            except TimeoutError:
                continue
        raise EdgeError(f"edge listen is not ready after {_START_S:g} s: {self.errors()}")

    def _read_output(self, output: IO[bytes]) -> None:
        for line in output:
            self._hear(json.loads(line))

    def _read_errors(self, errors: IO[bytes]) -> None:
        for line in errors:
            self._errors = [*self._errors, line.decode(errors="replace").rstrip()][-_STDERR_LINES:]
