"""What a call costs, measured in short with the real command and calls that the real ffmpeg sends."""

from __future__ import annotations

import json
import shutil
import sys

import call_cost
import pytest

from tests.tools.edge_listening import write_live_model

pytestmark = [
    pytest.mark.programs,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg"),
]


@pytest.fixture(scope="module")
def live_model(tmp_path_factory):
    return write_live_model(tmp_path_factory.mktemp("model") / "live.tflite")


def cost(**changes):
    values = {"calls": 4, "wall_s": 60.0, "cpu_share": 0.025, "cpu_share_a_call": None, "peak_mb": 60.0}
    return call_cost.Cost(**{**values, "heard_s": 240.0, "lost_s": 0.0, "speech_s": 200.0, **changes})


def test_calls_are_heard_and_what_they_cost_is_counted(live_model, capsys):
    assert call_cost.main(["--seconds", "3", "--calls", "1", "3", "--json", "--model", live_model]) == 0
    idle, one, three = map(json.loads, capsys.readouterr().out.splitlines())
    assert [row["calls"] for row in (idle, one, three)] == [0, 1, 3]
    assert idle["heard_s"] == 0
    assert idle["cpu_share_a_call"] is None
    assert one["heard_s"] > 1.0
    assert three["heard_s"] > one["heard_s"]
    assert three["cpu_share"] > 0
    assert all(10 < row["peak_mb"] < 500 for row in (idle, one, three))


def test_a_call_costs_what_its_process_takes_above_an_idle_one():
    busy = call_cost.against_idle(cost(calls=0, cpu_share=0.005), cost())
    assert busy.cpu_share_a_call == pytest.approx(0.005)
    assert "2.50 %" in call_cost.text([busy])
    assert "0.50 %" in call_cost.text([busy])


def test_a_process_that_cannot_start_is_told_in_its_own_words(capsys):
    assert call_cost.main(["--seconds", "1", "--model", "no-such-model"]) == 1
    assert "no-such-model" in capsys.readouterr().err


def test_without_ffmpeg_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit):
        call_cost.main(["--seconds", "1"])
    assert "apt install ffmpeg" in capsys.readouterr().err
