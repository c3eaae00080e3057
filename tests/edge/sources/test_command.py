"""Real commands and pipes: what they print is read, how they end is reported, and none is left behind."""

from __future__ import annotations

import contextlib
import os
import pty
import shlex
import sys
import threading

import numpy as np
import pytest

from edge.service.source_address import SourceSyntaxError
from edge.sources.command import CommandSource, StandardInput
from edge.sources.events import Idle, SourceOpenError, StreamEnd, Trouble
from edge.sources.pcm import PcmFormat
from tests.edge.harness import is_alive, wait_for
from tests.edge.sources.conftest import Received, listen


def python(code):
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def speak(samples, then=""):
    return python(
        f"import sys, os, time, signal; sys.stdout.buffer.write(bytes(2 * {samples})); sys.stdout.flush(); {then}"
    )


def test_what_a_command_prints_is_read():
    code = "import sys, array; sys.stdout.buffer.write(array.array('h', range(-9000, 9000)).tobytes())"
    with CommandSource(python(code), PcmFormat(8000)) as opened:
        got = Received(opened)
    np.testing.assert_array_equal(got.samples("cmd-1") * 32768, np.arange(-9000, 9000))
    assert got.starts["cmd-1"].sample_rate == 8000
    assert got.ends["cmd-1"] == StreamEnd("cmd-1", "finished", 18000)


def test_a_command_that_fails_after_audio_is_started_again_with_longer_pauses(clock):
    with CommandSource(speak(100, "os.kill(os.getpid(), signal.SIGKILL)")) as opened:
        got = listen(opened, lambda got: got.ends)
    assert got.ends["cmd-1"].detail.endswith("was stopped by signal 9")
    with CommandSource(speak(100, "sys.exit('no such card')"), clock=clock) as opened:
        got = listen(opened, lambda got: len(got.ends) == 4)
    assert [(end.reason, end.position) for end in got.ends.values()] == [("gone", 100)] * 4
    assert got.ends["cmd-1"].detail.endswith("exited with 1, saying: no such card")
    assert sum(clock.slept) == 1 + 2 + 4
    assert opened.counts["restarts"] == 3
    assert len(got.of(Idle)) >= 7, "the consumer has its turn while nothing comes"


def test_pauses_do_not_grow_without_bound_and_are_short_again_after_a_good_run(clock, tmp_path):
    # The first eight runs give a little audio, then one gives eleven seconds.
    count = tmp_path / "count"
    code = (
        f"import sys, pathlib; p = pathlib.Path({str(count)!r}); n = len(p.read_text()) if p.exists() else 0; "
        "p.write_text('x' * (n + 1)); sys.stdout.buffer.write(bytes(2 * (11 * 16000 if n == 7 else 10))); sys.exit(3)"
    )
    with CommandSource(python(code), clock=clock) as opened:
        got = listen(opened, lambda got: len(got.ends) == 9)
    assert len(got.ends) == 9
    assert sum(clock.slept) == 1 + 2 + 4 + 8 + 16 + 30 + 30 + 1


def test_silence_is_idle_also_while_the_command_writes_messages():
    """As ffmpeg, which writes its progress twice a second while its own source has stalled."""
    chatter = "\nwhile True:\n time.sleep(0.2); sys.stderr.write('size= 1kB time=00:00:01 ')"
    with CommandSource(
        python(f"import sys, time; sys.stdout.buffer.write(bytes(200)); sys.stdout.flush(){chatter}")
    ) as opened:
        got = listen(opened, lambda got: got.of(Idle))
    assert got.length("cmd-1") == 100
    assert got.of(Idle)[-1].waited_s >= 1.0
    assert not got.ends


def test_a_run_without_audio_or_with_a_header_is_bad_data_and_not_tried_again(clock):
    for command, detail in {
        "true": "it ended without any audio; run what should give it by itself to see why",
        python("import sys; sys.stdout.buffer.write(b'RIFF' + bytes(400))"): "a file with a header came",
    }.items():
        with CommandSource(command, clock=clock) as opened:
            end = Received(opened).ends["cmd-1"]
        assert (end.reason, end.position) == ("bad_data", 0)
        assert end.detail.startswith(f"cmd:{command}: {detail}")
    assert clock.slept == []


def test_what_a_failed_run_left_is_stopped_before_the_pause(clock, tmp_path):
    child = tmp_path / "child"
    code = (
        "import subprocess as s, sys, pathlib; "
        "p = s.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], stdout=s.DEVNULL, stderr=s.DEVNULL); "
        f"pathlib.Path({str(child)!r}).write_text(str(p.pid)); sys.stdout.buffer.write(bytes(200)); sys.exit(3)"
    )
    with CommandSource(python(code), clock=clock) as opened:
        events, got = iter(opened), Received()
        while not got.ends:
            got.add(next(events))
        assert isinstance(next(events), Idle)
        wait_for(lambda: not is_alive(int(child.read_text())))


