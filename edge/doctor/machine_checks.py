"""The clock, and the service manager."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from edge.doctor.finding import Finding

_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""This program is younger."""


def check_clock(now_s: float) -> Finding:
    """Whether ``now_s`` (seconds since 1970) can be now: a Pi without a battery-backed clock starts in the past."""
    # A count of seconds that no calendar holds is as wrong as one before our time.
    try:
        now = datetime.fromtimestamp(now_s, UTC)
        seen = f"{now:%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        now, seen = datetime.min.replace(tzinfo=UTC), f"{now_s:g} s after 1970"
    facts = {"time_s": now_s}
    if now >= _EARLIEST:
        return Finding("clock", "ok", seen, facts=facts)
    seen = f"the clock says {seen}: alerts bear wrong times, and TLS refuses every certificate"
    advice = (
        "connect to a network and run: timedatectl set-ntp true; a Raspberry Pi without network needs a battery-backed "
        "clock (RTC)"
    )
    return Finding("clock", "problem", seen, advice, facts)


def check_service(environment: Mapping[str, str]) -> Finding:
    """Whether systemd started this process, and hears from it."""
    watchdog = environment.get("WATCHDOG_USEC", "")
    watchdog_s = int(watchdog) / 1e6 if watchdog.isascii() and watchdog.isdigit() else None
    under = "INVOCATION_ID" in environment or "NOTIFY_SOCKET" in environment
    facts = {"systemd": under, "notify": "NOTIFY_SOCKET" in environment, "watchdog_s": watchdog_s}
    if "NOTIFY_SOCKET" in environment:
        watched = "no watchdog" if watchdog_s is None else f"a watchdog of {watchdog_s:g} s"
        return Finding("service", "ok", f"under systemd, which waits for our word, with {watched}", facts=facts)
    if under:
        advice = "for a service that restarts when it hangs, set Type=notify and WatchdogSec=30 in the unit"
        return Finding("service", "note", "under systemd, which does not wait for our word", advice, facts)
    return Finding("service", "ok", "not under systemd", facts=facts)
