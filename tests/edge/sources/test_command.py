"""Real commands: what they print is heard, how they end is told, and none is left behind."""

from __future__ import annotations

import os
import shlex
import sys
import time

import numpy as np
import pytest

from edge.service.source_address import SourceSyntaxError
from edge.sources.command import CommandSource
from edge.sources.events import Idle, SourceOpenError, StreamEnd, Trouble
from edge.sources.pcm import PcmFormat
from tests.edge.sources.conftest import Heard, listen


def python(code):
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def speak(samples, then=""):
    return python(
        f"import sys, os, time, signal; sys.stdout.buffer.write(bytes(2 * {samples})); sys.stdout.flush(); {then}"
    )


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_a_command_prints_is_heard():
    code = "import sys, array; sys.stdout.buffer.write(array.array('h', range(-9000, 9000)).tobytes())"
    with CommandSource(python(code), PcmFormat(8000)) as opened:
        heard = Heard(opened)
    np.testing.assert_array_equal(heard.samples("cmd-1") * 32768, np.arange(-9000, 9000))
    assert heard.starts["cmd-1"].sample_rate == 8000
    assert heard.ends["cmd-1"] == StreamEnd("cmd-1", "finished", 18000)


def test_a_command_that_fails_after_audio_is_started_again_with_longer_pauses(clock):
    with CommandSource(speak(100, "sys.exit('no such card')"), clock=clock) as opened:
        heard = listen(opened, lambda heard: len(heard.ends) == 4)
    assert [(end.reason, end.position) for end in heard.ends.values()] == [("gone", 100)] * 4
    assert heard.ends["cmd-1"].detail.endswith("exited with 1, saying: no such card")
    assert sum(clock.slept) == 1 + 2 + 4
    assert opened.counts["restarts"] == 3
    assert len(heard.of(Idle)) >= 7, "the consumer has its turn while nothing comes"


def test_pauses_do_not_grow_without_bound_and_are_short_again_after_a_good_run(clock, tmp_path):
    # The first eight runs give a little audio, then one gives eleven seconds.
    count = tmp_path / "count"
    code = (
        f"import sys, pathlib; p = pathlib.Path({str(count)!r}); n = len(p.read_text()) if p.exists() else 0; "
        "p.write_text('x' * (n + 1)); sys.stdout.buffer.write(bytes(2 * (11 * 16000 if n == 7 else 10))); sys.exit(3)"
    )
    with CommandSource(python(code), clock=clock) as opened:
        heard = listen(opened, lambda heard: len(heard.ends) == 9)
    assert len(heard.ends) == 9
    assert sum(clock.slept) == 1 + 2 + 4 + 8 + 16 + 30 + 30 + 1


def test_a_command_that_never_gives_audio_is_not_tried_for_ever(clock):
    with CommandSource(python("import sys; sys.exit('usage: parec [options]')"), clock=clock) as opened:
        heard = Heard(opened)
    (end,) = heard.ends.values()
    assert (end.reason, end.position) == ("gone", 0)
    assert end.detail.endswith(
        "exited with 1, saying: usage: parec [options]; "
        "it gave no audio at all, so it is not started again: run it by itself to see why"
    )
    assert clock.slept == []


def test_a_command_that_is_killed_is_gone():
    with CommandSource(speak(100, "os.kill(os.getpid(), signal.SIGKILL)")) as opened:
        heard = listen(opened, lambda heard: heard.ends)
    assert heard.ends["cmd-1"].detail.endswith("was stopped by signal 9")


def test_silence_of_the_command_is_idle_and_zeros_are_audio():
    with CommandSource(speak(100, "time.sleep(60)")) as opened:
        heard = listen(opened, lambda heard: heard.of(Idle))
    assert heard.length("cmd-1") == 100
    assert not heard.ends


def test_chatter_does_not_hide_that_no_audio_comes():
    """As of ffmpeg, which tells its progress twice a second while its own source has stalled."""
    chatter = "\nwhile True:\n time.sleep(0.2); sys.stderr.write('size= 1kB time=00:00:01 ')"
    with CommandSource(
        python(f"import sys, time; sys.stdout.buffer.write(bytes(200)); sys.stdout.flush(){chatter}")
    ) as opened:
        heard = listen(opened, lambda heard: len(heard.of(Idle)) >= 2)
    assert heard.length("cmd-1") == 100
    assert heard.of(Idle)[-1].waited_s >= 2.0


def test_a_command_that_ends_well_without_audio_is_no_ordinary_end():
    with CommandSource("true") as opened:
        heard = Heard(opened)
    end = heard.ends["cmd-1"]
    assert (end.reason, end.position) == ("bad_data", 0)
    assert end.detail == "cmd:true: it ended without any audio; run what should give it by itself to see why"


