"""Desktop notifications over a real D-Bus, to python3-dbusmock's notification service."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from edge.alerts.channels.desktop import DesktopChannel, NotifySendChannel
from edge.alerts.errors import DeliveryError, MissingPartError

pytest.importorskip("jeepney", reason="jeepney is not installed (extra alerts)")


def python_with_dbusmock():
    """The Debian package is for the system's Python, not for a virtual environment's."""
    for python in (sys.executable, "/usr/bin/python3"):
        if (
            shutil.which(python)
            and not subprocess.run([python, "-c", "import dbusmock"], capture_output=True, check=False).returncode
        ):
            return python
    return None


@pytest.fixture
def bus(monkeypatch):
    if shutil.which("dbus-daemon") is None:
        pytest.skip("no dbus-daemon here: apt install dbus")
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1"], stdout=subprocess.PIPE, text=True
    )
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", daemon.stdout.readline().strip())
    yield daemon
    daemon.terminate()
    daemon.wait(5)
    daemon.stdout.close()


@pytest.fixture
def notifications(bus, tmp_path):
    python = python_with_dbusmock()
    if python is None:
        pytest.skip("no D-Bus mock here: apt install python3-dbusmock")
    log = tmp_path / "calls.log"
    command = [python, "-m", "dbusmock", "--logfile", str(log), "--template", "notification_daemon"]
    service = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = "org.freedesktop.Notifications"
    probe = ["dbus-send", "--session", "--print-reply", f"--dest={address}", "/", "org.freedesktop.DBus.Peer.Ping"]
    deadline = time.monotonic() + 10
    while subprocess.run(probe, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, "the mock did not come up"
        time.sleep(0.05)
    yield log
    service.send_signal(signal.SIGTERM)
    service.wait(5)


@pytest.mark.dbus
def test_a_notification_is_shown_as_critical_and_without_markup(notifications, make_event):
    DesktopChannel(timeout_s=5.0).send(make_event("x", source="<b>mic</b>"))
    (call,) = [line for line in notifications.read_text().splitlines() if " Notify " in line]
    assert '"bonafone" 0 "dialog-warning" "Synthetic voice suspected" "&lt;b&gt;mic&lt;/b&gt;, 3 % real"' in call
    assert "urgency" in call
    assert call.rstrip().endswith("-1")


@pytest.mark.dbus
@pytest.mark.skipif(shutil.which("notify-send") is None, reason="no notify-send here: apt install libnotify-bin")
def test_the_real_notify_send_shows_the_same(notifications, make_event):
    NotifySendChannel(timeout_s=5.0, environment=os.environ).send(make_event("x", source="-<b>mic</b>"))
    (call,) = [line for line in notifications.read_text().splitlines() if " Notify " in line]
    assert '"Synthetic voice suspected" "-&lt;b&gt;mic&lt;/b&gt;, 3 % real"' in call


@pytest.mark.dbus
def test_a_bus_without_a_notification_service_is_a_failed_attempt(bus, event):
    with pytest.raises(DeliveryError, match="the desktop refused the notification") as caught:
        DesktopChannel(timeout_s=5.0).send(event)
    assert caught.value.retry


@pytest.mark.parametrize("address", ["unix:path=/nowhere/at/all", None, "nonsense"])
def test_no_bus_is_a_failed_attempt(monkeypatch, event, address, tmp_path):
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    if address is not None:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    with pytest.raises(DeliveryError, match="the session's D-Bus cannot be reached") as caught:
        DesktopChannel(timeout_s=1.0).send(event)
    assert caught.value.retry


def test_without_jeepney_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jeepney", None)
    with pytest.raises(MissingPartError, match=r"needs the package jeepney.*run: pip install 'bonafone\[alerts\]'"):
        DesktopChannel(timeout_s=1.0)
