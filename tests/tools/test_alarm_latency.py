"""The tool measures the operating points of a model, and chooses nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import alarm_latency
import numpy as np
import pytest
from click.testing import CliRunner

from edge.catalog import default_model
from edge.contract import OperatingPoint, embed_contract, read_contract

sf = pytest.importorskip("soundfile", reason="needs the edge extra")

POINTS = (
    OperatingPoint("cautious", 0.0, 1000.0, 1001.0, 1.0, 0.0, 60.0),
    OperatingPoint("quiet", 0.0, -1000.0, 0.0, 1.0, 0.0, 60.0),
)


@pytest.fixture
def corpus(tmp_path):
    """One source, three clips of four seconds a class."""
    from tests.workbench.conftest import make_voice
    from workbench.data.manifest import Manifest, Row, write_manifest

    rng, rows = np.random.default_rng(0), []
    for label, attack in (("bonafide", "-"), ("spoof", "X")):
        for index in range(3):
            path = f"{label}-{index}.wav"
            sf.write(tmp_path / path, make_voice(rng, 4.0), 16000)
            rows.append(Row(path, "dev", label, attack, source_repo="one", duration_s="4.0"))
    write_manifest(Manifest(tuple(rows), tmp_path), tmp_path / "manifest.tsv")
    return tmp_path / "manifest.tsv"


def test_points_that_always_and_never_alarm_are_measured_as_such(corpus, tmp_path):
    contract = replace(read_contract(default_model()), operating_points=POINTS)
    path, out = tmp_path / "model.tflite", tmp_path / "live.json"
    path.write_bytes(data := embed_contract(default_model().read_bytes(), contract))
    options = ["--manifest", str(corpus), "--transmission", "clean", "--before", "0", "-o", str(out), "--json"]
    result = CliRunner().invoke(alarm_latency.main, [str(path), *options])
    assert result.exit_code == 0, result.output
    measured = json.loads(result.stdout)
    assert json.loads(out.read_text()) == measured
    always, never = (point["figures"] for point in measured["points"])
    assert (always["false_alarms"], always["caught_share"]) == (1, 1.0)
    assert 1.0 <= always["delay_median_s"] < 1.3, "as soon as there is a second of speech"
    assert (never["false_alarms"], never["caught_share"], never["delay_median_s"]) == (0, 0.0, None)
    assert path.read_bytes() == data


def test_a_model_without_points_is_refused(corpus, tmp_path):
    contract = replace(read_contract(default_model()), operating_points=())
    path = tmp_path / "model.tflite"
    path.write_bytes(embed_contract(default_model().read_bytes(), contract))
    result = CliRunner().invoke(alarm_latency.main, [str(path), "--manifest", str(corpus)])
    assert "carries no operating points" in str(result.exception)


def test_a_missing_folder_is_told_before_calls_are_measured(corpus, tmp_path):
    options = ["--manifest", str(corpus), "-o", str(tmp_path / "nowhere" / "live.json")]
    result = CliRunner().invoke(alarm_latency.main, [str(default_model()), *options])
    assert result.exit_code == 2
    assert f"there is no folder {tmp_path / 'nowhere'} for live.json" in result.output