def test_what_a_failed_run_left_is_stopped_before_the_pause(clock, tmp_path):
    child = tmp_path / "child"
    code = (
        "import subprocess as s, sys, pathlib; "
        "p = s.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], stdout=s.DEVNULL, stderr=s.DEVNULL); "
        f"pathlib.Path({str(child)!r}).write_text(str(p.pid)); sys.stdout.buffer.write(bytes(200)); sys.exit(3)"
    )
    with CommandSource(python(code), clock=clock) as opened:
        events, heard = iter(opened), Heard()
        while not heard.ends:
            heard.add(next(events))
        assert isinstance(next(events), Idle)
        until_dead(int(child.read_text()))


def test_a_program_that_disappears_is_told_and_tried_again(clock, tmp_path):
    program = tmp_path / "talk"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.stdout.buffer.write(bytes(200)); sys.exit(1)\n")
    program.chmod(0o755)
    with CommandSource(str(program), clock=clock) as opened:
        events, heard = iter(opened), Heard()
        while not heard.ends:
            heard.add(next(events))
        program.rename(tmp_path / "away")
        while not heard.of(Trouble):
            heard.add(next(events))
        (tmp_path / "away").rename(program)
        while "cmd-2" not in heard.ends:
            heard.add(next(events))
        (trouble,) = heard.of(Trouble)
        assert trouble.kind == "vanished"
        assert trouble.detail.endswith(
            "talk cannot be started (No such file or directory); install it, or give its whole path"
        )


@pytest.mark.parametrize("then", ["time.sleep(600)", "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"])
def test_leaving_stops_the_command_and_what_it_started(tmp_path, then):
    child = tmp_path / "child"
    code = (
        "import sys, os, time, signal, subprocess, pathlib; "
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        f"pathlib.Path({str(child)!r}).write_text(str(p.pid)); "
        f"sys.stdout.buffer.write(bytes(200)); sys.stdout.flush(); {then}"
    )
    with CommandSource(python(code)) as opened:
        listen(opened, lambda heard: heard.starts and heard.length("cmd-1"))
        if "SIG_IGN" in then:
            time.sleep(0.3)
        pid = opened._process.pid
    assert not is_running(pid)
    until_dead(int(child.read_text()))


def until_dead(pid):
    deadline = time.monotonic() + 5.0
    # Its parent is gone: whoever adopts it may take a moment to bury it.
    while _is_alive(pid):
        assert time.monotonic() < deadline, "the command's own child still runs"
        time.sleep(0.02)


def _is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_chatty_command_does_not_stall_and_its_chatter_is_not_kept():
    code = (
        "import sys\nfor i in range(2000):\n sys.stderr.write('frame %d ' % i * 20 + chr(10))\n"
        " sys.stdout.buffer.write(bytes(20))\nsys.exit('the last word')"
    )
    with CommandSource(python(code)) as opened:
        heard = listen(opened, lambda heard: heard.ends)
        assert len(opened._stderr) <= 2048
    assert heard.ends["cmd-1"].position == 20000
    assert heard.ends["cmd-1"].detail.endswith("exited with 1, saying: the last word")


def test_a_wav_on_the_output_ends_as_bad_data_and_is_not_tried_again(clock):
    code = "import sys; sys.stdout.buffer.write(b'RIFF' + bytes(400))"
    with CommandSource(python(code), clock=clock) as opened:
        heard = Heard(opened)
    assert heard.ends["cmd-1"].reason == "bad_data"
    assert "arecord -t raw" in heard.ends["cmd-1"].detail


def test_no_shell_reads_the_command(tmp_path):
    marker = tmp_path / "marker"
    with CommandSource(f"echo hi; touch {marker}") as opened:
        Heard(opened)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "cmd: needs a command that prints PCM, such as cmd:parec --raw --rate=16000"),
        ("say 'hi", "cmd:say 'hi: No closing quotation; quote it as in a shell"),
    ],
)
def test_a_command_that_cannot_be_read_is_refused(command, message):
    with pytest.raises(SourceSyntaxError) as caught:
        CommandSource(command)
    assert str(caught.value) == message


def test_a_program_that_is_not_there_is_told_at_once():
    with pytest.raises(SourceOpenError) as caught:
        CommandSource("no-such-program --raw").__enter__()
    assert str(caught.value) == (
        "cmd:no-such-program --raw: no-such-program cannot be started (No such file or directory); "
        "install it, or give its whole path"
    )
