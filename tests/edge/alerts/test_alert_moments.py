"""Moments as people write them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from edge.alerts.moments import MomentError, local_time, parse_moment

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()


@pytest.fixture
def in_zone(monkeypatch):
    def move(zone):
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), (" 7 d ", 7 * 86400), ("4w", 28 * 86400), ("0s", 0)],
)
def test_an_age_is_counted_back_from_now(text, seconds):
    assert parse_moment(text, NOON) == NOON - seconds


@pytest.mark.parametrize(
    ("zone", "text", "before_noon_s"),
    [
        ("UTC0", "2026-11-24", 12 * 3600),
        ("UTC0", "2026-11-24T11:59", 60),
        ("UTC0", "2026-11-24 11:59:30", 30),
        ("JST-9", "2026-11-24", 21 * 3600),
        ("JST-9", "2026-11-24T20:59", 60),
        ("EST5", "2026-11-24T06:59", 60),
        ("JST-9", "2026-11-24T11:59Z", 60),
        ("JST-9", "2026-11-24T12:59+01:00", 60),
    ],
)
def test_a_date_is_local_time_unless_it_names_its_zone(in_zone, zone, text, before_noon_s):
    in_zone(zone)
    assert parse_moment(text, NOON) == NOON - before_noon_s


def test_a_date_counts_the_hour_that_clocks_are_turned_back(in_zone):
    """Twelve o'clock by the clock on the wall, before and after summer time ended in the night."""
    in_zone("CET-1CEST,M3.5.0,M10.5.0/3")
    before, after = (parse_moment(text, NOON) for text in ("2026-10-24T12:00", "2026-10-25T12:00"))
    assert after - before == 25 * 3600


@pytest.mark.parametrize("text", ["1900-01-01", "1969-12-31T00:00Z", "99999999999w", "9" * 400 + "d"])
def test_what_lies_before_all_events_means_all_of_them(in_zone, text):
    in_zone("UTC0")
    assert parse_moment(text, NOON) == 0.0


@pytest.mark.parametrize(
    "text", ["", "yesterday", "7", "-2h", "2 hours", "2H", "1e3s", "2026-13-01", "2026-02-30", "24.11.2026", "12:00"]
)
def test_anything_else_is_refused_with_examples(text):
    with pytest.raises(MomentError, match="expected an age such as 30m, 2h or 7d, or a date such as 2026-11-24"):
        parse_moment(text, NOON)


@pytest.mark.parametrize("text", ["2026-11-24T12:01Z", "2062-11-24", "9999-12-31T23:59:59Z"])
def test_the_future_is_refused_for_it_is_a_slip(in_zone, text):
    in_zone("JST-9")
    with pytest.raises(MomentError, match=r"is still to come: .* now is 2026-11-24 21:00:00$"):
        parse_moment(text, NOON)


def test_a_moment_is_shown_as_it_is_written(in_zone):
    in_zone("EST5")
    assert local_time(NOON) == "2026-11-24 07:00:00"
    assert parse_moment(local_time(NOON), NOON) == NOON
