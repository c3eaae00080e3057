"""The folder of recordings, on a real file system: what is in the files, what is deleted, and what a kill leaves."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edge.alerts.event import AlertEvent, new_event_id
from edge.errors import EdgeError
from edge.live.clips import ClipError, ClipFolder
from edge.live.keeping import ClipKeeper
from edge.live.reports import Alarm
from edge.service.redaction import Redactor
from edge.sources.events import AudioChunk, Idle, StreamEnd, StreamStart

RATE = 8000
NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC).timestamp()
DAY_S = 86400.0


class Clock:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_folder(tmp_path, clock):
    def make(**values):
        settings = {"keep_days": 7.0, "max_bytes": 10_000_000, "before_s": 1.0, "after_s": 0.5, **values}
        return ClipFolder(tmp_path / "clips", clock=clock, **settings)

    return make


def ramp(start, size):
    """Samples that tell their own position: whole PCM steps, each other than its neighbours."""
    return (((np.arange(start, start + size) % 30000) - 15000) / 32767.0).astype(np.float32)


def read(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")


def expected(start, end):
    return np.rint(ramp(start, end - start) * 32767).astype(np.int16)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("piece", [1, 7, 160, 8000, 20000])
def test_a_recording_has_the_seconds_before_and_after_its_alarm_to_the_sample(make_folder, piece):
    recorder = make_folder().recorder("mic", RATE)
    alarm_at, fed, path = 24000, 0, None
    while fed < 60000:
        if path is None and fed >= alarm_at:
            alarm_at, path = fed, recorder.alarm(new_event_id(), {"verdict": "spoof"})
        recorder.feed(ramp(fed, piece))
        fed += piece
    recorder.close()
    rate, samples = read(path)
    assert rate == RATE
    np.testing.assert_array_equal(samples, expected(alarm_at - 8000, alarm_at + 4000))


def test_the_facts_lie_beside_at_once_and_the_recording_has_its_name_only_when_whole(make_folder):
    folder = make_folder()
    recorder, event = folder.recorder("mic", RATE), new_event_id()
    recorder.feed(ramp(0, 8000))
    path = recorder.alarm(event, {"verdict": "spoof", "source": "café"})
    assert path.name == f"bonafone-20260301T120000Z-{event}.wav"
    assert json.loads(path.with_suffix(".json").read_text("utf-8")) == {"verdict": "spoof", "source": "café"}
    recorder.feed(ramp(8000, 3999))
    assert names(folder.folder) == [path.with_suffix(".json").name, path.name + ".part"]
    recorder.feed(ramp(11999, 1))
    assert names(folder.folder) == [path.with_suffix(".json").name, path.name]
    assert len(read(path)[1]) == 12000


def test_files_and_folder_are_the_owners_alone_whatever_the_umask(make_folder):
    before = os.umask(0)
    try:
        folder = make_folder(after_s=0.0)
        path = folder.recorder("mic", RATE).alarm(new_event_id(), {})
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(item.stat().st_mode) for item in (folder.folder, path, path.with_suffix(".json"))]
    assert modes == [0o700, 0o600, 0o600]


def test_without_an_alarm_nothing_is_written(make_folder):
    folder = make_folder()
    recorder = folder.recorder("mic", RATE)
    recorder.feed(ramp(0, 100_000))
    recorder.close()
    assert names(folder.folder) == []


def test_an_alarm_early_in_a_stream_has_what_there_was_and_the_end_of_the_stream_makes_it_whole(make_folder):
    recorder = make_folder().recorder("mic", RATE)
    recorder.feed(ramp(0, 500))
    path = recorder.alarm(new_event_id(), {})
    recorder.feed(ramp(500, 100))
    recorder.close()
    np.testing.assert_array_equal(read(path)[1], expected(0, 600))


def test_nothing_before_and_nothing_after_still_make_a_file(make_folder):
    recorder = make_folder(before_s=0.0, after_s=0.0).recorder("mic", RATE)
    recorder.feed(ramp(0, 100))
    assert len(read(recorder.alarm(new_event_id(), {}))[1]) == 0


def test_a_second_alarm_during_the_first_recording_gets_its_own(make_folder):
    recorder = make_folder().recorder("mic", RATE)
    recorder.feed(ramp(0, 8000))
    first = recorder.alarm(new_event_id(), {})
    recorder.feed(ramp(8000, 1000))
    second = recorder.alarm(new_event_id(), {})
    recorder.feed(ramp(9000, 20000))
    np.testing.assert_array_equal(read(first)[1], expected(0, 12000))
    np.testing.assert_array_equal(read(second)[1], expected(1000, 13000))


def test_what_is_out_of_range_or_no_number_is_clipped_or_silent(make_folder):
    recorder = make_folder(after_s=0.0).recorder("mic", RATE)
    recorder.feed(np.array([2.0, -2.0, np.inf, -np.inf, np.nan], np.float32))
    assert read(recorder.alarm(new_event_id(), {}))[1].tolist() == [32767, -32767, 32767, -32767, 0]


def test_memory_stays_bounded_by_the_seconds_before(make_folder):
    recorder = make_folder(before_s=2.0).recorder("mic", RATE)
    for _ in range(50):
        recorder.feed(ramp(0, 16000))
    assert recorder._ring.nbytes == 2 * 2 * RATE


def alarm_once(folder):
    recorder = folder.recorder("mic", RATE)
    recorder.feed(ramp(0, 8000))
    path = recorder.alarm(new_event_id(), {})
    recorder.feed(ramp(0, 4000))
    return path


def test_recordings_go_when_they_are_too_old_and_nothing_else_does(make_folder, clock):
    folder = make_folder(keep_days=2.0)
    foreign = ["holiday.wav", "bonafone-notes.txt", f"bonafone-20200101T000000Z-{new_event_id()}.mp3"]
    for name in foreign:
        (folder.folder / name).write_bytes(b"mine")
    (folder.folder / f"bonafone-20200101T000000Z-{new_event_id()}.wav").symlink_to(folder.folder / "holiday.wav")
    old = alarm_once(folder)
    clock.now += 1.5 * DAY_S
    young = alarm_once(folder)
    clock.now += 1.0 * DAY_S
    make_folder(keep_days=2.0)
    assert not old.exists()
    assert not old.with_suffix(".json").exists()
    assert young.exists()
    assert young.with_suffix(".json").exists()
    assert set(foreign) <= set(names(folder.folder))
    assert len([path for path in folder.folder.iterdir() if path.is_symlink()]) == 1


def test_what_is_too_old_goes_while_a_service_runs_on_without_an_alarm(make_folder, clock):
    folder = make_folder(keep_days=2.0)
    old = alarm_once(folder)
    recorder = folder.recorder("mic", RATE)
    clock.now += 3 * DAY_S
    recorder.feed(ramp(0, 100))
    assert not old.exists()


def test_the_oldest_go_when_all_together_take_too_much(make_folder, clock):
    whole = 2 * 12000 + 44
    folder = make_folder(max_bytes=3 * whole + 100)
    paths = []
    for _ in range(5):
        paths.append(alarm_once(folder))
        clock.now += 60.0
    assert [path.exists() for path in paths] == [False, False, True, True, True]
    assert sum(path.stat().st_size for path in folder.folder.iterdir()) <= 3 * whole + 100


def test_the_bound_holds_at_every_moment_of_a_new_recording(make_folder, clock):
    whole = 2 * 12000 + 44
    folder = make_folder(max_bytes=2 * whole + 100)
    for _ in range(4):
        recorder = folder.recorder("mic", RATE)
        recorder.feed(ramp(0, 8000))
        recorder.alarm(new_event_id(), {})
        for _ in range(10):
            assert sum(path.stat().st_size for path in folder.folder.iterdir()) <= 2 * whole + 100
            recorder.feed(ramp(0, 400))
        clock.now += 60.0


def test_recordings_that_run_at_once_share_the_bound(make_folder):
    folder = make_folder(max_bytes=2 * (2 * 12000 + 44) - 1)
    first, second = folder.recorder("a", RATE), folder.recorder("b", RATE)
    path = first.alarm(new_event_id(), {})
    with pytest.raises(ClipError, match=r"1 recordings are being written.*max_bytes"):
        second.alarm(new_event_id(), {})
    first.feed(ramp(0, 4000))
    assert path.exists()
    assert second.alarm(new_event_id(), {})
    second.close()


def test_a_recording_that_could_never_fit_is_refused_when_its_stream_begins(make_folder):
    with pytest.raises(ClipError, match=r"mic: 1\.5 s at 48000 Hz take 144044 bytes, more than max_bytes = 100000"):
        make_folder(max_bytes=100_000).recorder("mic", 48000)


@pytest.mark.parametrize("name", ["keep_days", "before_s", "after_s"])
def test_bounds_that_are_no_bounds_are_refused(make_folder, name):
    for value in (float("nan"), float("inf"), -1.0):
        with pytest.raises(ClipError, match=name):
            make_folder(**{name: value})


@pytest.mark.parametrize("event", ["../../etc/passwd", "evt_1", "", "+49 151 1234567", "evt_" + "g" * 32])
def test_a_name_is_never_made_of_what_a_caller_sends(make_folder, event):
    folder = make_folder()
    with pytest.raises(ClipError, match="expected an id"):
        folder.recorder("mic", RATE).alarm(event, {})
    assert names(folder.folder) == []


def test_facts_that_json_has_not_are_an_error_that_can_be_reported(make_folder):
    with pytest.raises(ClipError, match="JSON"):
        make_folder().recorder("mic", RATE).alarm(new_event_id(), {"cm_score": float("nan")})


def test_the_same_alarm_twice_leaves_the_first_recording_alone(make_folder):
    recorder, event = make_folder().recorder("mic", RATE), new_event_id()
    path = recorder.alarm(event, {})
    with pytest.raises(ClipError, match="exists"):
        recorder.alarm(event, {})
    recorder.feed(ramp(0, 4000))
    np.testing.assert_array_equal(read(path)[1], expected(0, 4000))


def test_errors_are_the_runtimes(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeError, match="file"):
        ClipFolder(tmp_path / "file", keep_days=1.0, max_bytes=1, before_s=1.0, after_s=1.0)


CHILD = """
import os, sys, time
import numpy as np
from pathlib import Path
from edge.alerts.event import AlertEvent, new_event_id
from edge.live.clips import ClipError, ClipFolder
from edge.live.keeping import ClipKeeper
from edge.service.redaction import Redactor
from edge.live.reports import Alarm
from edge.sources.events import AudioChunk, Idle, StreamEnd, StreamStart

