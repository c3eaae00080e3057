"""The microphone for real: PortAudio over ALSA over a PulseAudio server of the test's own, without a sound card."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading

import pytest

from tests.edge.pulse_server import running_pulse

pytestmark = [pytest.mark.pulseaudio, pytest.mark.slow]
PATIENCE_S = 60

# Prints the events of the source, one a line; of audio only the first of each second of a stream.
CHILD = """
import json
from edge.sources.events import AudioChunk
from edge.sources.microphone import Microphone

with Microphone() as microphone:
    printed = set()
    for event in microphone:
        fields = {name: getattr(event, name, None) for name in ("stream", "reason", "kind", "sample_rate", "position")}
        if isinstance(event, AudioChunk):
            second = (event.stream, event.end // event.sample_rate)
            if second in printed:
                continue
            printed.add(second)
            fields["loud"] = float(abs(event.samples).max())
        print(json.dumps({"event": type(event).__name__, **fields}), flush=True)
"""


@pytest.fixture
def pulse():
    with running_pulse() as server:
        yield server


def edge(server, *arguments):
    command = [sys.executable, "-m", "edge", *arguments]
    return subprocess.run(
        command, env=server.environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.fixture
def until(pulse):
    """Start a process that listens; return what waits for an event that has these fields."""
    command = [sys.executable, "-c", CHILD]
    process = subprocess.Popen(
        command, env=pulse.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    lines = queue.Queue()
    reader = threading.Thread(target=lambda: [lines.put(json.loads(line)) for line in process.stdout], daemon=True)
    reader.start()

    def wait(**wanted):
        while True:
            line = lines.get(timeout=PATIENCE_S)
            if all(line.get(name) == value for name, value in wanted.items()):
                return line

    yield wait
    process.kill()
    process.wait()
    reader.join()
    process.stdout.close()


def test_the_servers_source_is_listed_as_the_default(pulse):
    result = edge(pulse, "devices", "--json")
    assert result.returncode == 0, result.stderr
    # Nothing of what ALSA writes about cards that are not there.
    assert result.stderr == ""
    (device,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert (device["source"], device["host"], device["is_default"]) == ("mic:default", "ALSA", True)


def test_a_server_to_which_alsa_has_no_way_is_named(pulse):
    # Sound cards are all that this ALSA knows, and there is none.
    (pulse.folder / "asoundrc").write_text("pcm.!default { type hw card 0 }\n")
    result = edge(pulse, "devices")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "apt install libasound2-plugins" in result.stderr


def test_the_doctor_finds_speech_through_the_real_microphone(pulse, speech):
    pulse.play(speech(4.0), 16000)
    result = edge(pulse, "doctor", "--source", "mic", "--seconds", "4", "--json")
    found = {finding["check"]: finding for finding in map(json.loads, result.stdout.splitlines())}
    assert result.returncode == 0, result.stdout
    assert found["source"]["facts"]["detail"] == "default"
    assert (found["level"]["level"], found["clipping"]["level"]) == ("ok", "ok")
    assert found["speech"]["facts"]["speech_s"] > 1.0
    assert found["rate"]["facts"]["arrival_hz"] == pytest.approx(found["rate"]["facts"]["sample_rate_hz"], rel=0.1)


def test_the_doctor_reports_a_source_that_gives_only_zeros(pulse):
    result = edge(pulse, "doctor", "--source", "mic", "--json")
    assert result.returncode == 1
    (problem,) = [finding for finding in map(json.loads, result.stdout.splitlines()) if finding["level"] == "problem"]
    assert problem["check"] == "level"
    assert problem["seen"].endswith("are exactly zero: the sound is muted or withheld")


def test_a_server_that_dies_is_reported_and_its_microphone_opened_again(pulse, until, speech):
    start = until(event="StreamStart")
    assert (start["stream"], start["sample_rate"]) == ("mic-1", 44100)
    pulse.play(speech(4.0), 16000)
    while until(event="AudioChunk", stream="mic-1")["loud"] < 0.05:
        pass
    pulse.kill()
    assert until(event="StreamEnd", stream="mic-1")["reason"] == "gone"
    until(event="Trouble", kind="vanished")
    pulse.start()
    # The first try may come too early; then another stream follows.
    assert until(event="AudioChunk")["stream"] != "mic-1"
