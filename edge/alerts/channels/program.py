"""Run another program within a time limit, without a shell and without our secrets."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from edge.alerts.errors import DeliveryError
from edge.service.redaction import printable

# What programs need to find themselves and the desktop. The rest stays here: it may hold the secrets of other channels.
_KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PREFIX", "LD_LIBRARY_PATH", "LD_PRELOAD",
    "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY",
    # Termux: its programs reach the Android side through Android's own tools.
    "ANDROID_DATA", "ANDROID_ROOT", "BOOTCLASSPATH", "TERMUX_VERSION",
)  # fmt: skip


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that another program may see; they hold no secret."""
    return {name: environment[name] for name in _KEPT if name in environment}


def run_program(
    command: Sequence[str], *, timeout_s: float, environment: Mapping[str, str], stdin: bytes = b""
) -> None:
    """Run ``command`` to its end; its program is looked up on the PATH of ``environment``.

    Raises
    ------
    DeliveryError
        It cannot be started, takes longer than ``timeout_s`` (it and its children are killed), or fails.
    """
    name = os.path.basename(command[0])
    try:
        process = subprocess.Popen(
            (os.path.expanduser(command[0]), *command[1:]),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=dict(environment),
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
