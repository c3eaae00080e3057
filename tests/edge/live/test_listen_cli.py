"""`edge listen` as a user runs it: real processes, recordings, pipes, sockets and signals."""

from __future__ import annotations

import fcntl
import json
import math
import os
import pty
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
import urllib.request
import uuid

import numpy as np
import pytest

from edge.errors import ConfigError
from edge.live.settings import ListenSettings
from edge.scoring import open_audio
from tests.edge.conftest import EXAMPLES, write_wav
from tests.edge.harness import LIMIT_S, free_port, run_edge, wait_for
from tests.edge.live.conftest import HOLD_S, MIN_SPEECH_S
from tests.edge.sources.test_audiosocket import message


def pcm(samples):
    return np.rint(np.asarray(samples, np.float64) * 32767).astype("<i2").tobytes()


def stored(tmp_path):
    """Kinds of the events in the outbox."""
    with sqlite3.connect(tmp_path / "alerts.sqlite") as database:
        return [json.loads(body)["data"]["kind"] for (body,) in database.execute("SELECT body FROM events")]


def test_a_recording_with_planted_zeros_is_silenced_once_and_has_no_score_there(run, calm, speech, tmp_path):
    zeros = np.zeros(16000 * 8, np.float32)
    path = write_wav(tmp_path / "a.wav", np.concatenate([speech(6.0), zeros, speech(6.0)]))
    listening = run("--source", f"file:{path}", "--pace", "inf", "--model", calm)
    (alert,) = listening.of("alert")
    assert (alert["kind"], alert["publication"], alert["stream"]) == ("silenced", "published", "file")
    # From 6 s on, at least 3 s, and alerted within a chunk.
    assert 9.0 <= alert["position_s"] <= 9.6
    withheld = [item for item in listening.of("update") if item["state"] == "silenced"]
    assert withheld
    assert {(item["verdict"], item["cm_score"], item["p_bonafide"]) for item in withheld} == {("silenced", None, None)}
    assert listening.last()["verdict"] in ("bonafide", "uncertain")
    assert listening.last()["position_s"] == 20.0
    assert stored(tmp_path) == ["silenced"]
    again = run("--source", f"file:{path}", "--pace", "inf", "--model", calm)
    assert [item["publication"] for item in again.of("alert")] == ["known"]
    assert stored(tmp_path) == ["silenced"]


def test_a_wav_file_and_the_same_samples_on_a_pipe_give_the_same_score(start, run, calm, speech, tmp_path):
    samples = speech(7.3)
    path = write_wav(tmp_path / "a.wav", samples)
    file = run("--source", f"file:{path}", "--pace", "inf", "--model", calm)
    pipe = start("--source", "-", "--model", calm, stdin=subprocess.PIPE)
    data = pcm(samples)
    for at in range(0, len(data), 777):
        pipe.process.stdin.write(data[at : at + 777])
    pipe.process.stdin.close()
    assert pipe.ends() == 0
    one, other = file.last(), pipe.last()
    assert one["cm_score"] is not None
    for name in ("cm_score", "p_bonafide", "speech_s", "position_s", "verdict", "level_db"):
        assert one[name] == other[name], name


def test_an_alarm_is_written_and_has_its_own_exit_code_and_options_win_over_the_file(
    run, alarming, calm, speech, tmp_path
):
    path = write_wav(tmp_path / "a.wav", speech(10.0))
    config = tmp_path / "other.toml"
    config.write_text(
        f'[listen]\nsource = "file:{path}"\nmodel = "{alarming}"\n[alerts]\noutbox = "{tmp_path}/alerts.sqlite"\n'
    )
    arguments = ["--config", config, "--pace", "inf", "--fail-on", "spoof"]
    (alert,) = run(*arguments, code=3).alerts("spoof")
    assert MIN_SPEECH_S + HOLD_S - 0.256 <= alert["speech_s"] <= MIN_SPEECH_S + HOLD_S + 0.512
    assert alert["source"] == "file:***.wav", "named after people"
    assert stored(tmp_path) == ["spoof"]
    assert run(*arguments, "--model", calm).of("alert") == []


