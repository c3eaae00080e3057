"""Termux, with programs of its names on PATH that note their arguments."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from call_parts import BONAFIDE, POINT, SPOOF, pcm16, push
from click.testing import CliRunner

from android_bridge.adapters.termux import RECORDERS, TermuxBuzzer, TermuxNotifier, main, recorder_folders
from android_bridge.errors import PortError
from android_bridge.guard import CallGuard
from android_bridge.phone import BuzzPattern, notice
from android_bridge.settings import GuardSettings
from edge.alerts.event import AlertConfigError
from edge.alerts.settings import settings_from_table
from edge.contract import embed_contract, read_contract
from edge.settings import read_config

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "android_bridge" / "termux-setup.sh"
QUICK = BuzzPattern((20, 10, 30), (255, 0, 255))


class Programs:
    """A folder of fake programs; each writes its arguments down, one a line, and an empty line after them."""

    def __init__(self, folder):
        self.folder, self.told = folder / "bin", folder / "told"
        self.folder.mkdir()
        self.told.mkdir()

    def add(self, name, script=""):
        path = self.folder / name
        path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" "" >> "{self.told / name}"\n{script}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def calls(self, name):
        path = self.told / name
        return [call.split("\n") for call in path.read_text().strip().split("\n\n")] if path.exists() else []


@pytest.fixture
def programs(tmp_path):
    return Programs(tmp_path)


@pytest.fixture
def phone_programs(programs, monkeypatch):
    """Those of Termux:API, found before everything else."""
    programs.add("termux-vibrate")
    programs.add("termux-notification")
    monkeypatch.setenv("PATH", f"{programs.folder}{os.pathsep}{os.environ['PATH']}")
    return programs


@pytest.fixture
def storage(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


def test_the_buzz_is_every_pulse_even_in_silent_mode(phone_programs):
    TermuxBuzzer(os.environ).buzz(QUICK)
    assert phone_programs.calls("termux-vibrate") == [["-d", "20", "-f"], ["-d", "30", "-f"]]


def test_the_notice_names_the_call_and_is_replaced_by_the_next_of_its_kind(phone_programs):
    notifier = TermuxNotifier(os.environ)
    for call in ("one", "one", "two"):
        notifier.show(notice("spoof", call))
    first, again, other = phone_programs.calls("termux-notification")
    assert first == again != other
    told = dict(zip(first[:6:2], first[1:6:2], strict=True))
    assert told["--title"] == "Synthetic voice suspected"
    assert told["--content"].startswith("one, The voice in this call may be made by a machine.")
    assert first[6:] == ["--priority", "max", "--sound", "--alert-once"]


def test_a_guard_in_termux_vibrates_once_for_one_alarm(phone_programs, model, clock):
    """Where Termux does get audio: from a PBX, or from another device."""
    settings = GuardSettings(POINT.name, pattern=QUICK)
    guard = CallGuard(
        model, buzzer=TermuxBuzzer(os.environ), notifier=TermuxNotifier(os.environ), clock=clock, settings=settings
    )
    data, rate = pcm16(SPOOF)
    guard.open({"id": "pbx", "route": "pbx"})
    assert push(guard, clock, data, rate)[-1]["alarms"] == 1
    guard.acknowledge()
    guard.close()
    assert len(phone_programs.calls("termux-vibrate")) == len(QUICK.pulses_ms())
    assert len(phone_programs.calls("termux-notification")) == 1


def test_a_program_that_fails_is_told_with_what_to_do(phone_programs):
    phone_programs.add("termux-vibrate", "echo 'Termux:API is not yet available' >&2; exit 1")
    with pytest.raises(PortError, match=r"termux-vibrate failed: .*not yet available; open the app Termux:API once"):
        TermuxBuzzer(os.environ).buzz(QUICK)
    phone_programs.add("termux-notification", "exit 1")
    with pytest.raises(PortError, match=r"termux-notification failed: .*; allow Termux:API to notify"):
        TermuxNotifier(os.environ).show(notice("blind", "one"))


def test_without_termux_api_it_says_what_to_install():
    for make in (TermuxBuzzer, TermuxNotifier):
        with pytest.raises(AlertConfigError, match="pkg install termux-api"):
            make({"PATH": "/nowhere"})


def test_the_command_buzz_vibrates_and_notifies_and_says_that_it_is_a_test(phone_programs):
    done = CliRunner().invoke(main, ["buzz", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"pulses_ms": list(BuzzPattern().pulses_ms())}
    assert [call[1] for call in phone_programs.calls("termux-vibrate")] == [
        str(pulse) for pulse in BuzzPattern().pulses_ms()
    ]
    (shown,) = phone_programs.calls("termux-notification")
    assert "Only a test." in shown[shown.index("--content") + 1]


def test_the_command_buzz_without_termux_api_fails_in_one_line(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    done = CliRunner().invoke(main, ["buzz"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: the channel termux_vibrate needs the program termux-vibrate")
    assert done.stderr.count("\n") == 1


def test_the_folders_of_known_recorders_are_found(storage):
    (storage / "Music" / "Songs").mkdir(parents=True)
    for name in RECORDERS:
        (storage / name).mkdir(parents=True, exist_ok=True)
    assert recorder_folders(storage) == [storage / name for name in RECORDERS]
    done = CliRunner().invoke(main, ["folders", "--storage", str(storage), "--json"])
    assert done.exit_code == 0
    assert [json.loads(line)["folder"] for line in done.stdout.splitlines()] == [
        str(storage / name) for name in RECORDERS
    ]


def test_a_phone_without_recordings_says_how_to_get_some(storage, tmp_path):
    done = CliRunner().invoke(main, ["folders", "--storage", str(storage)])
    assert done.exit_code == 1
    assert "switch recording on in the dialler and record one call" in done.stderr
    done = CliRunner().invoke(main, ["folders", "--storage", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert "run termux-setup-storage and allow it" in done.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], ["{calls}"]), (["--settle-s", "5"], ["--settle-s", "5", "{calls}"]), (["{own}"], ["{own}"])],
    ids=["found", "with options", "named"],
)
def test_watching_is_that_of_edge_with_the_folders_of_the_dialler(storage, monkeypatch, options, expected):
    calls, own = storage / "Recordings" / "Call", storage / "Mine"
    calls.mkdir(parents=True)
    own.mkdir()
    ran = []
    monkeypatch.setattr(
        "android_bridge.adapters.termux.subprocess.run",
        lambda command, **_: ran.append(command) or subprocess.CompletedProcess(command, 3),
    )
    names = {"calls": calls, "own": own}
    given = [option.format_map(names) for option in options]
    done = CliRunner().invoke(main, ["watch", "--storage", str(storage), *given])
    assert done.exit_code == 3
    assert ran == [[sys.executable, "-m", "edge", "watch", *(word.format_map(names) for word in expected)]]


def setup(tmp_path, programs, *arguments):
    """Run the setup script with the programs of Termux faked; the rest of PATH is the system's."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        ["bash", str(SETUP), *arguments],
        env={"PATH": f"{programs.folder}{os.pathsep}/usr/bin:/bin", "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_setup_installs_what_termux_has_ready_made_and_writes_a_configuration(tmp_path, programs, monkeypatch):
    for name in ("pkg", "pip", "termux-setup-storage", "termux-vibrate"):
        programs.add(name)
    done = setup(tmp_path, programs)
    assert done.returncode == 0, done.stderr
    (install,) = programs.calls("pkg")
    assert install[:2] == ["install", "-y"]
    assert {"python-numpy", "python-tflite-runtime", "python-soxr", "python-av", "termux-api"} <= set(install)
    assert programs.calls("pip") == [["install", str(ROOT)]]
    assert len(programs.calls("termux-setup-storage")) == 1
    config = tmp_path / "home" / ".config" / "bonafone" / "bonafone.toml"
    settings = settings_from_table(read_config(config)["alerts"])
    assert set(settings.enabled()) == {"termux_vibrate", "termux_notify"}
    assert settings.termux_vibrate.pulses_ms == BuzzPattern().pulses_ms()


def test_the_setup_run_again_leaves_the_configuration_alone(tmp_path, programs):
    for name in ("pkg", "pip", "termux-setup-storage", "termux-vibrate"):
        programs.add(name)
    setup(tmp_path, programs)
    config = tmp_path / "home" / ".config" / "bonafone" / "bonafone.toml"
    config.write_text("# mine\n")
    (tmp_path / "home" / "storage" / "shared").mkdir(parents=True)
    done = setup(tmp_path, programs)
    assert done.returncode == 0
    assert config.read_text() == "# mine\n"
    assert len(programs.calls("termux-setup-storage")) == 1


def test_the_setup_stops_where_it_cannot_work(tmp_path, programs):
    done = setup(tmp_path, programs)
    assert done.returncode == 1
    assert done.stderr.startswith("This is not Termux (no program pkg).")
    programs.add("pkg")
    done = setup(tmp_path, programs, str(tmp_path / "none.whl"))
    assert done.returncode == 1
    assert "none.whl: no such file or folder" in done.stderr
    programs.add("pkg", "exit 7")
    assert setup(tmp_path, programs).returncode == 7


@pytest.mark.slow
def test_a_new_recording_of_the_dialler_makes_the_phone_vibrate(phone_programs, storage, tmp_path, model_path):
    """The whole way in Termux: folder, `edge watch`, outbox, programs. The threshold is ours, as in call_parts.py."""
    contract = read_contract(model_path)
    thresholds = dataclasses.replace(contract.thresholds, spoof_below=POINT.enter_below)
    model = tmp_path / "bonafone-test-v1.tflite"
    model.write_bytes(embed_contract(model_path.read_bytes(), dataclasses.replace(contract, thresholds=thresholds)))
    calls = storage / "Recordings" / "Call"
    calls.mkdir(parents=True)
    (calls / "Call with Jane 0301234567.mp3").write_bytes(SPOOF.read_bytes())
    (calls / "Call with Joe.wav").write_bytes(BONAFIDE.read_bytes())
    for name in ("pkg", "pip", "termux-setup-storage"):
        phone_programs.add(name)
    assert setup(tmp_path, phone_programs).returncode == 0
    command = [sys.executable, "-m", "android_bridge.adapters.termux", "watch", "--storage", str(storage)]
    options = ["--once", "--existing", "score", "--settle-s", "0", "--model", str(model), "--json"]
    done = subprocess.run(
        [*command, *options],
        cwd=ROOT,
        env={**os.environ, "HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pulses = [str(pulse) for pulse in BuzzPattern().pulses_ms()]
    assert [call[1] for call in phone_programs.calls("termux-vibrate")] == pulses
    (shown,) = phone_programs.calls("termux-notification")
    assert "Jane" not in " ".join(shown)
