"""Looking, waiting, scoring, alerting and remembering together, with turned clocks and a scorer with given verdicts."""

from __future__ import annotations

import io
import os

import pytest

from edge.alerts.event import OutboxError
from edge.alerts.service import Alerts
from edge.alerts.settings import settings_from_table
from edge.errors import UnreadableAudioError
from edge.scoring import Failure, Score
from edge.watch.ledger import Ledger
from edge.watch.watcher import FULL_LOOK_S, publish


def test_a_new_recording_is_scored_when_it_has_settled_and_alerted_once(bench):
    watcher = bench.restart()
    watcher.poll()
    bench.put("a.wav")
    watcher.poll()
    assert (bench.scored, watcher.waiting) == ([], 1)
    bench.clock.now += 2.0
    watcher.poll()
    assert bench.scored == ["a.wav"]
    assert bench.kinds() == ["spoof"]
    bench.clock.now += 100.0
    bench.settle()
    bench.restart()
    bench.settle()
    assert bench.scored == ["a.wav"]
    assert [result.path.name for result in bench.results] == ["a.wav"]


def test_one_that_grows_is_left_alone_until_it_stands_still(bench):
    watcher = bench.restart()
    watcher.poll()
    for size in range(1, 6):
        bench.put("a.wav", b"x" * size)
        watcher.poll()
        bench.clock.now += 1.5
    assert bench.scored == []
    bench.settle()
    assert bench.scored == ["a.wav"]


def test_a_transfer_is_passed_over_until_it_is_renamed(running):
    names = ("a.wav.part", ".syncthing.b.wav.tmp", ".c.wav")
    for name in names:
        running.put(name)
    running.settle()
    assert running.scored == []
    for name, final in zip(names, ("a.wav", "b.wav", "c.wav"), strict=True):
        (running.folder / name).rename(running.folder / final)
    running.settle()
    assert sorted(running.scored) == ["a.wav", "b.wav", "c.wav"]


def test_what_is_there_at_the_first_start_is_passed_over_and_what_comes_while_it_is_off_is_not(bench):
    bench.put("old.wav")
    bench.clock.now += 60.0
    bench.restart()
    bench.settle()
    assert bench.scored == []
    assert any("passed over 1 recordings" in note for note in bench.notes)
    bench.put("deep/new.wav")
    bench.restart()
    bench.settle()
    assert bench.scored == ["new.wav"]
    # Tidying up makes nothing new.
    (bench.folder / "2025").mkdir()
    (bench.folder / "old.wav").rename(bench.folder / "2025" / "old.wav")
    bench.settle()
    assert bench.scored == ["new.wav"]


def test_a_call_that_was_being_recorded_at_the_first_start_is_scored(bench):
    bench.put("call.wav", b"beginning")
    bench.clock.now += 60.0
    bench.restart()
    bench.watcher.poll()
    bench.put("call.wav", b"beginning and end")
    bench.clock.now += FULL_LOOK_S
    bench.settle()
    assert bench.scored == ["call.wav"]


def test_a_copied_or_renamed_recording_is_not_alerted_again(running):
    running.put("a.wav", b"one call")
    running.settle()
    running.put("copy.wav", b"one call")
    running.settle()
    (running.folder / "a.wav").rename(running.folder / "renamed.wav")
    running.settle()
    assert running.scored == ["a.wav"]
    assert len(running.published) == 1
    assert sum("was done before" in note for note in running.notes) == 2


def test_a_recording_that_is_written_over_is_new(running):
    running.put("last.wav", b"first call")
    running.settle()
    running.put("last.wav", b"second call")
    running.clock.now += FULL_LOOK_S
    running.settle()
    assert running.scored == ["last.wav", "last.wav"]
    assert len(running.published) == 2


def test_one_that_cannot_be_read_is_tried_a_bounded_number_of_times(bench):
    bench.verdicts["a.wav"] = UnreadableAudioError("a.wav: damaged")
    bench.restart(attempts=3)
    bench.settle()
    bench.put("a.wav")
    bench.settle()
    for _ in range(100):
        bench.clock.now += 10.0
        bench.watcher.poll()
    assert bench.scored == ["a.wav"] * 3
    assert [type(result) for result in bench.results] == [Failure] * 3
    assert "attempt 1 of 3, the next in 10 s" in bench.results[0].error
    assert "given up after 3 attempts" in bench.results[2].error
    assert (bench.watcher.waiting, bench.watcher.counts.failed) == (0, 3)
    bench.verdicts.clear()
    bench.put("a.wav", b"whole now")
    bench.clock.now += FULL_LOOK_S
    bench.settle()
    assert bench.kinds() == ["spoof"]


