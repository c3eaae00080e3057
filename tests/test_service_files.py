"""The systemd unit and the example configuration: what is installed beside the package."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.alerts.settings import settings_from_table
from edge.cli.main import main
from edge.live.settings import ListenSettings
from edge.settings import build_settings, read_config
from edge.watch.settings import WatchSettings

REPOSITORY = Path(__file__).parents[1]
UNIT = REPOSITORY / "packaging" / "systemd" / "bonafone.service"
EXAMPLE = REPOSITORY / "packaging" / "bonafone.toml"
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1

needs_systemd = [
    pytest.mark.systemd,
    pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian: systemd)"),
]


def directives(name):
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that is there, under its own name: the analysis asks for both."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text("utf-8").replace("/opt/bonafone/bin/edge", shutil.which("true") or "/bin/true"))
    return copy


class TestUnit:
    pytestmark = needs_systemd

    def test_systemd_finds_nothing_to_complain_of(self, unit):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(unit)], check=False, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_an_unknown_directive_would_be_reported(self, unit):
        unit.write_text(unit.read_text("utf-8").replace("ProtectClock=", "ProtectClocks="))
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(unit)], check=False, capture_output=True, text=True
        )
        assert "ProtectClocks" in done.stderr

    def test_its_exposure_stays_low(self, unit):
        """1.5 of 10 with systemd 252; others weigh a little differently. Left are the network, sound cards and pins."""
        command = ["systemd-analyze", "security", "--offline=true", "--threshold=18", "--no-pager", str(unit)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if "--offline" in done.stderr:
            pytest.skip("this systemd-analyze has no offline analysis (systemd 250 has)")
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_watchdog_waits_longer_than_a_source_without_audio_keeps_silent():
    """`Idle` comes each second at least, and a sign of life is sent each quarter of the watchdog's time."""
    (watchdog,) = directives("WatchdogSec")
    assert float(watchdog) / 4 > 2.0
    assert directives("Type") == ["notify"]


def test_the_unit_runs_a_command_that_there_is():
    (command,) = directives("ExecStart")
    program, *arguments = command.split()
    assert program == "/opt/bonafone/bin/edge"
    shown = CliRunner().invoke(main, [arguments[0], "--help"])
    assert shown.exit_code == 0, shown.output
    assert not [option for option in arguments if option.startswith("--") and option not in shown.output]


WITHOUT_NEW_CODE = """
import ctypes, sys
if ctypes.CDLL(None).prctl(int(sys.argv[1]), int(sys.argv[2]), 0, 0, 0):
    sys.exit("refused")
try:
    import mmap
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    pass
else:
    sys.exit("the rule does not hold")
from edge.cli.main import main
main(["score", "--json", sys.argv[3]])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this rule")
def test_the_runtime_works_where_no_code_can_be_made_at_run_time():
    """What the unit offers with MemoryDenyWriteExecute; prctl(2), PR_SET_MDWE, holds the same for one process."""
    assert directives("#MemoryDenyWriteExecute") == ["yes"]
    recording = REPOSITORY / "examples" / "spoof-kokoro-telephone.wav"
    command = [sys.executable, "-c", WITHOUT_NEW_CODE]
    rule = [str(PR_SET_MDWE), str(PR_MDWE_REFUSE_EXEC_GAIN)]
    done = subprocess.run([*command, *rule, recording], check=False, capture_output=True, text=True, cwd=REPOSITORY)
    if done.stderr.strip() == "refused":
        pytest.skip("this kernel has no PR_SET_MDWE (Linux 6.3 has)")
    assert done.returncode == 0, done.stderr
    free = subprocess.run(
        [*command[:1], "-m", "edge", "score", "--json", recording], check=False, capture_output=True, cwd=REPOSITORY
    )
    assert json.loads(done.stdout) == json.loads(free.stdout)


def test_the_rule_against_new_code_is_off_for_the_microphone():
    """On x86-64 the wheel of cffi 2.1 makes no callback under it, and sounddevice hears by callbacks alone."""
    assert directives("MemoryDenyWriteExecute") == []


def uncommented():
    """The example with every key that stands behind a # taken in; notes have a space there."""
    return tomllib.loads(re.sub(r"^#(?=\S)", "", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE))


def test_the_example_configuration_loads_and_turns_no_channel_on():
    tables = read_config(EXAMPLE)
    settings = settings_from_table(tables["alerts"])
    assert set(tables) == {"listen", "watch", "alerts"}
    assert settings.enabled() == []
    assert [name for name in settings.channels() if tables["alerts"][name] != {"enabled": False}] == []
    assert build_settings(ListenSettings, tables["listen"], "listen") == ListenSettings()
    assert build_settings(WatchSettings, tables["watch"], "watch") == WatchSettings()


def test_the_outbox_of_the_example_lies_where_the_unit_may_write():
    (folder,) = directives("StateDirectory")
    assert Path(settings_from_table(read_config(EXAMPLE)["alerts"]).outbox).parent == Path("/var/lib", folder)


# Keys that have no default to show, or an example in its place.
EXAMPLES = {
    "model",
    "metrics_port",
    "folders",
    "outbox",
    "command",
    "url",
    "host",
    "port",
    "username",
    "ca_file",
    "pin",
}


def differing(shown, default):
    return {item.name for item in fields(default) if getattr(shown, item.name) != getattr(default, item.name)}


def test_the_example_shows_every_key_and_its_true_default():
    for kind, table in ((ListenSettings, "listen"), (WatchSettings, "watch")):
        shown = uncommented()[table]
        assert set(shown) == {item.name for item in fields(kind)}
        assert differing(build_settings(kind, shown, table), kind()) <= EXAMPLES


def test_the_example_shows_every_key_of_the_alerts_and_its_true_default():
    shown = uncommented()["alerts"]
    settings, default = settings_from_table(shown), settings_from_table({})
    assert set(shown) == {item.name for item in fields(default)}
    for name, channel in settings.channels().items():
        assert set(shown[name]) == {item.name for item in fields(channel)}, name
        wrong = differing(channel, default.channels()[name])
        assert {key for key in wrong if not key.endswith(("_env", "_file"))} <= EXAMPLES, name
    single = {"cooldown_s", "keep_days", "show_numbers", "show_names", "retry"}
    assert [name for name in single if getattr(settings, name) != getattr(default, name)] == []
