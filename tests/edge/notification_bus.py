"""A D-Bus session of a test's own, and on it python3-dbusmock's notification service."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

SERVICE = "org.freedesktop.Notifications"


def python_with_dbusmock():
    """The Debian package is for the system's Python, not for a virtual environment's."""
    for python in (sys.executable, "/usr/bin/python3"):
        if (
            shutil.which(python)
            and not subprocess.run([python, "-c", "import dbusmock"], capture_output=True, check=False).returncode
        ):
            return python
    return None


@contextmanager
def session_bus():
    """Run a bus; gives its address."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("no dbus-daemon here: apt install dbus")
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1"], stdout=subprocess.PIPE, text=True
    )
    try:
        yield daemon.stdout.readline().strip()
    finally:
        daemon.terminate()
        daemon.wait(30)
        daemon.stdout.close()


@contextmanager
def notification_service(log):
    """Show notifications on the bus of ``DBUS_SESSION_BUS_ADDRESS``: calls are written to the file ``log``."""
    python = python_with_dbusmock()
    if python is None:
        pytest.skip("no D-Bus mock here: apt install python3-dbusmock")
    command = [python, "-m", "dbusmock", "--logfile", str(log), "--template", "notification_daemon"]
    service = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    probe = ["dbus-send", "--session", "--print-reply", f"--dest={SERVICE}", "/", "org.freedesktop.DBus.Peer.Ping"]
    deadline = time.monotonic() + 30
    try:
        while subprocess.run(probe, capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, "the mock did not come up"
            time.sleep(0.05)
        yield log
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(30)
