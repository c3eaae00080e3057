"""What is sent last is what is true, however an alert's cooldown falls between."""

from __future__ import annotations

import random

import pytest

from edge.live.outage import Outage

COOLDOWN_S = 60.0


class Reader:
    """Knows only what was sent: of each kind nothing within a minute of the one before."""

    def __init__(self):
        self.outage, self.now = Outage(), 0.0
        self.sent, self._sent_at = [], {}

    def tell(self, news):
        if self.now - self._sent_at.get(news, -1e9) < COOLDOWN_S:
            self.outage.kept_quiet(self.now)
        else:
            self._sent_at[news] = self.now
            self.sent.append(news)

    def go(self):
        self.outage.begin(self.now)
        self.tell("source_lost")

    def come(self):
        lost_s = self.outage.end(self.now)
        self.tell("source_back")
        return lost_s

    def pass_time(self, seconds):
        for _ in range(round(seconds)):
            self.now += 1.0
            if (news := self.outage.due(self.now)) is not None:
                self.tell(news)


@pytest.fixture
def reader():
    return Reader()


def test_a_single_outage_is_told_once_and_so_is_its_end(reader):
    reader.go()
    reader.pass_time(10000)
    assert reader.come() == 10000.0
    reader.pass_time(10000)
    assert reader.sent == ["source_lost", "source_back"]


def test_a_second_outage_within_the_cooldown_is_told_after_it(reader):
    reader.go()
    reader.pass_time(5)
    reader.come()
    reader.pass_time(5)
    reader.go()
    reader.pass_time(10000)
    assert reader.sent == ["source_lost", "source_back", "source_lost"]


def test_an_outage_that_is_over_before_its_alert_could_be_sent_needs_none(reader):
    for _ in range(2):
        reader.go()
        reader.pass_time(5)
        reader.come()
        reader.pass_time(5)
    reader.pass_time(10000)
    assert reader.sent == ["source_lost", "source_back"]


def test_whatever_a_loose_plug_does_the_reader_knows_the_truth_in_the_end():
    rng = random.Random(1)
    for _ in range(200):
        reader = Reader()
        for turn in range(rng.randrange(1, 12)):
            (reader.come if turn % 2 else reader.go)()
            reader.pass_time(rng.randrange(1, 90))
        reader.pass_time(4000)
        told_after = len(reader.sent)
        assert reader.sent[-1] == ("source_lost" if reader.outage.lost_at is not None else "source_back")
        reader.pass_time(20000)
        assert len(reader.sent) == told_after, "and is left alone then"
