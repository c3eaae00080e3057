"""`workbench calibrate` on a small corpus: the points go into the model, and the tool measures what is there."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from edge.catalog import default_model
from edge.contract import read_contract
from edge.model import Model
from edge.stream import StreamScorer
from workbench.cli.main import main
from workbench.data.manifest import Manifest, Row, write_manifest
from workbench.live.calls import genuine_calls, join, trace_calls


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Four sources of twelve seconds a class."""
    import soundfile as sf

    from tests.workbench.conftest import make_voice

    root = tmp_path_factory.mktemp("corpus")
    rng, rows = np.random.default_rng(0), []
    for source in range(4):
        for label in ("bonafide", "spoof"):
            for index in range(3):
                path = f"{label}-{source}-{index}.wav"
                sf.write(root / path, make_voice(rng, 4.0, spoof=label == "spoof"), 16000)
                attack = "-" if label == "bonafide" else "X"
                rows.append(Row(path, "dev", label, attack, source_repo=f"s{source}", duration_s="4.0"))
    write_manifest(Manifest(tuple(rows), root), root / "manifest.tsv")
    return root / "manifest.tsv"


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.slow
def test_the_points_go_into_the_model_with_what_they_cost(corpus, tmp_path):
    model, report = tmp_path / "model.tflite", tmp_path / "live.json"
    shutil.copy(default_model(), model)
    before = read_contract(model)
    result = run("calibrate", model, "--manifest", corpus, "--transmission", "clean", "--transmission", "g711-mu",
                 "--report", report, "--before", 8)  # fmt: skip
    assert result.exit_code == 0, result.output
    after = read_contract(model)
    assert [point.name for point in after.operating_points] == ["cautious", "balanced", "quiet"]
    assert after.thresholds == before.thresholds
    assert Model.load(model).contract == after
    kept = json.loads(report.read_text())
    assert (kept["genuine_calls"], kept["invaded_calls"], kept["invaded_paired"]) == (4, 4, 4)
    for point, stated in zip(after.operating_points, kept["points"], strict=True):
        assert stated["figures"]["calls"] == 8
        assert stated["by_transmission"]["clean"]["calls"] == 4
        assert point.genuine_speech_h == pytest.approx(stated["figures"]["genuine_speech_h"], abs=1e-3)
    assert "4 calls with a fake voice after 8 s of a real person" in result.output


@pytest.mark.slow
def test_further_real_people_are_taken_whole(corpus, tmp_path):
    out = tmp_path / "out.tflite"
    result = run("calibrate", default_model(), "--manifest", corpus, "--genuine", corpus, "--transmission", "clean",
                 "-o", out, "--json", "--before", 0)  # fmt: skip
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)["points"][0]["figures"]
    alone = run("calibrate", default_model(), "--manifest", corpus, "--transmission", "clean", "-o", out, "--json")
    assert figures["genuine_speech_h"] == pytest.approx(
        2 * json.loads(alone.stdout)["points"][0]["figures"]["genuine_speech_h"]
    )


def test_a_trace_is_what_the_runtime_says_of_the_joined_clips(corpus):
    from workbench.data.manifest import read_manifest

    manifest = read_manifest(corpus)
    call = genuine_calls(manifest.rows)[0]
    model = Model.load(default_model())
    (trace,) = trace_calls(model, [(manifest.root, call)])
    samples, fake_from = join(manifest.root, call, 16000)
    scorer = StreamScorer(model)
    raw_score = [*scorer.feed(samples), *scorer.flush()]
    assert trace.values.tolist() == [item.value for item in raw_score]
    assert int(trace.ends[-1]) == len(samples) == fake_from


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--false-alarms", "1,2"), "expected 3 numbers above 0 split by commas"),
        (("--false-alarms", "1,0,nan"), "expected 3 numbers above 0 split by commas"),
        (("--false-alarms", "1,2,0.5"), "none above the one before"),
        (("--split", "test"), "expected clips of split test, got none"),
        (("--transmission", "pigeon"), "transmission 'pigeon': unknown"),
    ],
)
def test_what_cannot_be_done_is_said(corpus, tmp_path, option, message):
    result = run("calibrate", default_model(), "--manifest", corpus, "-o", tmp_path / "out.tflite", *option)
    assert result.exit_code != 0
    assert message in result.output
    assert not (tmp_path / "out.tflite").exists()