def test_the_exit_codes_of_what_cannot_be(run, calm, environment, tmp_path):
    (tmp_path / "bad.toml").write_text("[listen]\nsorce = 'mic'\n")
    cases = [
        (["--source", f"file:{tmp_path}/none.wav"], 1, "no such file"),
        (["--source", "cmd:/no/such/program"], 1, "cannot be started"),
        (["--source", "telephone"], 2, "source 'telephone': expected mic,"),
        (["--source", "rtp://127.0.0.1:5004?x=1"], 2, "no option 'x'"),
        (["--source", "mic", "--pace", "2"], 2, "--pace is for a recording"),
        (["--source", "file:a.wav", "--rate", "8000"], 2, "--rate is for bare PCM"),
        (["--source", "rtp://:5004", "--channel", "left"], 2, "--channel is for file:, cmd: and -"),
        (["--source", "-", "--encoding", "mp3"], 2, "PCM encoding 'mp3'"),
        (["--config", tmp_path / "bad.toml"], 2, "unknown key sorce; did you mean source?"),
        (["--config", tmp_path / "none.toml"], 2, "cannot read the configuration"),
        (["--operating-point", "cautious"], 2, "no operating point 'cautious'; expected one of balanced"),
        (["--operating-point", "brave"], 2, "'brave' is not one of"),
        (["--model", tmp_path / "bad.toml"], 2, "expected a TFLite model"),
    ]
    for arguments, code, message_part in cases:
        printed = run(*(["--model", calm] if "--model" not in arguments else []), *arguments, code=code)
        assert printed.results == [], arguments
        assert message_part in " ".join(printed.complaints.split()), arguments


def test_a_table_that_does_not_fit_is_refused_with_the_reason():
    for values, said in [
        ({"silent_alert_s": -1.0}, "silent_alert_s: expected 0 to 86400, got -1"),
        ({"quiet_level_db": math.nan}, "quiet_level_db: expected -200 to 0, got nan"),
        ({"metrics_port": 70000}, "metrics_port: expected 0 to 65535, got 70000"),
        ({"clips_megabytes": 0.0}, "clips_megabytes: expected 1 to 1e+06, got 0"),
        ({"source": ""}, "source: empty; name what to listen to, such as mic or rtp://:5004"),
        ({"clips_folder": ""}, "clips_folder: empty; give the path of a folder"),
    ]:
        with pytest.raises(ConfigError) as caught:
            ListenSettings(**values)
        assert str(caught.value) == said
    assert ListenSettings().metrics_port is None, "no port is open unless asked"


