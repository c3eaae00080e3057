"""`edge events`: several days, every state, moments as people write them, and files that are no outbox of this version."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest

from edge.alerts.event import DeliveryError
from edge.cli.alerts import local_time, parse_moment

HOUR_S, DAY_S = 3600.0, 86400.0
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()
AGES_S = {"ten days": 10 * DAY_S, "three days": 3 * DAY_S, "five hours": 5 * HOUR_S, "ten minutes": 600.0}


@pytest.fixture
def now():
    return time.time()


@pytest.fixture
def days(home, clock, make_event, now):
    """An outbox with an event of each age, written at its time, and a channel that took the newest."""
    home.configure()
    with home.open_outbox(clock) as outbox:
        for source, age_s in AGES_S.items():
            clock.now = now - age_s
            outbox.publish(make_event(source, source=source, time_s=clock.now), {"webhook": DAY_S})
        while (claim := outbox.claim("webhook", lease_s=60.0)).event.source != "ten minutes":
            pass
        outbox.succeeded(claim)
    return home


@pytest.fixture
def in_zone(monkeypatch):
    def move(zone):
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


def sources(home, *options):
    return [row["data"]["source"] for row in home.rows("events", *options)]


def iso(moment_s, zone=UTC):
    return datetime.fromtimestamp(moment_s, zone).isoformat(timespec="seconds")


class TestSince:
    def test_what_is_younger_the_newest_last(self, days, now):
        assert sources(days) == list(AGES_S)[1:], "a week when nothing is said"
        for since, count in {"15m": 1, "0.5d": 2, "2w": 4, "1970-01-01": 4, iso(now - 5 * HOUR_S - 60): 2}.items():
            assert sources(days, "--since", since) == list(AGES_S)[-count:], since

    def test_what_is_shown_can_be_given_back(self, days, now, in_zone):
        in_zone("JST-9")
        _, out, _ = days.run("events", "--since", "6h")
        shown = out.splitlines()[0][:19]
        assert shown == iso(now + 4 * HOUR_S).removesuffix("+00:00").replace("T", " ")
        assert sources(days, "--since", shown)[-1] == "ten minutes"

    def test_anything_else_is_misuse(self, days):
        for since in ["yesterday", "9999-01-01"]:
            code, out, err = days.run("events", f"--since={since}")
            assert (code, out) == (2, "")
            assert "--since: " in err


class TestMoments:
    def test_an_age_is_counted_back_from_now(self):
        ages = {"90s": 90, "30m": 1800, "2h": 7200, "1.5h": 5400, " 7 d ": 7 * DAY_S, "4w": 28 * DAY_S, "0s": 0}
        for text, seconds in ages.items():
            assert parse_moment(text, NOON) == NOON - seconds, text

    def test_a_date_is_local_time_unless_it_names_its_zone(self, in_zone):
        for zone, text, before_noon_s in [
            ("UTC0", "2026-11-24", 12 * 3600),
            ("UTC0", "2026-11-24T11:59", 60),
            ("UTC0", "2026-11-24 11:59:30", 30),
            ("JST-9", "2026-11-24", 21 * 3600),
            ("JST-9", "2026-11-24T20:59", 60),
            ("EST5", "2026-11-24T06:59", 60),
            ("JST-9", "2026-11-24T11:59Z", 60),
            ("JST-9", "2026-11-24T12:59+01:00", 60),
        ]:
            in_zone(zone)
            assert parse_moment(text, NOON) == NOON - before_noon_s

    def test_a_date_counts_the_hour_that_clocks_are_turned_back(self, in_zone):
        """Twelve o'clock by the clock on the wall, before and after summer time ended in the night."""
        in_zone("CET-1CEST,M3.5.0,M10.5.0/3")
        before, after = (parse_moment(text, NOON) for text in ("2026-10-24T12:00", "2026-10-25T12:00"))
        assert after - before == 25 * 3600

    def test_what_lies_before_all_events_means_all_of_them(self, in_zone):
        for text in ["1900-01-01", "1969-12-31T00:00Z", "99999999999w", "9" * 400 + "d"]:
            in_zone("UTC0")
            assert parse_moment(text, NOON) == 0.0

    def test_anything_else_is_refused_with_examples(self):
        for text in [
            "",
            "yesterday",
            "7",
            "-2h",
            "2 hours",
            "2H",
            "1e3s",
            "2026-13-01",
            "2026-02-30",
            "24.11.2026",
            "12:00",
        ]:
            with pytest.raises(ValueError, match="expected an age such as 30m, 2h or 7d, or a date such as 2026-11-24"):
                parse_moment(text, NOON)

    def test_the_future_is_refused_for_it_is_a_slip(self, in_zone):
        for text in ["2026-11-24T12:01Z", "2062-11-24", "9999-12-31T23:59:59Z"]:
            in_zone("JST-9")
            with pytest.raises(ValueError, match=r"is still to come: .* now is 2026-11-24 21:00:00$"):
                parse_moment(text, NOON)

    def test_a_moment_is_shown_as_it_is_written(self, in_zone):
        in_zone("EST5")
        assert local_time(NOON) == "2026-11-24 07:00:00"
        assert parse_moment(local_time(NOON), NOON) == NOON


