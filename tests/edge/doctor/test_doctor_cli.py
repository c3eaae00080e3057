"""`edge doctor` and `edge devices` as a user starts them; a real sound card is in test_pulse_microphone.py."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from edge.cli.main import main
from edge.doctor.checks import LEVELS
from tests.edge.conftest import EXAMPLES
from tests.edge.sources.test_portaudio import FakeSoundDevice


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch, tmp_path):
    """Whoever runs the tests may have one."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("BONAFONE_CONFIG", raising=False)
    monkeypatch.setattr("edge.settings._SYSTEM", tmp_path / "none.toml")


def doctor(*options):
    return CliRunner().invoke(main, ["doctor", *map(str, options)])


def findings(*options):
    result = doctor(*options, "--json")
    assert result.stderr == ""
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


def of(found, check):
    return [finding for finding in found if finding["check"] == check]


def test_a_recording_is_examined_from_end_to_end():
    code, found = findings("--source", f"file:{EXAMPLES / 'bonafide-librivox.flac'}")
    assert code == 0
    order = [LEVELS.index(finding["level"]) for finding in found]
    assert order == sorted(order)
    (speech,) = of(found, "speech")
    assert speech["facts"]["speech_s"] > 1.0
    (source,) = of(found, "source")
    # Three seconds are asked for, and the file is read in blocks.
    assert source["facts"]["duration_s"] == pytest.approx(3.0, abs=0.1)


def test_people_see_the_worst_last_and_a_count():
    result = doctor("--source", f"file:{EXAMPLES / 'silent.wav'}")
    assert result.exit_code == 1
    *_, problem, advice, count = result.stdout.splitlines()
    assert problem.startswith("problem  level ")
    assert problem.endswith("all 3.0 s are exactly zero: the sound is muted or withheld")
    assert advice.strip().startswith("→ take the mute off")
    assert count.startswith("1 problem, ")
    assert "\x1b" not in result.stdout


def test_without_audio_no_source_is_opened(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    code, found = findings("--no-audio")
    assert code == 0
    assert of(found, "source") == []
    assert {finding["check"] for finding in found} >= {"python", "runtime", "model", "speed", "clock"}


def test_a_microphone_that_cannot_be_opened_is_a_problem_also_where_nobody_named_it(monkeypatch):
    """`edge listen` would fail too; the advice is one that works without a microphone."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    for options in ((), ("--source", "mic")):
        code, found = findings(*options)
        (source,) = of(found, "source")
        assert (code, source["level"]) == (1, "problem")
        assert source["advice"].startswith("run: pip install 'bonafone[mic]'")
        assert ("--no-audio" in source["advice"]) is (not options)
        assert "edge devices" not in source["advice"]


def test_the_source_of_the_configuration_is_opened_with_its_format(tmp_path):
    raw = tmp_path / "voice.raw"
    raw.write_bytes((np.sin(np.arange(24000) / 9) * 9000).astype("<i2").tobytes())
    config = tmp_path / "mine.toml"
    config.write_text(f'[listen]\nsource = "cmd:cat {raw}"\nrate = 8000\n')
    code, found = findings("--config", config)
    assert code == 0
    (source,) = of(found, "source")
    assert source["facts"]["sample_rate_hz"] == 8000
    assert source["facts"]["duration_s"] == 3.0
    # An option wins over the file.
    _, found = findings("--config", config, "--rate", "48000")
    assert of(found, "source")[0]["facts"]["sample_rate_hz"] == 48000


def test_what_cannot_be_used_is_a_problem_with_advice_and_never_a_traceback():
    for options in (
        ("--source", "nonsense"),
        ("--source", "-", "--encoding", "s17"),
        ("--source", "-", "--rate", "7"),
        ("--source", "file:none.wav", "--channel", "up"),
        ("--source", "file:none.wav"),
        ("--source", "cmd:nonesuch-program"),
        ("--config", "none.toml", "--no-audio"),
        ("--model", "none.tflite", "--no-audio"),
    ):
        code, found = findings(*options)
        assert code == 1
        (problem,) = [finding for finding in found if finding["level"] == "problem"]
        assert problem["advice"]


def test_a_channel_that_is_on_is_checked(tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text(
        f'[alerts]\noutbox = "{tmp_path}/alerts.sqlite"\n[alerts.command]\nenabled = true\ncommand = ["true"]\n'
    )
    code, found = findings("--config", config, "--no-audio")
    assert code == 0
    assert of(found, "alerts.command")[0]["level"] == "ok"
    code, found = findings("--config", config, "--no-audio", "--send")
    assert of(found, "alerts.command")[1]["seen"].startswith("sent a test, evt_")


def test_misuse_exits_with_2():
    for seconds in ("0", "61", "nan", "x"):
        assert doctor("--seconds", seconds).exit_code == 2


def test_without_a_resampler_the_audio_is_judged_all_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "soxr", None)
    code, found = findings("--source", f"file:{EXAMPLES / 'bonafide-telephone.wav'}")
    assert code == 1
    assert of(found, "level")[0]["level"] == "ok"
    assert of(found, "speech")[0]["level"] == "problem"


@pytest.fixture
def plug(monkeypatch):
    return lambda *devices: monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice(*devices))


def devices(*options):
    return CliRunner().invoke(main, ["devices", *options])


def test_what_records_is_listed_by_the_name_that_stays(plug):
    plug(("HDMI (hw:0,3)", 0, 0), ("Cam: USB Audio (hw:1,0)", 0, 2), ("system", 1, 1))
    result = devices("--json")
    assert result.exit_code == 0
    cam, system = (json.loads(line) for line in result.stdout.splitlines())
    assert (cam["name"], cam["host"], cam["channels"], cam["is_default"]) == ("Cam: USB Audio", "ALSA", 2, False)
    assert system == {
        "source": "mic:system",
        "name": "system",
        "host": "JACK",
        "channels": 1,
        "sample_rate_hz": 48000,
        "is_default": True,
    }
    assert "'mic:Cam: USB Audio'  ALSA" in devices().stdout


def test_two_devices_of_a_name_are_warned_of_on_stderr(plug):
    plug(("Cam (hw:1,0)", 0, 1), ("Cam (hw:2,0)", 0, 1))
    result = devices()
    assert result.stderr == "several devices are called 'Cam', and only the first can be chosen by name\n"
    assert len(result.stdout.splitlines()) == 3


def test_no_device_is_an_error_that_says_what_to_do(plug):
    plug(("HDMI", 0, 0))
    result = devices()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: no microphone: ")
    assert len(result.stderr.splitlines()) == 1