@pytest.mark.slow
def test_a_signal_ends_in_order(start, calm, speech, tmp_path, environment):
    """The stream is flushed and ended, the service manager notified, and the exit code is 0."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        messages = []

        def read():
            # All the time: a queue of such a socket holds a few messages only.
            while not messages or messages[-1] != "over":
                messages.append(manager.recv(4096).decode())

        reader = threading.Thread(target=read)
        reader.start()
        path = write_wav(tmp_path / "a.wav", np.tile(speech(10.0), 12))
        env = {**environment, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000"}
        listening = start("--source", f"file:{path}", "--model", calm, env=env)
        listening.until(lambda: len(listening.of("update")) >= 3)
        code = listening.stop(signal.SIGTERM)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"over", address)
        reader.join()
    assert code == 0
    assert messages[:2] == ["READY=1", "STATUS=listening to file:***.wav; nothing comes now"]
    assert "WATCHDOG=1" in messages
    assert messages.index("STOPPING=1") > messages.index("WATCHDOG=1")
    assert any(line.startswith("STATUS=1 stream: 1 ") for line in messages)
    (end,) = listening.of("end")
    assert end["reason"] == "stopped"
    assert 2.0 < end["last"]["position_s"] < 120.0
    assert listening.complaints == ""


@pytest.mark.slow
def test_a_program_that_is_killed_alarms_is_started_again_and_alarms_again(start, calm, tmp_path):
    """`cmd:` of a program that plays noise; the kill is an alert, and so is its return."""
    pid = tmp_path / "pid"
    code = (
        f"import os, pathlib, random, sys, time; pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n"
        "while True: sys.stdout.buffer.write(random.randbytes(3200)); sys.stdout.flush(); time.sleep(0.1)"
    )
    script = tmp_path / "noise.py"
    script.write_text(code)
    listening = start("--source", f"cmd:{sys.executable} {script}", "--model", calm)
    listening.until(lambda: listening.of("update", "cmd-1"))
    os.kill(int(pid.read_text()), signal.SIGKILL)
    listening.until(lambda: listening.alerts("source_back"))
    assert listening.stop() == 0
    assert [item["kind"] for item in listening.of("alert")] == ["source_lost", "source_back"]
    lost = listening.alerts("source_lost")[0]
    assert "was stopped by signal 9" in lost["note"]
    assert "noise.py" not in json.dumps(listening.results), "arguments of a command can hold anything"
    assert listening.of("end", "cmd-1")[0]["reason"] == "gone"
    assert len(stored(tmp_path)) == 2
    assert set(stored(tmp_path)) == {"source_lost", "source_back"}


def test_a_program_that_never_gives_audio_is_a_failure(run, calm, tmp_path):
    script = tmp_path / "fail.py"
    script.write_text("import sys; sys.exit('no such card')")
    listening = run("--source", f"cmd:{sys.executable} {script}", "--model", calm, code=1)
    (end,) = listening.of("end")
    assert end["reason"] == "gone"
    assert "no such card" in end["detail"]
    (alert,) = listening.of("alert")
    assert alert["kind"] == "source_lost"
    assert alert["note"].startswith("exited with 1, saying: no such card"), "its source stands beside it"


class Caller:
    """An AudioSocket client as Asterisk is one: its UUID, 20 ms of 8 kHz audio at a time, a hang-up."""

    def __init__(self, port, call):
        wait_for(lambda: self._connect(port))
        self.socket.sendall(message(0x01, call.bytes))

    def _connect(self, port):
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        except ConnectionRefusedError:
            return False
        return True

    def speak(self, voice, scored_s):
        """At most 2 s ahead of what was scored: more than 5 s that wait would be given up as too old."""
        for at in range(0, len(voice), 320):
            self.socket.sendall(message(0x10, voice[at : at + 320]))
            if at % (320 * 50) == 0:
                wait_for(lambda due_s=at / 16000 - 2.0: scored_s() >= due_s)
        self.socket.sendall(message(0x00))

    def answer(self):
        with self.socket:
            return self.socket.recv(10)


@pytest.mark.slow
def test_two_audiosocket_calls_at_once(start, alarming, speech):
    """Byte for byte what Asterisk sends; each call has its own verdict, alarm and identity."""
    port = free_port()
    listening = start("--source", f"audiosocket://127.0.0.1:{port}", "--model", alarming)
    calls = [uuid.UUID(int=0x40325EC25EFD4BD3805F53576E581D13 + index) for index in range(2)]
    callers = [Caller(port, call) for call in calls]

    def speak(number, voice):
        def scored_s():
            return max([item["position_s"] for item in listening.of("update", f"call-{number}")], default=0.0)

        callers[number - 1].speak(voice, scored_s)

    voice, zeros = pcm(speech(9.0, 8000)), bytes(2 * 8000 * 9)
    speakers = [threading.Thread(target=speak, args=pair) for pair in ((1, voice), (2, zeros))]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join()
    listening.until(lambda: len(listening.of("end")) == 2)
    assert [caller.answer() for caller in callers] == [b"\0\0\0"] * 2
    assert listening.stop() == 0
    one, other = map(str, calls)
    assert {item["stream"]: item["call_id"] for item in listening.of("start")} == {"call-1": one, "call-2": other}
    alerts = {item["stream"]: (item["kind"], item["call_id"]) for item in listening.of("alert")}
    assert alerts == {"call-1": ("spoof", one), "call-2": ("silenced", other)}
    assert len(listening.of("alert")) == 2
    assert [listening.last(f"call-{number}")["position_s"] for number in (1, 2)] == [9.0, 9.0]
    assert listening.last("call-2")["cm_score"] is None


def test_a_reader_that_leaves_ends_it_in_order(start, calm, speech, tmp_path):
    """As in ``edge listen --json | head``: no traceback, and the service manager would start it again."""
    path = write_wav(tmp_path / "a.wav", np.tile(speech(10.0), 12))
    read, write = os.pipe()
    listening = start("--source", f"file:{path}", "--model", calm, stdout=write)
    os.close(write)
    assert os.read(read, 10)
    os.close(read)
    assert (listening.ends(), listening.complaints) == (1, "")


@pytest.mark.slow
def test_an_outbox_that_is_held_by_another_process_loses_no_alert(start, alarming, speech, tmp_path):
    """SQLite waits, gives up, and the alert is written when the lock is gone; listening went on meanwhile."""
    listening = start("--source", "-", "--model", alarming, stdin=subprocess.PIPE)
    listening.until(lambda: listening.of("start"))
    holder = sqlite3.connect(tmp_path / "alerts.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    listening.process.stdin.write(pcm(speech(8.0)))
    listening.process.stdin.flush()
    listening.until(lambda: "could NOT be written" in listening.complaints)
    listening.until(lambda: listening.alerts("spoof"))
    assert listening.alerts("spoof")[0]["publication"] == "waiting"
    holder.execute("ROLLBACK")
    holder.close()
    listening.until(lambda: "the outbox can be written again" in listening.complaints)
    assert stored(tmp_path) == ["spoof"]
    listening.process.stdin.close()
    assert listening.ends() == 0


@pytest.mark.slow
def test_metrics_are_answered_while_it_listens(start, calm, speech):
    listening = start("--source", "-", "--model", calm, "--metrics-port", 0, stdin=subprocess.PIPE)
    listening.process.stdin.write(pcm(speech(4.0)))
    listening.process.stdin.flush()
    listening.until(lambda: listening.of("update") and listening.of("update")[-1]["position_s"] >= 3.5)
    (notice,) = listening.of("trouble")
    with urllib.request.urlopen(notice["text"], timeout=60.0) as answer:
        values = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
    assert float(values["bonafone_chunks_total"]) >= 13
    assert float(values['bonafone_level_dbfs{slot="0"}']) == pytest.approx(-17.0, abs=6.0)
    listening.process.stdin.close()
    assert listening.ends() == 0


def test_audio_reaches_the_disk_only_when_asked(run, alarming, speech, tmp_path):
    path = write_wav(tmp_path / "Jane.wav", speech(8.0))
    folder = tmp_path / "clips"
    options = ["--source", f"file:{path}", "--pace", "inf", "--model", alarming]
    run(*options)
    assert not list(tmp_path.rglob("bonafone-*.wav"))
    os.utime(path, (1, 1))  # another recording
    listening = run(*options, "--clips", folder)
    (alert,) = listening.alerts("spoof")
    (kept,) = folder.glob("*.wav")
    assert alert["id"] in kept.name
    with open_audio(kept) as audio:
        assert (audio.sample_rate, sum(len(block) for block in audio)) == (16000, 8 * 16000)
    assert "Jane" not in (folder / kept.name).with_suffix(".json").read_text()


def test_without_a_terminal_there_is_a_line_a_change(alarming, environment):
    source = f"file:{EXAMPLES / 'spoof-kokoro.flac'}"
    done = run_edge("listen", "--source", source, "--pace", "inf", "--model", alarming, env=environment)
    assert (done.code, done.complaints) == (0, "")
    lines = [line[9:] for line in done.results]
    assert lines[0] == "file begins, 24000 Hz: ***.flac"
    assert sum("ALERT Synthetic voice suspected: file:***.flac" in line for line in lines) == 1
    assert lines[-1].startswith("file ends (finished); 1 ALARM in it, at its end spoof ")
    assert "\x1b" not in "".join(done.results)


@pytest.mark.slow
def test_a_decoder_that_complains_does_not_reach_the_reader(start_edge, calm, environment, tmp_path):
    """libmpg123 writes to the descriptor itself of each frame that is odd, in the middle of the panel."""
    damaged = bytearray((EXAMPLES / "bonafide-librivox.mp3").read_bytes())
    for at in range(len(damaged) // 4, len(damaged), len(damaged) // 8):
        damaged[at : at + 200] = bytes(range(200))
    path = tmp_path / "odd.mp3"
    path.write_bytes(damaged)
    decoded = [
        sys.executable,
        "-c",
        f"from edge.audio.reading import open_audio\nwith open_audio({str(path)!r}) as a: list(a)",
    ]
    assert subprocess.run(decoded, capture_output=True, check=True).stderr, "the decoder itself does complain"
    listening = start_edge("listen", "--source", f"file:{path}", "--pace", "inf", "--model", calm, env=environment)
    assert (listening.ends(), listening.complaints) == (0, "")
    assert "file ends (finished)" in listening.output


@pytest.mark.slow
def test_a_terminal_shows_a_panel_that_is_wiped_at_the_end(calm, environment, speech, tmp_path):
    path = write_wav(tmp_path / "a.wav", speech(5.0))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "edge", "listen", "--source", f"file:{path}", "--pace", "4", "--model", calm]
    env = {**environment, "TERM": "xterm"}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:
            pass  # On Linux the end of a terminal.
        assert process.wait(60) == 0
    os.close(ours)
    text = shown.decode()
    assert "file  too_short" in text
    assert "lag 0.0 s" in text
    assert "% real" in text
    assert "file ends (finished)" in text
    assert text.rsplit("\x1b[J", 1)[1] == "", "nothing of it is left"
    drawn = [part for part in text.split("\r") if "dB" in part]
    assert all(len(part.replace("\x1b[J", "").split("\n")[0]) <= 79 for part in drawn)


def test_only_what_is_needed_is_loaded(calm, environment):
    """A live call has 90 MB: decoders, brokers, web servers and terminals' libraries come only with what asks for them."""
    source = f"file:{EXAMPLES / 'bonafide-telephone.wav'}"
    code = (
        "import sys\nfrom edge.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    print(*sys.modules, *(name.split('.')[0] for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "listen", "--source", source, "--pace", "inf", "--model", calm],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "edge.live.monitor" in loaded
    unwanted = {"av", "paho", "apprise", "rich", "sounddevice", "gpiozero", "http.server", "email", "ssl"}
    unwanted |= {"edge.service.metrics", "prometheus_client", "edge.live.clips", "scipy"}
    assert not loaded & unwanted
