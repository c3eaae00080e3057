"""The clock and the service manager, at moments and in environments that a test chooses."""

from __future__ import annotations

import pytest

from edge.doctor.machine_checks import check_clock, check_service


def test_a_clock_of_our_time_is_right():
    found = check_clock(1795521600.0)
    assert (found.level, found.seen) == ("ok", "2026-11-24 12:00 UTC")


@pytest.mark.parametrize("now_s", [0.0, 86400.0, 1767225599.0, -1e18, 1e18])
def test_a_clock_that_cannot_be_right_is_a_problem(now_s):
    found = check_clock(now_s)
    assert found.level == "problem"
    assert "timedatectl set-ntp true" in found.advice


def test_the_first_second_of_2026_is_possible():
    assert check_clock(1767225600.0).level == "ok"


@pytest.mark.parametrize(
    ("environment", "level", "seen"),
    [
        ({}, "ok", "not under systemd"),
        ({"WATCHDOG_USEC": "1"}, "ok", "not under systemd"),
        ({"INVOCATION_ID": "ab"}, "note", "under systemd, which does not wait for our word"),
        ({"NOTIFY_SOCKET": "/run/x"}, "ok", "under systemd, which waits for our word, with no watchdog"),
        (
            {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"},
            "ok",
            "under systemd, which waits for our word, with a watchdog of 30 s",
        ),
        (
            {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "often"},
            "ok",
            "under systemd, which waits for our word, with no watchdog",
        ),
    ],
)
def test_what_systemd_set_up_is_told(environment, level, seen):
    found = check_service(environment)
    assert (found.level, found.seen) == (level, seen)
