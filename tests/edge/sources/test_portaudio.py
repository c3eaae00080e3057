"""Names that survive a restart, and the real adapter over a sounddevice that a test plays."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from edge.errors import UnsupportedFormatError
from edge.sources.events import SourceOpenError
from edge.sources.microphone import InputDevice, PortAudio, choose_device, stable_name


def test_a_name_without_the_numbers_of_cards():
    for name, stable in {
        "USB PnP Sound Device: Audio (hw:1,0)": "USB PnP Sound Device: Audio",
        "USB PnP Sound Device: Audio (hw:2,0)": "USB PnP Sound Device: Audio",
        "Jabra EVOLVE 20: USB Audio (plughw:12,3)": "Jabra EVOLVE 20: USB Audio",
        "pulse": "pulse",
        "Microphone (Realtek Audio)": "Microphone (Realtek Audio)",
        "hw:0,0": "hw:0,0",
    }.items():
        assert stable_name(name) == stable


def test_a_device_is_chosen_by_its_name_or_a_part_that_one_alone_has():
    def devices(*names):
        return [InputDevice(index, name, 48000) for index, name in enumerate(names)]

    assert choose_device(devices("USB Audio 2", "USB Audio"), "USB Audio").index == 1, "the whole name wins"
    assert choose_device(devices("Jabra", "Jabra"), "jab").index == 0, "one device through two interfaces"
    for found, wanted, message in [
        (
            devices("USB A", "USB B"),
            "usb",
            "'usb' names more than one microphone: 'USB A', 'USB B'; give more of the name",
        ),
        ([], "", "no default microphone; plug one in, or name one as mic:NAME (there are: none at all)"),
    ]:
        with pytest.raises(SourceOpenError) as caught:
            choose_device(found, wanted)
        assert str(caught.value) == message


class FakeSoundDevice:
    """The part of sounddevice 0.5 that edge uses; each device is (name, host, channels), the last one the default."""

    class PortAudioError(Exception):
        pass

    def __init__(self, *devices):
        self.default = SimpleNamespace(device=[len(devices) - 1, -1])
        self.listed = [
            {"name": name, "hostapi": host, "max_input_channels": channels, "default_samplerate": 48000.0}
            for name, host, channels in devices
        ]
        self.calls = []
        self.failure = ""
        self.broken = set()

    def _call(self, name):
        self.calls.append(name)
        if name in self.broken:
            raise self.PortAudioError("Unanticipated host error [PaErrorCode -9999]")

    def query_devices(self, kind=None):
        if "query" in self.broken:
            self._call("query")
        if kind is not None:
            raise self.PortAudioError("Error querying device -1")
        return self.listed

    def query_hostapis(self):
        return ({"name": "ALSA"}, {"name": "JACK"})

    def InputStream(self, **options):
        if self.failure:
            raise self.PortAudioError(self.failure)
        self.options = options
        return SimpleNamespace(start=lambda: self._call("start"), close=lambda: self._call("close"), active=True)

    def _terminate(self):
        self._call("terminate")

    def _initialize(self):
        self._call("initialize")


@pytest.fixture
def sd(monkeypatch):
    fake = FakeSoundDevice(("HDMI", 0, 0), ("Cam: USB Audio (hw:1,0)", 0, 2))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_only_what_records_is_listed(sd):
    assert PortAudio().devices() == [InputDevice(1, "Cam: USB Audio", 48000, True, "ALSA", 2)]


def test_a_device_is_opened_mono_at_its_own_rate_and_its_memory_is_copied(sd):
    got = []
    sound = PortAudio()
    sound.open(sound.devices()[0], lambda samples, overrun: got.append((samples, overrun)))
    assert sd.calls == ["start"]
    options = {name: sd.options[name] for name in ("device", "samplerate", "channels", "dtype")}
    assert options == {"device": 1, "samplerate": 48000, "channels": 1, "dtype": "float32"}
    memory = np.full((4, 1), 0.5, np.float32)
    sd.options["callback"](memory, 4, None, SimpleNamespace(input_overflow=True))
    memory[:] = 0.0
    assert got[0][0].tolist() == [0.5] * 4
    assert got[0][1] is True


def test_a_device_that_is_in_use_or_does_not_start_is_closed_and_reported(sd):
    sd.failure = "Device unavailable [PaErrorCode -9985]"
    with pytest.raises(SourceOpenError) as caught:
        PortAudio().open(InputDevice(1, "Cam", 32000), lambda samples, overrun: None)
    assert str(caught.value) == (
        "the microphone 'Cam' cannot be opened at 32000 Hz (Device unavailable [PaErrorCode -9985]); "
        "close the program that uses it, or choose another"
    )
    sd.failure, sd.broken = "", {"start"}
    with pytest.raises(SourceOpenError, match="cannot be opened at 32000 Hz"):
        PortAudio().open(InputDevice(1, "Cam", 32000), lambda samples, overrun: None)
    assert sd.calls == ["start", "close"]


def test_a_rescan_restarts_portaudio_also_where_it_is_broken(sd):
    """The microphone retries after a `SourceOpenError`; any other error would end the listening."""
    sound = PortAudio()
    for broken, call in [({"query"}, sound.devices), ({"initialize"}, sound.rescan)]:
        sd.broken = broken
        with pytest.raises(SourceOpenError, match=r"the sound system cannot be used \(Unanticipated host error"):
            call()
    # PortAudio refuses to end what never started.
    for sd.broken in (set(), {"terminate"}):
        sd.calls = []
        sound.rescan()
        assert sd.calls == ["terminate", "initialize"]


def test_without_sounddevice_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UnsupportedFormatError) as caught:
        PortAudio()
    assert (
        str(caught.value)
        == "the microphone needs sounddevice, which is not installed; run: pip install 'bonafone[mic]'"
    )


def test_without_the_library_the_package_is_named(monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnsupportedFormatError, match="apt install libportaudio2"):
        PortAudio()
