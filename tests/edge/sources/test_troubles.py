"""What lasts all night is told some ten times, not ten thousand; what comes anew is told at once."""

from __future__ import annotations

from edge.sources.backlog import TroubleMeter


def told(meter, times_s):
    return [(now, trouble.count) for now in times_s for trouble in meter.add("vanished", "away", now)]


def test_a_lasting_trouble_is_told_ever_more_rarely_with_its_count():
    meter = TroubleMeter()
    found = told(meter, range(0, 36000, 2))
    assert [now for now, _ in found[:7]] == [0, 10, 30, 70, 150, 310, 630]
    assert [count for _, count in found[:4]] == [1, 5, 10, 20]
    assert 55 < len(found) < 65, "about every ten minutes"
    assert meter.counts["vanished"] == 18000


def test_after_a_pause_it_is_new_again():
    meter = TroubleMeter()
    told(meter, range(0, 1000, 2))
    assert [now for now, _ in told(meter, range(5000, 5020, 2))] == [5000, 5010]


def test_one_kind_does_not_silence_another():
    meter = TroubleMeter()
    assert [len(meter.add(kind, "x", 0.0)) for kind in ("vanished", "refused", "vanished")] == [1, 1, 0]