recorder = ClipFolder(
    Path(sys.argv[1]), keep_days=7, max_bytes=10_000_000, before_s=1.0, after_s=60.0
).recorder("mic", 8000)
recorder.feed(np.zeros(8000, np.float32))
try:
    path = recorder.alarm(new_event_id(), {})
    for step in range(int(sys.argv[2])):
        recorder.feed(np.full(4000, 0.1, np.float32))
    print("open", flush=True)
    time.sleep(60)
except ClipError as error:
    print("ClipError", error, flush=True)
    left = sorted(name for name in os.listdir(sys.argv[1]) if not name.endswith(".json"))
    recorder.feed(np.zeros(4000, np.float32))
    recorder.close()
    print(left, flush=True)
"""


def child(folder, steps, **options):
    command = [sys.executable, "-c", CHILD, str(folder), str(steps)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3], **options)


def test_a_killed_process_leaves_no_half_recording_and_the_next_one_cleans_up(make_folder):
    folder = make_folder()
    with child(folder.folder, 10) as process:
        assert process.stdout.readline() == "open\n"
        make_folder()
        parts = [path for path in folder.folder.iterdir() if path.suffix == ".part"]
        assert len(parts) == 1, "what another process writes right now is no leftover"
        process.send_signal(signal.SIGKILL)
    assert not list(folder.folder.glob("*.wav"))
    make_folder()
    assert [path.suffix for path in folder.folder.iterdir()] == [".json"]


def limit_files():
    # Beyond this size a write fails as on a full disk, with EFBIG for ENOSPC; Python ignores the signal.
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


def test_a_disk_that_takes_no_more_is_an_error_that_can_be_reported_and_leaves_nothing(make_folder):
    folder = make_folder()
    with child(folder.folder, 100, preexec_fn=limit_files, stderr=subprocess.PIPE) as process:
        told, errors = process.communicate(timeout=60)
    assert told.startswith(f"ClipError clips: {folder.folder} cannot be used (File too large)"), errors
    assert told.splitlines()[-1] == "[]"
    assert errors == ""
    assert process.returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_told(make_folder):
    folder = make_folder()
    folder.folder.chmod(0o500)
    try:
        with pytest.raises(ClipError, match="Permission denied"):
            folder.recorder("mic", RATE).alarm(new_event_id(), {})
    finally:
        folder.folder.chmod(0o700)


def test_a_port_without_calls_keeps_nothing_beyond_its_time(make_folder, clock):
    """No audio is fed for days, and no alarm looks at the folder either."""
    folder = make_folder(keep_days=7.0)
    keeper = ClipKeeper(folder, Redactor("rtp://:5004"), pytest.fail)
    event = AlertEvent(new_event_id("a"), "spoof", NOON, "rtp://:5004")
    keeper.before(StreamStart("rtp-1", RATE))
    keeper.before(AudioChunk("rtp-1", ramp(0, RATE), RATE, 0))
    keeper.alarm(Alarm(event, "rtp-1"))
    keeper.after(StreamEnd("rtp-1", "finished", RATE))
    kept = sorted(path.suffix for path in folder.folder.iterdir())
    assert kept == [".json", ".wav"]
    for _ in range(8 * 24):
        clock.now += 3600.0
        keeper.before(Idle(1.0))
    assert list(folder.folder.iterdir()) == []
