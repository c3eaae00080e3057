"""`edge events` as a user starts it: several days, every state, and files that are no outbox of this version."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, datetime

import pytest

from edge.alerts.errors import DeliveryError

HOUR_S, DAY_S = 3600.0, 86400.0
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


def sources(home, *options, **environment):
    code, out, _ = home.run("events", "--json", *options, **environment)
    assert code == 0
    return [json.loads(line)["data"]["source"] for line in out.splitlines()]


def iso(moment_s, zone=UTC):
    return datetime.fromtimestamp(moment_s, zone).isoformat(timespec="seconds")


class TestSince:
    @pytest.mark.parametrize(
        ("since", "count"), [("15m", 1), ("2h", 1), ("0.5d", 2), ("7d", 3), ("2w", 4), ("1970-01-01", 4)]
    )
    def test_an_age_takes_what_is_younger_the_newest_last(self, days, since, count):
        assert sources(days, "--since", since) == list(AGES_S)[-count:]

    def test_a_week_when_nothing_is_said(self, days):
        assert sources(days) == list(AGES_S)[1:]

    def test_a_date_with_a_zone(self, days, now):
        assert sources(days, "--since", iso(now - 5 * HOUR_S - 60)) == ["five hours", "ten minutes"]
        assert sources(days, "--since", iso(now - 5 * HOUR_S + 60)) == ["ten minutes"]

    @pytest.mark.parametrize("zone", ["UTC0", "JST-9", "EST5"])
    def test_a_date_without_one_is_what_the_clock_on_the_wall_showed(self, days, now, zone):
        offset_s = {"UTC0": 0.0, "JST-9": 9 * HOUR_S, "EST5": -5 * HOUR_S}[zone]
        wall = iso(now - 5 * HOUR_S - 60 + offset_s).removesuffix("+00:00")
        assert sources(days, "--since", wall, TZ=zone) == ["five hours", "ten minutes"]
        _, out, _ = days.run("events", "--since", wall, TZ=zone)
        # What is shown can be given back.
        shown = out.splitlines()[0][:19]
        assert shown == iso(now - 5 * HOUR_S + offset_s).removesuffix("+00:00").replace("T", " ")
        assert sources(days, "--since", shown, TZ=zone)[-1] == "ten minutes"

    @pytest.mark.parametrize("since", ["yesterday", "", "7", "2026-13-01", "-2h"])
    def test_anything_else_is_misuse(self, days, since):
        code, out, err = days.run("events", f"--since={since}")
        assert (code, out) == (2, "")
        assert (
            f"--since: expected an age such as 30m, 2h or 7d, or a date such as 2026-11-24 or 2026-11-24T14:30, got {since!r}"
            in err.replace("\n", " ")
        )

    def test_a_moment_that_is_still_to_come_is_misuse(self, days, now):
        code, _, err = days.run("events", "--since", iso(now + DAY_S))
        assert code == 2
        assert "is still to come" in err


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


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_of_nothing_is_misuse(days, limit):
    assert days.run("events", "--limit", limit)[0] == 2


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

    def test_each_is_told_in_a_line(self, every_state):
        _, out, _ = every_state.run("events")
        told = [line.rpartition("  [")[2].rstrip("]") for line in out.splitlines()]
        assert sorted(told) == ["no channel was on", "quiet", "webhook dead", "webhook done", "webhook pending"]
        assert "Synthetic voice suspected: done, 3 % real" in out

    def test_deliveries_tell_attempts_the_next_one_and_the_last_error(self, every_state):
        _, out, _ = every_state.run("events", "--deliveries")
        lines = [line.strip() for line in out.splitlines() if line.startswith("    ")]
        assert len(lines) == 3
        assert "webhook         done     1 attempt" in lines
        assert "webhook         dead     1 attempt: 401" in lines
        (pending,) = [line for line in lines if "pending" in line]
        assert ", next 2" in pending
        assert pending.endswith(": hall is asleep")

    def test_programs_get_the_event_as_receivers_do_and_its_deliveries(self, every_state):
        _, out, _ = every_state.run("events", "--json")
        rows = [json.loads(line) for line in out.splitlines()]
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


class TestFilesThatCannotBeUsed:
    LOOKS = (("events",), ("alerts", "list"), ("alerts", "test"))

    @pytest.fixture
    def refused(self, home):
        home.configure("[alerts.terminal]\nenabled = true")

        def refused(message):
            """Each command says so in one line and ends with 1, with nothing on standard output."""
            for process in [home.start(*look) for look in self.LOOKS]:
                out, err = process.communicate(timeout=60)
                assert (process.returncode, out) == (1, "")
                (line,) = err.splitlines()[-1:]
                assert line.startswith(f"Error: {home.outbox}: ")
                assert message in line

        return refused

    def test_a_text(self, home, refused):
        home.outbox.parent.mkdir()
        home.outbox.write_text("somebody's diary\n" * 100)
        refused("move the file away")
        assert home.outbox.read_text() == "somebody's diary\n" * 100

    def test_an_outbox_of_a_later_version(self, home, refused):
        home.open_outbox(time.time).close()
        with sqlite3.connect(home.outbox) as database:
            database.execute("PRAGMA user_version = 99")
        database.close()
        refused("an outbox of version 99")

    def test_one_that_another_process_holds(self, home, refused):
        home.open_outbox(time.time).close()
        holder = sqlite3.connect(home.outbox, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        try:
            refused("another process held it for more than 10 s")
        finally:
            holder.close()

    def test_a_folder(self, home, refused):
        home.outbox.mkdir(parents=True)
        refused("cannot be opened")
