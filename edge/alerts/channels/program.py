"""A channel that runs another program: within a time limit, without a shell and without our secrets."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from edge.alerts.channels.channel import Channel, ChannelContext, Need, need_program
from edge.alerts.event import DeliveryError
from edge.service.redaction import printable

# What programs need to find themselves and the desktop. The rest stays here: it may hold the secrets of other channels.
_KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PREFIX", "LD_LIBRARY_PATH", "LD_PRELOAD",
    "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY",
    # Termux: its programs reach the Android side through Android's own tools.
    "ANDROID_DATA", "ANDROID_ROOT", "BOOTCLASSPATH", "TERMUX_VERSION",
)  # fmt: skip


class ProgramChannel(Channel):
    """A channel whose events go out through a program; ``install`` says how to get it."""

    program: ClassVar[str]
    install: ClassVar[str]

    def __init__(self, settings: Any, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._timeout_s = settings.timeout_s
        self._environment = {name: context.environment[name] for name in _KEPT if name in context.environment}

    @classmethod
    def needs(cls, settings: Any, environment: Mapping[str, str]) -> list[Need]:
        """List the program."""
        return [need_program(cls.program, cls.install, environment)]

    def _run(self, *command: str, facts: Mapping[str, str] | None = None, stdin: bytes = b"") -> None:
        _run_program(command, self._timeout_s, {**self._environment, **(facts or {})}, stdin)


def _run_program(command: Sequence[str], timeout_s: float, environment: Mapping[str, str], stdin: bytes) -> None:
    """Run a command to its end, or kill it and its children after ``timeout_s``; raise `DeliveryError` if it fails."""
    name = os.path.basename(command[0])
    try:
        process = subprocess.Popen(
            (os.path.expanduser(command[0]), *command[1:]),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise DeliveryError(f"{name} cannot be started ({error.strerror})") from error
    with process:
        try:
            _, errors = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            _kill_group(process)
            raise DeliveryError(f"{name} took longer than {timeout_s:g} s and was ended") from None
        except BaseException:
            _kill_group(process)
            raise
    if process.returncode:
        last = printable(errors.decode("utf-8", "replace").strip().rpartition("\n")[2][:200])
        raise DeliveryError(f"{name} ended with {process.returncode}" + (f": {last}" if last else ""))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # A hook's own children would otherwise hold the pipe open, and us with it.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