def test_a_period_without_events_is_said_where_it_disturbs_no_program(days):
    code, out, err = days.run("events", "--since", "1m", "--json")
    assert (code, out) == (0, "")
    assert err.startswith("no event since ")


def test_no_outbox_yet_is_no_error_and_none_is_made(home):
    home.configure()
    assert home.run("events") == (0, "", f"no event yet: there is no outbox at {home.outbox}\n")
    assert not home.outbox.parent.exists()


def test_the_newest_are_shown_and_that_there_are_more_is_said(days):
    code, out, err = days.run("events", "--since", "4w", "--limit", "2")
    assert code == 0
    assert [line.split(": ")[1].split(",")[0] for line in out.splitlines()] == ["five hours", "ten minutes"]
    assert err.startswith("there are older ones since ")
    assert "--limit" in err
    assert days.run("events", "--since", "4w", "--limit", "4")[2] == ""


class TestStates:
    @pytest.fixture
    def every_state(self, home, make_event, now):
        """Written as it happens: one of each state, one that was quiet, one when nothing was on."""
        home.configure()
        with home.open_outbox(time.time) as outbox:
            states = {
                "done": None,
                "pending": DeliveryError("hall is asleep"),
                "dead": DeliveryError("401", retry=False),
            }
            for source, error in states.items():
                outbox.publish(make_event(source, source=source), {"webhook": DAY_S})
                claim = outbox.claim("webhook", lease_s=60.0)
                outbox.succeeded(claim) if error is None else outbox.failed(claim, error)
            outbox.publish(make_event("again", source="done"), {"webhook": DAY_S}, held=True)
            outbox.publish(make_event("alone", source="alone"), {})
        return home

    def test_each_is_a_line(self, every_state):
        _, out, _ = every_state.run("events")
        shown = [line.rpartition("  [")[2].rstrip("]") for line in out.splitlines()]
        assert sorted(shown) == ["no channel was on", "quiet", "webhook dead", "webhook done", "webhook pending"]
        assert "Synthetic voice suspected: done, 3 % real" in out

    def test_deliveries_show_attempts_the_next_one_and_the_last_error(self, every_state):
        _, out, _ = every_state.run("events", "--deliveries")
        lines = [line.strip() for line in out.splitlines() if line.startswith("    ")]
        assert len(lines) == 3
        assert "webhook         done     1 attempt" in lines
        assert "webhook         dead     1 attempt: 401" in lines
        (pending,) = [line for line in lines if "pending" in line]
        assert ", next 2" in pending
        assert pending.endswith(": hall is asleep")

    def test_programs_get_the_event_as_receivers_do_and_its_deliveries(self, every_state):
        rows = every_state.rows("events")
        assert {row["type"] for row in rows} == {"alert.spoof"}
        assert [row["suppressed"] for row in rows].count(True) == 1
        states = {
            row["data"]["source"]: [item["state"] for item in row["deliveries"]]
            for row in rows
            if not row["suppressed"]
        }
        assert states == {"done": ["done"], "pending": ["pending"], "dead": ["dead"], "alone": []}


def test_an_event_of_a_later_version_does_not_hide_the_others(days):
    with sqlite3.connect(days.outbox) as database:
        body = (
            '{"type":"alert.cloned","data":{"id":"evt_' + "0" * 32 + '","kind":"cloned","time_s":1.0,"source":"mic"}}'
        )
        database.execute("INSERT INTO events VALUES ('evt_later', ?, 0, ?)", (time.time(), body))
    database.close()
    code, out, err = days.run("events", "--json")
    assert code == 0
    assert len(out.splitlines()) == 3
    assert err == "1 cannot be read here: a later bonafone wrote them\n"


@pytest.mark.parametrize("arguments", [("events",), ("alerts", "list"), ("alerts", "test")])
def test_an_outbox_that_another_process_holds_is_said_in_one_line(home, monkeypatch, arguments):
    monkeypatch.setattr("edge.alerts.outbox.BUSY_S", 0.1)
    home.configure("[alerts.terminal]\nenabled = true")
    home.open_outbox(time.time).close()
    with closing(sqlite3.connect(home.outbox, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        code, out, err = home.run(*arguments)
    assert (code, out) == (1, "")
    (line,) = err.splitlines()[-1:]
    assert line.startswith(f"Error: {home.outbox}: ")
    assert "another process held it for more than 0.1 s" in line