def test_a_program_that_disappears_is_reported_and_tried_again(clock, tmp_path):
    program = tmp_path / "talk"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.stdout.buffer.write(bytes(200)); sys.exit(1)\n")
    program.chmod(0o755)
    with CommandSource(str(program), clock=clock) as opened:
        events, got = iter(opened), Received()
        while not got.ends:
            got.add(next(events))
        program.rename(tmp_path / "away")
        while not got.of(Trouble):
            got.add(next(events))
        (tmp_path / "away").rename(program)
        while "cmd-2" not in got.ends:
            got.add(next(events))
        (trouble,) = got.of(Trouble)
        assert trouble.kind == "vanished"
        assert trouble.detail.endswith(
            "talk cannot be started (No such file or directory); install it, or give its whole path"
        )


def test_leaving_stops_the_command_and_what_it_started(tmp_path):
    child = tmp_path / "child"
    for before in ("", "signal.signal(signal.SIGTERM, signal.SIG_IGN); "):
        code = (
            "import sys, os, time, signal, subprocess, pathlib; "
            "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
            f"pathlib.Path({str(child)!r}).write_text(str(p.pid)); {before}"
            "sys.stdout.buffer.write(bytes(200)); sys.stdout.flush(); time.sleep(600)"
        )
        with CommandSource(python(code)) as opened:
            listen(opened, lambda got: got.starts and got.length("cmd-1"))
            pid = opened._process.pid
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        wait_for(lambda: not is_alive(int(child.read_text())))


def test_many_messages_neither_stall_a_command_nor_fill_the_memory():
    code = (
        "import sys\nfor i in range(2000):\n sys.stderr.write('frame %d ' % i * 20 + chr(10))\n"
        " sys.stdout.buffer.write(bytes(20))\nsys.exit('the last word')"
    )
    with CommandSource(python(code)) as opened:
        got = listen(opened, lambda got: got.ends)
        assert len(opened._stderr) <= 2048
    assert got.ends["cmd-1"].position == 20000
    assert got.ends["cmd-1"].detail.endswith("exited with 1, saying: the last word")


def test_no_shell_reads_the_command(tmp_path):
    marker = tmp_path / "marker"
    with CommandSource(f"echo hi; touch {marker}") as opened:
        Received(opened)
    assert not marker.exists()


def test_a_command_that_cannot_be_read_or_started_is_refused():
    for command, message in {
        "": "cmd: needs a command that prints PCM, such as cmd:parec --raw --rate=16000",
        "say 'hi": "cmd:say 'hi: No closing quotation; quote it as in a shell",
    }.items():
        with pytest.raises(SourceSyntaxError) as caught:
            CommandSource(command)
        assert str(caught.value) == message
    with pytest.raises(SourceOpenError) as caught:
        CommandSource("no-such-program --raw").open()
    assert str(caught.value) == (
        "cmd:no-such-program --raw: no-such-program cannot be started (No such file or directory); "
        "install it, or give its whole path"
    )


RAMP = np.arange(-16000, 16000, dtype="<i2")


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read, write
    for descriptor in (read, write):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def sent(pipe, data):
    """The events of a standard input that holds this."""
    with contextlib.suppress(BrokenPipeError):
        os.write(pipe[1], data)
    os.close(pipe[1])
    with StandardInput(descriptor=pipe[0]) as opened:
        return Received(opened)


def test_everything_is_read_and_then_it_ends(pipe):
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
        got = Received(opened)
    sender.join()
    np.testing.assert_array_equal(got.samples("stdin") * 32768, RAMP)
    assert (got.ends["stdin"].reason, got.ends["stdin"].position) == ("finished", 32000)


def test_a_file_may_be_standard_input(tmp_path):
    (tmp_path / "a.raw").write_bytes(RAMP.tobytes())
    with open(tmp_path / "a.raw", "rb") as file, StandardInput(PcmFormat(8000), descriptor=file.fileno()) as opened:
        got = Received(opened)
    assert got.starts["stdin"].sample_rate == 8000
    assert got.ends["stdin"].position == 32000


def test_a_sender_that_pauses_is_idle_and_read_again_at_once(pipe):
    with StandardInput(descriptor=pipe[0]) as opened:
        events = iter(opened)
        next(events)
        os.write(pipe[1], RAMP[:100].tobytes())
        assert len(next(events).samples) == 100, "the first samples are not held back"
        assert isinstance(next(events), Idle)
        os.write(pipe[1], bytes(200))
        assert len(next(events).samples) == 100


def test_what_is_no_whole_pcm_ends_as_bad_data(pipe):
    for data, position, detail in [
        (bytes(2001), 1000, "the PCM ended inside a sample: 1 of 2 bytes came; check that encoding and channels are"),
        (b"RIFF\0\0\0\0WAVE" + bytes(100), 0, "a file with a header came ('RIFF'); expected bare s16le PCM; let the"),
        (b"", 0, "it ended without any audio; run what should give it by itself to see why"),
    ]:
        end = sent(os.pipe(), data).ends["stdin"]
        assert (end.reason, end.position) == ("bad_data", position)
        assert end.detail.startswith(f"standard input: {detail}")


def test_a_terminal_and_a_closed_descriptor_are_refused(pipe):
    ours, theirs = pty.openpty()
    with pytest.raises(SourceOpenError, match="standard input is a terminal; pipe PCM into this command, for example"):
        StandardInput(descriptor=theirs).open()
    os.close(ours)
    os.close(theirs)
    os.close(pipe[0])
    with pytest.raises(SourceOpenError, match="standard input is closed"):
        StandardInput(descriptor=pipe[0]).open()
