"""The cooldown, and that what is sent last about a source is what is true."""

from __future__ import annotations

import random

import pytest

from edge.alerts.service import AlertPolicy

COOLDOWN_S, DAY_S = 60.0, 86400.0


def test_alerts_of_one_kind_and_source_are_held_for_the_cooldown_and_others_are_not(make_event):
    policy = AlertPolicy(COOLDOWN_S)
    assert policy.sends(make_event(), 0.0)
    assert policy.sends(make_event(source="line"), 1.0)
    assert policy.sends(make_event(kind="silenced"), 1.0)
    assert not policy.sends(make_event(), COOLDOWN_S - 1.0)
    assert policy.sends(make_event(), COOLDOWN_S - 1.0, cooldown_s=0.0)
    assert not policy.sends(make_event(), COOLDOWN_S), "what was sent last starts the cooldown anew"
    assert policy.sends(make_event(), 2 * COOLDOWN_S - 1.0)


def test_a_topic_joins_sources_and_parts_calls(make_event):
    policy = AlertPolicy(COOLDOWN_S)
    assert policy.sends(make_event(), 0.0, topic="call 1")
    assert policy.sends(make_event(), 0.0, topic="call 2")
    assert not policy.sends(make_event(source="line"), 1.0, topic="call 1")


def test_an_event_that_could_not_be_written_is_not_held_back_by_itself(make_event):
    policy = AlertPolicy(COOLDOWN_S)
    event = make_event("the same")
    assert policy.sends(event, 0.0)
    assert policy.sends(event, 30.0)
    assert not policy.sends(make_event(), 80.0), "its cooldown starts when it was written"


@pytest.mark.parametrize("step_s", [DAY_S, -DAY_S], ids=["later", "the clock was set back"])
def test_nothing_is_held_for_longer_than_the_cooldown(make_event, step_s):
    policy = AlertPolicy(COOLDOWN_S)
    policy.sends(make_event(), 1e6)
    assert policy.sends(make_event(), 1e6 + step_s)


class Reader:
    """A source that comes and goes, and what the receiver of its alerts was sent."""

    def __init__(self, make_event):
        self.policy, self.make_event = AlertPolicy(COOLDOWN_S), make_event
        self.now, self.lost, self.sent = 1000.0, False, []

    def publish(self, event):
        if self.policy.sends(event, self.now):
            self.sent.append(event)

    def turn(self):
        self.lost = not self.lost
        self.publish(self.make_event(kind="source_lost" if self.lost else "source_back", time_s=self.now))

    def pass_time(self, seconds):
        for _ in range(round(seconds)):
            self.now += 1.0
            if (event := self.policy.due(self.now)) is not None:
                self.publish(event)

    @property
    def kinds(self):
        return [event.kind for event in self.sent]


@pytest.fixture
def reader(make_event):
    return Reader(make_event)


@pytest.mark.parametrize(
    ("turns", "sent"),
    [
        (2, ["source_lost", "source_back"]),
        # A second outage within the cooldown is sent when that is over.
        (3, ["source_lost", "source_back", "source_lost"]),
        # An outage that is over before its alert could be sent needs none.
        (4, ["source_lost", "source_back"]),
    ],
)
def test_each_outage_that_lasts_is_sent_once_and_so_is_its_end(reader, turns, sent):
    for _ in range(turns):
        reader.turn()
        reader.pass_time(5)
    reader.pass_time(10000)
    assert reader.kinds == sent
    assert len({event.id for event in reader.sent}) == len(sent)
    if turns == 3:
        assert (reader.sent[-1].time_s, reader.sent[-1].note) == (1060.0, "for 50 s now, after it came and went")


def test_whatever_a_loose_plug_does_the_reader_has_the_truth_in_the_end(make_event):
    rng = random.Random(1)
    for _ in range(200):
        reader = Reader(make_event)
        for _ in range(rng.randrange(1, 12)):
            reader.turn()
            reader.pass_time(rng.randrange(1, 90))
        reader.pass_time(COOLDOWN_S)
        assert reader.kinds[-1] == ("source_lost" if reader.lost else "source_back")
        sent = len(reader.sent)
        reader.pass_time(1000)
        assert len(reader.sent) == sent, "and is left alone then"
