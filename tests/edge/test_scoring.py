"""Recordings and folders become scores; what fails is told and the rest goes on."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import numpy as np
import pytest

from edge.catalog import default_model
from edge.errors import ChannelError, UnreadableAudioError
from edge.scoring import ChannelScorer, Failure, Score, find_recordings, score_file, score_paths, score_samples
from tests.edge.conftest import EXAMPLES, write_wav


def test_a_file_scores_as_its_samples_do(model, speech, tmp_path):
    samples = np.rint(speech(3.0) * 32767).astype(np.float32) / 32768
    found = score_file(model, write_wav(tmp_path / "a.wav", samples * 32768 / 32767))
    expected = score_samples(model, samples)
    assert [score.channel for score in found] == ["mono"]
    assert found[0].cm_score == expected.cm_score
    assert found[0].duration_s == 3.0
    assert found[0].model == model.name


@pytest.mark.parametrize("piece", [1, 777, 8000])
def test_pieces_give_the_same_decision(model, speech, piece):
    samples = speech(2.0, 8000)
    scorer = ChannelScorer(model, 8000)
    for start in range(0, len(samples), piece):
        scorer.feed(samples[start : start + piece])
    whole = ChannelScorer(model, 8000)
    whole.feed(samples)
    assert scorer.flush() == whole.flush()


@pytest.mark.parametrize("channel", ["left", "right", "each", "mix"])
def test_each_channel_of_a_call_scores_as_if_it_were_alone(model, speech, tmp_path, channel):
    left, right = speech(3.0, 8000), 0.2 * speech(3.0, 8000)[::-1]
    stereo = write_wav(tmp_path / "call.wav", np.stack([left, right], axis=1), 8000)
    alone = {
        "left": write_wav(tmp_path / "left.wav", left, 8000),
        "right": write_wav(tmp_path / "right.wav", right, 8000),
    }
    found = {score.channel: score.cm_score for score in score_file(model, stereo, channel=channel)}
    names = {"each": ["left", "right"]}.get(channel, [channel])
    assert list(found) == names
    for name in names:
        if name != "mix":
            assert found[name] == score_file(model, alone[name])[0].cm_score


def test_a_channel_that_is_not_there_is_refused(model, speech, tmp_path):
    with pytest.raises(ChannelError, match="there is 1 channel"):
        score_file(model, write_wav(tmp_path / "a.wav", speech(1.0)), channel="left")


@pytest.mark.parametrize(("name", "verdict"), [("silent.wav", "silenced"), ("too-short.wav", "too_short")])
def test_examples_with_nothing_to_judge_get_no_score(model, name, verdict):
    score = score_file(model, EXAMPLES / name)[0]
    assert (score.verdict, score.cm_score, score.p_bonafide) == (verdict, None, None)


def test_noise_alone_is_no_speech(model, rng, tmp_path):
    quiet = 1e-4 * rng.standard_normal(48000)
    assert score_file(model, write_wav(tmp_path / "a.wav", quiet))[0].verdict == "no_speech"


def test_a_wav_without_samples_is_refused(model, tmp_path):
    with pytest.raises(UnreadableAudioError, match="holds no samples"):
        score_file(model, write_wav(tmp_path / "a.wav", np.zeros(0)))


def test_folders_are_searched_in_order_and_only_for_recordings(tmp_path):
    for name in ("b/2.wav", "b/1.MP3", "a.m4a", "notes.txt", ".hidden.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [os.path.relpath(path, tmp_path) for path in find_recordings([tmp_path])]
    assert found == ["a.m4a", "b/1.MP3", "b/2.wav"]


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


def test_a_named_file_is_tried_whatever_it_is_called(tmp_path):
    assert list(find_recordings([tmp_path / "notes.txt"])) == [tmp_path / "notes.txt"]


def test_an_empty_folder_is_told(tmp_path):
    message = f"{tmp_path}: a folder without recordings; expected files such as .wav, .mp3 or .m4a in it"
    assert list(find_recordings([tmp_path])) == [Failure(tmp_path, message)]


def test_a_path_that_cannot_be_looked_at_is_told_and_the_rest_goes_on(model, speech, tmp_path):
    """A name longer than any file system takes; a closed parent folder is refused in the same way."""
    long = tmp_path / ("x" * 300)
    failure, score = score_paths(model, [long, write_wav(tmp_path / "a.wav", speech(1.5))])
    assert failure == Failure(long, f"{long}: cannot be read (File name too long); check its permissions")
    assert isinstance(score, Score)


def test_an_unreadable_folder_is_told_and_the_rest_goes_on(tmp_path, monkeypatch):
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


def test_a_batch_goes_on_after_a_failure(model, speech, tmp_path):
    good = write_wav(tmp_path / "b.wav", speech(2.0))
    results = list(score_paths(model, [tmp_path / "a.wav", good]))
    assert isinstance(results[0], Failure)
    assert isinstance(results[1], Score)
    assert results[0].error.endswith("a.wav: no such file; check the path")


def test_results_come_one_by_one(model, speech, tmp_path):
    good = write_wav(tmp_path / "a.wav", speech(1.5))
    results = score_paths(model, [good, tmp_path / "missing.wav"])
    assert isinstance(next(results), Score)


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
def test_two_hours_take_no_more_memory_than_ten_seconds(tmp_path):
    """A sparse file: 115 MB of 8 kHz zeros that take no disk."""
    long, short = (tmp_path / "long.wav", tmp_path / "short.wav")
    for path, seconds in ((long, 7200), (short, 10)):
        size = seconds * 8000 * 2
        header = (
            b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        )
        path.write_bytes(header + b"data" + struct.pack("<I", size))
        os.truncate(path, 44 + size)
    (long_s, long_kib), (_, short_kib) = _peak_kib(long), _peak_kib(short)
    assert long_s == 7200.0
    assert long_kib < short_kib + 4096
