"""Desktop notifications over a real D-Bus, to python3-dbusmock's notification service."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from edge.alerts.channels.desktop import DesktopChannel, NotifySendChannel
from edge.alerts.errors import DeliveryError, MissingPartError
from tests.edge.notification_bus import notification_service, session_bus

pytest.importorskip("jeepney", reason="jeepney is not installed (extra alerts)")


@pytest.fixture
def bus(monkeypatch):
    with session_bus() as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield


@pytest.fixture
def notifications(bus, tmp_path):
    with notification_service(tmp_path / "calls.log") as log:
        yield log


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


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("unix:path=/nowhere/at/all", "No such file or directory"),
        (None, "the environment has no DBUS_SESSION_BUS_ADDRESS"),
        ("nonsense", ""),
    ],
)
def test_no_bus_is_a_failed_attempt(monkeypatch, event, address, reason):
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    if address is not None:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    with pytest.raises(DeliveryError, match=rf"the session's D-Bus cannot be reached \(.*{reason}") as caught:
        DesktopChannel(timeout_s=1.0).send(event)
    assert caught.value.retry


def test_without_jeepney_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jeepney", None)
    with pytest.raises(MissingPartError, match=r"needs the package jeepney.*run: pip install 'bonafone\[alerts\]'"):
        DesktopChannel(timeout_s=1.0)