def test_whatever_a_decoder_raises_ends_neither_the_watching_nor_the_others(running):
    running.verdicts["a.wav"] = MemoryError("no room")
    running.put("a.wav")
    running.put("b.wav")
    running.settle()
    assert [type(result) for result in running.results] == [Failure, Score]
    assert "cannot be decoded (MemoryError: no room)" in running.results[0].error


def test_one_that_grows_while_it_is_read_is_neither_alerted_nor_failed(running):
    running.put("a.wav", b"half")
    grow = iter([lambda path: running.put("a.wav", b"half and half")])
    running.on_score = lambda path: next(grow, lambda _: None)(path)  # noqa: PLW0108 - each call takes the next
    running.settle(1)
    assert (running.scored, running.results, running.published) == (["a.wav"], [], {})
    running.settle()
    assert running.scored == ["a.wav", "a.wav"]
    assert len(running.published) == 1


def test_a_wav_whose_header_is_not_final_waits_for_its_end(running, record, tmp_path):
    whole = record(tmp_path / "whole.wav").read_bytes()
    for unfinished in (whole[: len(whole) // 2], whole[:40] + bytes(4) + whole[44:]):
        running.put("a.wav", unfinished)
        running.settle()
        assert (running.scored, running.watcher.waiting) == ([], 1)
    running.put("a.wav", whole)
    running.settle()
    assert running.scored == ["a.wav"]


@pytest.mark.parametrize("kind", ["spoof", "silenced"])
def test_one_that_grows_on_is_alerted_once_a_cooldown_and_silence_once_a_day(bench, tmp_path, kind):
    settings = settings_from_table({"outbox": str(tmp_path / "alerts.sqlite"), "cooldown_s": 60})
    with Alerts(settings, environment={}, terminal=io.StringIO(), clock=bench.clock) as alerts:
        bench.publish = lambda event: publish(alerts, event, bench)
        bench.restart()
        bench.settle()
        for number in range(4):
            bench.verdicts.update({"a.wav": kind, "b.wav": kind})
            bench.put("a.wav", b"x" * (number + 1))
            bench.put("b.wav", b"another call" * (number + 1))
            bench.clock.now += FULL_LOOK_S
            bench.settle()
        quiet = [record.suppressed for record in alerts.outbox.events()]
    assert len(quiet) == 8
    assert quiet.count(False) == (4 if kind == "spoof" else 1)


def test_killed_after_the_alert_and_before_the_ledger_it_alerts_with_the_same_id(running, monkeypatch):
    class KilledError(BaseException):
        pass

    def kill(*_):
        raise KilledError

    running.put("a.wav")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "finish", kill)
        with pytest.raises(KilledError):
            running.settle()
    assert len(running.published) == 1
    running.restart()
    running.settle()
    assert running.scored == ["a.wav", "a.wav"]
    assert len(running.published) == 1


def test_an_alert_that_cannot_be_written_is_tried_again_and_the_recording_is_not_done(running):
    running.put("a.wav")
    running.broken = OutboxError("the disk is full")
    running.settle(5)
    assert (running.published, running.results) == ({}, [])
    assert running.notes.count("the disk is full") == 1
    running.broken = None
    running.clock.now += 30.0
    running.watcher.poll()
    assert running.kinds() == ["spoof"]
    assert len(running.results) == 1


def test_one_that_may_not_be_read_is_never_given_up(bench):
    """Neither its time nor its size changes when its permissions are mended."""
    bench.restart(attempts=2)
    bench.settle()
    bench.verdicts["a.wav"] = PermissionError(13, "Permission denied")
    bench.put("a.wav")
    for _ in range(100):
        bench.clock.now += 60.0
        bench.watcher.poll()
    assert 4 <= len(bench.results) < 10
    assert {type(result) for result in bench.results} == {Failure}
    assert "cannot be read (Permission denied); check its permissions; attempt 3, the next in" in bench.results[2].error
    bench.verdicts.clear()
    bench.clock.now += 3600.0
    bench.restart(attempts=2)
    bench.settle()
    assert bench.kinds() == ["spoof"]


def test_a_file_that_cannot_be_asked_about_is_noted_once_and_the_rest_is_done(running):
    (running.folder / "circle.wav").symlink_to("circle.wav")
    (running.folder / "nowhere.wav").symlink_to("none.wav")
    running.put("a.wav")
    for _ in range(3):
        running.clock.now += FULL_LOOK_S
        running.settle()
    assert running.scored == ["a.wav"]
    (note,) = running.notes
    assert note.startswith(f"{running.folder}/circle.wav: cannot be read (")
    assert running.watcher.counts.failed == 1


def test_an_error_with_a_name_that_is_no_text_can_be_kept(running):
    name = os.fsdecode(b"\xe4.wav")
    running.verdicts[name] = UnicodeEncodeError("utf-8", name, 0, 1, "surrogates not allowed")
    running.put(name, b"no matter")
    running.settle()
    assert "cannot be decoded (UnicodeEncodeError" in running.results[0].error
