"""Recordings and folders become scores; one that fails does not stop the rest."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import numpy as np
import pytest

from edge.catalog import default_model
from edge.errors import UnreadableAudioError
from edge.scoring import Failure, Score, find_recordings, score_file, score_paths
from tests.edge.conftest import write_wav


def test_each_channel_of_a_call_scores_as_if_it_were_alone(model, speech, tmp_path):
    left, right = speech(3.0, 8000), 0.2 * speech(3.0, 8000)[::-1]
    stereo = write_wav(tmp_path / "call.wav", np.stack([left, right], axis=1), 8000)
    alone = [
        score_file(model, write_wav(tmp_path / f"{index}.wav", samples, 8000))[0].cm_score
        for index, samples in enumerate((left, right, (left + right) / 2))
    ]
    for channel, expected in (("left", alone[:1]), ("right", alone[1:2]), ("each", alone[:2])):
        assert [score.cm_score for score in score_file(model, stereo, channel=channel)] == expected
    assert [score.channel for score in score_file(model, stereo, channel="each")] == ["left", "right"]
    assert score_file(model, stereo)[0].cm_score == pytest.approx(alone[2], abs=0.2), "but for rounding to 16 bits"


def test_noise_alone_is_no_speech_and_a_wav_without_samples_is_refused(model, rng, tmp_path):
    quiet = 1e-4 * rng.standard_normal(48000)
    assert score_file(model, write_wav(tmp_path / "a.wav", quiet))[0].verdict == "no_speech"
    with pytest.raises(UnreadableAudioError, match="holds no samples"):
        score_file(model, write_wav(tmp_path / "a.wav", np.zeros(0)))


def test_folders_are_searched_in_order_and_only_for_recordings(tmp_path):
    for name in ("b/2.wav", "b/1.MP3", "a.m4a", "notes.txt", ".hidden.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [os.path.relpath(path, tmp_path) for path in find_recordings([tmp_path])]
    assert found == ["a.m4a", "b/1.MP3", "b/2.wav"]
    assert list(find_recordings([tmp_path / "notes.txt"])) == [tmp_path / "notes.txt"], "named, so it is tried"


def test_a_pipe_in_a_folder_does_not_block_the_batch(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "a.wav").touch()
    assert list(find_recordings([tmp_path])) == [tmp_path / "a.wav"]


def test_a_file_that_may_not_be_looked_at_is_left_to_its_reader(tmp_path, monkeypatch):
    """By a failing stat: as root, no permission is ever missing."""
    (tmp_path / "a.wav").touch()
    stat = os.stat

    def refuse(path, **options):
        if os.fspath(path).endswith("a.wav"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    assert list(find_recordings([tmp_path])) == [tmp_path / "a.wav"]


def test_an_empty_folder_is_a_failure(tmp_path):
    message = f"{tmp_path}: a folder without recordings; expected files such as .wav, .mp3 or .m4a in it"
    assert list(find_recordings([tmp_path])) == [Failure(tmp_path, message)]


def test_a_path_that_cannot_be_looked_at_is_a_failure_and_the_rest_goes_on(model, speech, tmp_path):
    """A name longer than any file system takes; a closed parent folder is refused in the same way."""
    long = tmp_path / ("x" * 300)
    results = score_paths(model, [long, write_wav(tmp_path / "a.wav", speech(1.5))])
    assert next(results) == Failure(long, f"{long}: cannot be read (File name too long); check its permissions")
    assert [type(result) for result in results] == [Score]


def test_an_unreadable_folder_is_a_failure_and_the_rest_goes_on(tmp_path, monkeypatch):
    """By a failing scandir: as root, no permission is ever missing."""
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").touch()
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(find_recordings([tmp_path]))
    assert tmp_path / "open" / "a.wav" in found
    failure = next(item for item in found if isinstance(item, Failure))
    assert failure.error == f"{tmp_path}/closed: the folder cannot be read (Permission denied); check its permissions"


def _peak_kib(path):
    """Peak memory of scoring ``path`` in a process of its own.

    Not by ru_maxrss: Linux hands the peak of this process, which is larger, down into it.
    """
    code = (
        "import sys\n"
        "from edge.model import Model\n"
        "from edge.scoring import score_file\n"
        "print(score_file(Model.load(sys.argv[1]), sys.argv[2])[0].duration_s)\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM:')))\n"
    )
    command = [sys.executable, "-c", code, str(default_model()), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    duration, peak = done.stdout.split()
    return float(duration), int(peak)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_ten_minutes_take_no_more_memory_than_ten_seconds(tmp_path):
    """10 MB of 8 kHz zeros would show, and so would what is kept of each chunk."""
    long, short = (tmp_path / "long.wav", tmp_path / "short.wav")
    for path, seconds in ((long, 600), (short, 10)):
        size = seconds * 8000 * 2
        header = (
            b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        )
        path.write_bytes(header + b"data" + struct.pack("<I", size))
        os.truncate(path, 44 + size)
    (long_s, long_kib), (_, short_kib) = _peak_kib(long), _peak_kib(short)
    assert long_s == 600.0
    assert long_kib < short_kib + 2048
