"""PCM on a descriptor: end, cut data and silence are three things."""

from __future__ import annotations

import contextlib
import os
import pty
import threading
import time

import numpy as np
import pytest

from edge.sources.command import StandardInput
from edge.sources.events import Idle, SourceOpenError
from edge.sources.pcm import PcmFormat
from tests.edge.sources.conftest import Heard, listen

RAMP = np.arange(-16000, 16000, dtype="<i2")


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read, write
    for descriptor in (read, write):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def test_everything_is_heard_and_then_it_ends(pipe):
    read, write = pipe

    def send():
        # Odd pieces: a sample may be cut anywhere.
        data = RAMP.tobytes()
        for begin in range(0, len(data), 777):
            os.write(write, data[begin : begin + 777])
        os.close(write)

    sender = threading.Thread(target=send)
    sender.start()
    with StandardInput(descriptor=read) as opened:
        heard = Heard(opened)
    sender.join()
    np.testing.assert_array_equal(heard.samples("stdin") * 32768, RAMP)
    assert (heard.ends["stdin"].reason, heard.ends["stdin"].position) == ("finished", 32000)


def test_a_file_may_be_standard_input(tmp_path):
    (tmp_path / "a.raw").write_bytes(RAMP.tobytes())
    with open(tmp_path / "a.raw", "rb") as file, StandardInput(PcmFormat(8000), descriptor=file.fileno()) as opened:
        heard = Heard(opened)
    assert heard.starts["stdin"].sample_rate == 8000
    assert heard.ends["stdin"].position == 32000


def test_zeros_are_audio(pipe):
    os.write(pipe[1], bytes(2000))
    os.close(pipe[1])
    with StandardInput(descriptor=pipe[0]) as opened:
        heard = Heard(opened)
    assert heard.length("stdin") == 1000
    assert not heard.samples("stdin").any()
    assert heard.ends["stdin"].reason == "finished"


def test_a_sender_that_pauses_is_idle_and_heard_again(pipe):
    with StandardInput(descriptor=pipe[0]) as opened:
        events = iter(opened)
        next(events)
        assert isinstance(next(events), Idle)
        os.write(pipe[1], bytes(200))
        assert len(next(events).samples) == 100


def test_an_end_inside_a_sample_is_bad_data(pipe):
    os.write(pipe[1], bytes(2001))
    os.close(pipe[1])
    with StandardInput(descriptor=pipe[0]) as opened:
        heard = Heard(opened)
    assert heard.ends["stdin"].reason == "bad_data"
    assert heard.ends["stdin"].position == 1000
    assert heard.ends["stdin"].detail.startswith("standard input: the PCM ended inside a sample: 1 of 2 bytes came")


def test_a_wav_file_is_bad_data(pipe):
    os.write(pipe[1], b"RIFF\0\0\0\0WAVE" + bytes(100))
    with StandardInput(descriptor=pipe[0]) as opened:
        heard = Heard(opened)
    assert (heard.ends["stdin"].reason, heard.ends["stdin"].position) == ("bad_data", 0)
    assert "use file: for a file" in heard.ends["stdin"].detail


def test_an_empty_input_is_no_ordinary_end(pipe):
    """What should have written into it has failed, and nobody but us can tell."""
    os.close(pipe[1])
    with StandardInput(descriptor=pipe[0]) as opened:
        heard = Heard(opened)
    end = heard.ends["stdin"]
    assert (end.reason, end.position) == ("bad_data", 0)
    assert end.detail == ("standard input: it ended without any audio; run what should give it by itself to see why")


def test_a_terminal_is_refused_with_an_example():
    ours, theirs = pty.openpty()
    with pytest.raises(SourceOpenError, match="standard input is a terminal; pipe PCM into this command, for example"):
        StandardInput(descriptor=theirs).__enter__()
    os.close(ours)
    os.close(theirs)


def test_a_closed_descriptor_is_refused(pipe):
    os.close(pipe[0])
    with pytest.raises(SourceOpenError, match="standard input is closed"):
        StandardInput(descriptor=pipe[0]).__enter__()


def test_the_first_samples_are_not_held_back(pipe):
    with StandardInput(descriptor=pipe[0]) as opened:
        os.write(pipe[1], RAMP[:100].tobytes())
        begun = time.monotonic()
        listen(opened, lambda heard: heard.starts and heard.length("stdin") == 100)
    assert time.monotonic() - begun < 0.5
