"""The folder of clips, on a real file system: what is in the files, what is deleted, and what a kill leaves."""

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

import numpy as np
import pytest

from edge.alerts.event import AlertEvent, new_event_id
from edge.live.clips import ClipError, ClipFolder, ClipRecorder
from edge.sources.events import AudioChunk, Idle, StreamEnd, StreamStart
from tests.edge.harness import Clock

RATE = 8000
NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC).timestamp()
DAY_S = 86400.0
WHOLE = 2 * 12000 + 44


class Recorded:
    """One stream with its recorder: audio whose samples name their own position, and alarms."""

    def __init__(self, folder, clock, before_s, after_s):
        self.folder, self.clock, self.position, self.complaints = folder, clock, 0, []
        self.recorder = ClipRecorder(folder, before_s=before_s, after_s=after_s, complain=self.complaints.append)
        self.recorder.before(StreamStart("mic", RATE))

    def feed(self, size, piece=160):
        for at in range(0, size, piece):
            count = min(piece, size - at)
            self.recorder.before(AudioChunk("mic", ramp(self.position, count), RATE, self.position))
            self.position += count

    def alarm(self, kind="spoof"):
        event = AlertEvent(new_event_id(), kind, self.clock.now, "mic", verdict="spoof", note="café")
        self.recorder.alarm("mic", event)
        stamp = datetime.fromtimestamp(self.clock.now, UTC).strftime("%Y%m%dT%H%M%SZ")
        return self.folder.folder / f"bonafone-{stamp}-{event.id}.wav"


@pytest.fixture
def clock():
    return Clock(NOON)


@pytest.fixture
def open_folder(tmp_path, clock):
    def make(**bounds):
        return ClipFolder(tmp_path / "clips", clock=clock, **{"keep_days": 7.0, "max_bytes": 10_000_000, **bounds})

    return make


@pytest.fixture
def record(open_folder, clock):
    def make(before_s=1.0, after_s=0.5, **bounds):
        return Recorded(open_folder(**bounds), clock, before_s, after_s)

    return make


def ramp(start, size):
    """Whole PCM steps, each other than its neighbours."""
    return (((np.arange(start, start + size) % 30000) - 15000) / 32767.0).astype(np.float32)


def expected(start, end):
    return np.rint(ramp(start, end - start) * 32767).astype(np.int16)


def read(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def names(folder):
    return sorted(path.name for path in folder.folder.iterdir())


@pytest.mark.parametrize("piece", [pytest.param(1, marks=pytest.mark.slow), 160, 20000])
def test_a_clip_has_the_seconds_before_and_after_its_alarm_to_the_sample(record, piece):
    one = record()
    one.feed(24000, piece)
    path = one.alarm()
    one.feed(3999, min(piece, 3999))
    assert names(one.folder) == []
    one.feed(20000, piece)
    np.testing.assert_array_equal(read(path), expected(16000, 28000))
    assert json.loads(path.with_suffix(".json").read_text("utf-8"))["data"]["note"] == "café"
    assert names(one.folder) == [path.with_suffix(".json").name, path.name]
    assert one.complaints == []


def test_a_clip_as_long_as_its_stream_is_whole_at_the_end(record):
    one = record()
    one.feed(500)
    path = one.alarm()
    one.feed(100)
    one.recorder.after(StreamEnd("mic", "finished", 600))
    np.testing.assert_array_equal(read(path), expected(0, 600))
    none = record(before_s=0.0, after_s=0.0)
    none.feed(100)
    assert len(read(none.alarm())) == 0
    last = record()
    last.feed(100)
    path = last.alarm()
    last.recorder.close()
    assert len(read(path)) == 100


def test_a_second_alarm_during_the_first_clip_gets_its_own(record):
    one = record()
    one.feed(8000)
    first = one.alarm()
    one.feed(1000)
    second = one.alarm()
    one.feed(20000)
    np.testing.assert_array_equal(read(first), expected(0, 12000))
    np.testing.assert_array_equal(read(second), expected(1000, 13000))


def test_only_an_alarm_about_a_voice_writes(record):
    one = record()
    one.feed(100_000)
    one.alarm("silenced")
    one.recorder.alarm("of another stream", AlertEvent(new_event_id(), "spoof", NOON, "mic"))
    one.recorder.close()
    assert names(one.folder) == []


def test_what_is_out_of_range_or_no_number_is_clipped_or_silent(record):
    one = record(after_s=0.0)
    samples = np.array([2.0, -2.0, np.inf, -np.inf, np.nan], np.float32)
    one.recorder.before(AudioChunk("mic", samples, RATE, 0))
    assert read(one.alarm()).tolist() == [32767, -32767, 32767, -32767, 0]


def test_memory_stays_bounded_by_the_seconds_before(record):
    one = record(before_s=2.0)
    one.feed(800_000)
    assert one.recorder._recorders["mic"]._held <= 2 * RATE + 160


def test_files_and_folder_are_the_owners_alone_whatever_the_umask(record):
    before = os.umask(0)
    try:
        one = record(after_s=0.0)
        path = one.alarm()
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(item.stat().st_mode) for item in (one.folder.folder, path, path.with_suffix(".json"))]
    assert modes == [0o700, 0o600, 0o600]


