"""`edge devices` with a sounddevice that a test plays; the real one is in test_pulse_microphone.py."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from edge.cli.main import main


class FakeSoundDevice:
    """As much of sounddevice 0.5 as the list uses."""

    class PortAudioError(Exception):
        pass

    def __init__(self, *devices):
        self.default = SimpleNamespace(device=[len(devices) - 1, -1])
        self.found = [
            {"name": name, "hostapi": host, "max_input_channels": channels, "default_samplerate": 48000.0}
            for name, host, channels in devices
        ]

    def query_devices(self, kind=None):
        if kind is not None:
            raise self.PortAudioError("Error querying device -1")
        return self.found

    def query_hostapis(self):
        return ({"name": "ALSA"}, {"name": "JACK"})


@pytest.fixture
def plug(monkeypatch):
    return lambda *devices: monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice(*devices))


def devices(*options):
    return CliRunner().invoke(main, ["devices", *options])


def test_what_records_is_listed_by_the_name_that_stays(plug):
    plug(("HDMI (hw:0,3)", 0, 0), ("Cam: USB Audio (hw:1,0)", 0, 2), ("system", 1, 1))
    result = devices("--json")
    assert result.exit_code == 0
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {
            "source": "mic:Cam: USB Audio",
            "name": "Cam: USB Audio",
            "host": "ALSA",
            "channels": 2,
            "sample_rate_hz": 48000,
            "is_default": False,
        },
        {
            "source": "mic:system",
            "name": "system",
            "host": "JACK",
            "channels": 1,
            "sample_rate_hz": 48000,
            "is_default": True,
        },
    ]
    assert "'mic:Cam: USB Audio'  ALSA" in devices().stdout


def test_two_devices_of_a_name_are_warned_of_on_stderr(plug):
    plug(("Cam (hw:1,0)", 0, 1), ("Cam (hw:2,0)", 0, 1))
    result = devices()
    assert result.stderr == "several devices are called 'Cam', and only the first can be chosen by name\n"
    assert len(result.stdout.splitlines()) == 3


def test_no_device_is_an_error_that_says_what_to_do(plug):
    plug(("HDMI", 0, 0))
    result = devices()
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: no microphone: ")
    assert len(result.stderr.splitlines()) == 1


def test_without_sounddevice_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    result = devices()
    assert result.exit_code == 1
    assert (
        result.stderr
        == "Error: the microphone needs sounddevice, which is not installed; run: pip install 'bonafone[mic]'\n"
    )


def test_without_portaudio_the_package_is_named(monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    result = devices()
    assert result.exit_code == 1
    assert "apt install libportaudio2" in result.stderr
