"""Messages to the service manager, received by a real socket such as the manager has."""

from __future__ import annotations

import os
import socket
import sys
import uuid

import pytest

from edge.service.process import Notifier


@pytest.fixture
def manager(tmp_path):
    """A manager's socket in the file system, and the path of it."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.setblocking(False)
        yield receiver, str(path)


def received(receiver):
    messages = []
    while True:
        try:
            messages.append(receiver.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_a_status_holds_no_other_message_and_is_not_repeated(manager):
    receiver, path = manager
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": path})
    assert notifier.status("call of\nSTOPPING=1\r\n")
    assert not notifier.status("call of STOPPING=1")
    assert received(receiver) == ["STATUS=call of STOPPING=1"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")
def test_an_abstract_socket_is_reached():
    name = f"bonafone-test-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + name)
        receiver.setblocking(False)
        assert Notifier.from_environment({"NOTIFY_SOCKET": "@" + name}).ready()
        assert received(receiver) == ["READY=1"]


def test_the_watchdog_is_fed_each_quarter_of_its_time_and_not_more_often(manager, clock):
    receiver, path = manager
    environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}
    notifier = Notifier.from_environment(environment, clock=clock)
    sent = []
    for step in range(100):
        clock.now = 1000.0 + step * 0.25
        sent += [step * 0.25] if notifier.alive() else []
    assert sent == [0.0, 5.0, 10.0, 15.0, 20.0]
    assert received(receiver) == ["WATCHDOG=1"] * 5


def test_a_watchdog_that_is_off_or_waits_for_another_process_is_not_fed(manager):
    receiver, path = manager
    usual = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "20000000"}
    for watchdog in (
        {"WATCHDOG_USEC": ""},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_PID": "1"},
        {"WATCHDOG_PID": "me"},
    ):
        assert not Notifier.from_environment({**usual, **watchdog}).alive(), watchdog
    assert received(receiver) == []


def test_without_a_manager_nothing_is_sent():
    for environment in ({}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}):
        notifier = Notifier.from_environment({**environment, "WATCHDOG_USEC": "20000000"})
        assert [notifier.ready(), notifier.status("x"), notifier.alive(), notifier.stopping()] == [False] * 4


def test_a_manager_that_cannot_be_reached_stops_nothing():
    for address in ("/no/such/socket", "/" + "x" * 300, "/zero\0byte"):
        assert not Notifier(address, 20.0).ready()
        assert not Notifier(address, 20.0).alive()


def test_a_manager_that_reads_nothing_holds_nobody_up_for_long(manager, monkeypatch):
    """The kernel queues a number of datagrams; what comes then is given up, not waited for."""
    _, path = manager
    monkeypatch.setattr("edge.service.process.PATIENCE_S", 0.05)
    notifier = Notifier(path)
    sent = [notifier.ready()]
    while sent[-1] and len(sent) < 100_000:
        sent.append(notifier.ready())
    assert sent[0]
    assert not sent[-1]
