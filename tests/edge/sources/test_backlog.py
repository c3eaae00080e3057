"""The oldest audio is dropped, its place is kept and it is reported; repeated reports are bounded."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from edge.sources.backlog import Backlog, TroubleMeter
from edge.sources.events import AudioChunk, Track, Trouble
from tests.edge.sources.conftest import Received


def ramp(track, count, length=800):
    """Chunks whose samples say where they belong."""
    for _ in range(count):
        begin = track.position
        yield track.audio((np.arange(begin, begin + length) / 1e6).astype(np.float32))


def put(backlog, *events):
    for event in events:
        backlog.put(event)


def drain(backlog, got=None):
    got = got or Received()
    while (event := backlog.get(0.0)) is not None:
        got.add(event)
    return got


def test_nothing_is_dropped_while_there_is_room():
    backlog, track = Backlog(1.0), Track("a", 8000)
    put(backlog, track.start(), *ramp(track, 10), track.end("finished"))
    got = drain(backlog)
    assert got.length("a") == 8000
    assert got.lost("a") == 0
    assert not got.of(Trouble)
    assert backlog.streams == 0
    backlog, track = Backlog(0.1), Track("a", 8000)
    put(backlog, track.start(), *ramp(track, 1, 8000))
    assert drain(backlog).lost("a") == 0, "a chunk that is longer than the room is kept"


def test_the_oldest_is_dropped_and_positions_stay():
    backlog, track = Backlog(1.0), Track("a", 8000)
    put(backlog, track.start(), *ramp(track, 35), track.end("finished"))
    got = drain(backlog)
    position = np.arange(28000)
    np.testing.assert_array_equal(got.mask("a"), position < 20000)
    np.testing.assert_array_equal(got.samples("a")[20000:], (position[20000:] / 1e6).astype(np.float32))
    (trouble,) = got.of(Trouble)
    assert trouble.detail.startswith(
        "2.5 s of audio were given up, since more than 1 s waited; this machine is too busy"
    )
    assert got.ends["a"].lost_samples == 20000 == backlog.dropped_samples


def test_drops_in_the_middle_are_filled_too():
    backlog, track = Backlog(0.2), Track("a", 8000)
    backlog.put(track.start())
    got = Received([backlog.get(0.0)])
    for count in (2, 5, 1, 9):
        put(backlog, *ramp(track, count))
        drain(backlog, got)
    assert got.length("a") == 17 * 800
    np.testing.assert_array_equal(np.flatnonzero(got.mask("a")), np.r_[2 * 800 : 5 * 800, 8 * 800 : 15 * 800])


def test_a_machine_that_is_always_too_slow_is_not_made_slower_by_messages():
    """Two chunks come for each that is read, for a minute: a drop at every other one, reported every ten seconds."""
    backlog, track = Backlog(1.0), Track("a", 8000)
    backlog.put(track.start())
    got = Received([backlog.get(0.0)])
    for chunk in ramp(track, 600):
        backlog.put(chunk)
        if chunk.position % 1600 == 0:
            got.add(backlog.get(0.0))
    backlog.put(track.end("finished"))
    drain(backlog, got)
    troubles = got.of(Trouble)
    assert 5 <= len(troubles) <= 8
    reported_s = sum(float(trouble.detail.split()[0]) for trouble in troubles)
    assert reported_s == pytest.approx(got.lost("a") / 8000, abs=0.05 * len(troubles))


def test_what_was_lost_before_is_not_counted_twice():
    backlog, track = Backlog(0.2), Track("a", 8000)
    put(backlog, track.start(), *track.gap(800, lost=True), *ramp(track, 4), track.end("finished"))
    got = drain(backlog)
    assert got.ends["a"].lost_samples == got.lost("a") == 800 + 2 * 800


def test_a_busy_stream_does_not_hold_up_another():
    backlog, busy, quiet = Backlog(10.0), Track("busy", 8000), Track("quiet", 8000)
    put(backlog, busy.start(), *ramp(busy, 50), quiet.start(), *ramp(quiet, 1))
    first = [backlog.get(0.0) for _ in range(4)]
    assert [event.stream for event in first] == ["busy", "quiet", "busy", "quiet"]
    assert isinstance(first[3], AudioChunk)


def test_a_consumer_that_waits_is_woken_and_gets_none_after_the_time_out():
    backlog, track = Backlog(5.0), Track("a", 8000)
    assert backlog.get(0.01) is None
    timer = threading.Timer(0.05, lambda: backlog.put(track.start()))
    timer.start()
    assert backlog.get(10.0) == track.start()
    timer.join()


def test_two_threads_lose_nothing():
    backlog, track, count = Backlog(1e9), Track("a", 8000), 3000

    def write():
        put(backlog, track.start(), *ramp(track, count, 10), track.end("finished"))

    writer = threading.Thread(target=write)
    writer.start()
    got = Received()
    while "a" not in got.ends:
        got.add(backlog.get(5.0))
    writer.join()
    np.testing.assert_array_equal(got.samples("a"), (np.arange(10 * count) / 1e6).astype(np.float32))


def reports(meter, times_s):
    return [(now, trouble.count) for now in times_s for trouble in meter.add("vanished", "away", now)]


def test_a_lasting_trouble_is_reported_ever_more_rarely_with_its_count():
    meter = TroubleMeter()
    found = reports(meter, range(0, 36000, 2))
    assert [now for now, _ in found[:7]] == [0, 10, 30, 70, 150, 310, 630]
    assert [count for _, count in found[:4]] == [1, 5, 10, 20]
    assert 55 < len(found) < 65, "about every ten minutes"
    assert meter.counts["vanished"] == 18000


def test_after_a_pause_it_is_new_again():
    meter = TroubleMeter()
    reports(meter, range(0, 1000, 2))
    assert [now for now, _ in reports(meter, range(5000, 5020, 2))] == [5000, 5010]


def test_one_kind_does_not_silence_another():
    meter = TroubleMeter()
    assert [len(meter.add(kind, "x", 0.0)) for kind in ("vanished", "refused", "vanished")] == [1, 1, 0]