def clip(one):
    one.feed(8000)
    path = one.alarm()
    one.feed(4000)
    return path


def test_clips_go_when_they_are_too_old_and_nothing_else_does(record, open_folder, clock):
    one = record(keep_days=2.0)
    folder = one.folder.folder
    foreign = ["holiday.wav", "bonafone-notes.txt", f"bonafone-20200101T000000Z-{new_event_id()}.mp3"]
    for name in foreign:
        (folder / name).write_bytes(b"mine")
    (folder / f"bonafone-20200101T000000Z-{new_event_id()}.wav").symlink_to(folder / "holiday.wav")
    old = clip(one)
    clock.now += 1.5 * DAY_S
    young = clip(one)
    clock.now += 1.0 * DAY_S
    open_folder(keep_days=2.0)
    assert [path.exists() for path in (old, old.with_suffix(".json"))] == [False, False]
    assert [path.exists() for path in (young, young.with_suffix(".json"))] == [True, True]
    assert set(foreign) <= set(names(one.folder))
    assert len([path for path in folder.iterdir() if path.is_symlink()]) == 1


@pytest.mark.parametrize("event", [AudioChunk("mic", ramp(0, 100), RATE, 12000), Idle(1.0)], ids=["audio", "no calls"])
def test_what_is_too_old_goes_while_a_service_runs_on_without_an_alarm(record, clock, event):
    one = record(keep_days=2.0)
    old = clip(one)
    clock.now += 3 * DAY_S
    one.recorder.before(event)
    assert not old.exists()


def test_the_oldest_go_before_all_together_take_too_much(record, clock):
    limit = 3 * (WHOLE + 500)
    one = record(max_bytes=limit)
    paths = []
    for _ in range(5):
        paths.append(clip(one))
        assert sum(path.stat().st_size for path in one.folder.folder.iterdir()) <= limit
        clock.now += 60.0
    assert [path.exists() for path in paths] == [False, False, True, True, True]


def test_a_clip_that_could_never_fit_is_refused_when_its_stream_begins(record):
    one = record(max_bytes=10_000)
    assert len(one.complaints) == 1
    assert "1.5 s at 8000 Hz take 24044 bytes, more than the 10000" in one.complaints[0]
    one.feed(8000)
    one.alarm()
    assert names(one.folder) == []


def test_a_kill_leaves_no_half_clip_and_a_later_start_cleans_up(record, open_folder, clock, tmp_path):
    code = (
        "import os, signal, sys, time, pathlib, numpy as np\n"
        "from edge.alerts.event import AlertEvent, new_event_id\nfrom edge.live.clips import ClipFolder\n"
        "folder = ClipFolder(pathlib.Path(sys.argv[1]), keep_days=7, max_bytes=10**7, clock=time.time)\n"
        "os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)\n"
        "folder.write(AlertEvent(new_event_id(), 'spoof', time.time(), 'mic'), np.zeros(8000, np.int16), 8000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "clips")], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = (tmp_path / "clips").iterdir()
    assert left.suffix == ".part"
    clock.now = left.stat().st_mtime
    open_folder()
    assert left.exists(), "another process may be writing it right now"
    clock.now += 2 * 3600.0
    open_folder()
    assert not left.exists()


def test_a_disk_that_takes_no_more_is_reported_and_leaves_nothing(record):
    one = record()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Beyond this size a write fails as on a full disk, with EFBIG for ENOSPC; Python ignores the signal.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        clip(one)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert one.complaints == [
        f"clips: {one.folder.folder} cannot be used (File too large); make room or check its permissions"
    ]
    assert names(one.folder) == []
    assert clip(one).exists(), "and the next one is kept"


def test_a_folder_that_is_none_is_an_error(tmp_path, clock):
    (tmp_path / "file").write_text("")
    with pytest.raises(ClipError, match="file cannot be used"):
        ClipFolder(tmp_path / "file", keep_days=1.0, max_bytes=1, clock=clock)
