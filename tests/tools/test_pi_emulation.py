"""An emulated Raspberry Pi scores as this machine does; what differs, or is missing, is stated."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pi_emulation
import pytest
import soundfile
from environments import ROOT, require_registry

from edge.catalog import default_model
from edge.contract import Thresholds, read_contract

TOOL = ROOT / "tools" / "pi_emulation.py"
THRESHOLDS = Thresholds(spoof_below=-2.0, bonafide_above=1.0, bpcer=0.02, apcer=0.05)
BENCH = {"model": "m", "runtime": "ai-edge-litert 2.3.0", "python": "3.11.2", "cm_score": 14.0}
VOICE = {"path": "a/voice.wav", "verdict": "bonafide", "cm_score": 3.0, "speech_s": 2.0}
EDGE = {"path": "a/edge.wav", "verdict": "uncertain", "cm_score": 0.98, "speech_s": 2.0}
CLICK = {"path": "a/click.wav", "verdict": "too_short", "cm_score": None, "speech_s": 0.4}
FAULTS = [
    ({"cm_score": 3.2}, {}, "edge score differs by up to 0.200 nats, more than 0.18"),
    ({"cm_score": float("nan")}, {}, "edge score differs by up to nan nats, more than 0.18"),
    ({"verdict": "too_short", "cm_score": None}, {}, "voice.wav: bonafide 3.000 here, too_short there"),
    ({"verdict": "uncertain"}, {}, "voice.wav: bonafide 3.000 here, uncertain 3.000 there"),
    ({"speech_s": 2.1}, {}, "the speech measured differs by 0.1000 s, more than 0.001"),
    ({}, {"cm_score": 13.0}, "edge bench differs by 1.000 nats, more than 0.18"),
]


def compare(voice, bench, *others):
    here = [VOICE, EDGE, CLICK, BENCH]
    return pi_emulation.compare(here, [VOICE | voice, *others, BENCH | bench], THRESHOLDS)


@pytest.mark.parametrize(("voice", "bench", "expected"), FAULTS)
def test_every_difference_beyond_its_bound_is_a_fault(voice, bench, expected):
    assert expected in compare(voice, bench, EDGE)["faults"]


def test_the_same_answers_and_a_verdict_that_changes_at_its_threshold_are_no_fault():
    found = compare({}, {}, EDGE | {"verdict": "bonafide", "cm_score": 1.02}, CLICK)
    assert found["faults"] == []
    assert (found["clips"], found["scored"], found["equal_verdicts"]) == (3, 2, 2)
    assert found["max_delta"] == pytest.approx(0.04)
    assert "all within the bound" in pi_emulation.text_table({"arm64-litert": found})


def test_a_recording_that_fails_on_the_board_alone_is_a_fault():
    failed = {"path": CLICK["path"], "error": "click.wav: damaged"}
    assert compare({}, {}, failed)["faults"] == ["click.wav: too_short here, click.wav: damaged there"]


def test_the_pieces_are_different_and_the_same_each_time(tmp_path):
    made = []
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        pi_emulation.write_pieces(tmp_path / name, 24)
        made.append({path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())})
    assert made[0] == made[1]
    assert len(set(made[0].values())) == 24
    rates = [soundfile.info(path).samplerate for path in (tmp_path / "once").iterdir()]
    assert rates.count(pi_emulation.NARROW_RATE) == 6


def test_without_its_programs_the_tool_names_the_packages_and_ends_with_3(tmp_path):
    done = subprocess.run(
        [sys.executable, str(TOOL), "--cache", str(tmp_path / "cache")],
        env={**os.environ, "PATH": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (pi_emulation.EXIT_UNAVAILABLE, "")
    assert done.stderr.startswith("missing: ")
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
@pytest.mark.emulation
def test_a_raspberry_pi_scores_as_this_machine_does(tmp_path, request):
    """The 64-bit board with LiteRT, in a minute; `pytest -m emulation` takes the other boards, too."""
    require_registry(tmp_path)
    asked = "emulation" in (request.config.getoption("-m") or "")
    targets = set(pi_emulation.TARGETS) if asked else {"arm64-litert"}
    command = [sys.executable, str(TOOL), "--json", "--clips", "12"]
    command += [word for name in sorted(targets) for word in ("--target", name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == pi_emulation.EXIT_UNAVAILABLE:
        pytest.skip(f"a Raspberry Pi cannot be emulated here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {line["target"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert set(found) == targets
    for name, one in found.items():
        assert one["model"] == read_contract(default_model()).name
        assert one["runtime"].startswith("ai-edge-litert " if "litert" in name else "tflite-runtime 2.14.0")
        assert one["clips"] >= (12 if pi_emulation.TARGETS[name].resamples else 9)
        # Another processor rounds otherwise somewhere: no difference at all would mean that this one was asked twice.
        assert 0.0 < one["max_delta"] <= one["bound_nats"]
