"""Patches and a solved head, the whole way from recordings to an int8 model."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from edge.runtime import Model
from edge.scoring import score_file
from workbench.cli import main
from workbench.closed_form import pose_passes
from workbench.manifest import Row
from workbench.ridge import pose

CONFIG = """
name = "tiny"
[frontend]
n_mels = 48
mel_break_hz = 8000.0
phase_advance = 64
[model]
patch_filters = 16
patch_size = [3, 5]
patch_stride = [2, 3]
patch_regions = 3
widths = []
dilations = []
head_units = 0
head_gate = true
batch_norm = false
[train]
solver = "ridge"
passes = 2
penalties = [0.1, 1.0]
clip_s = 1.5
[augment]
noise = 0.3
band_limit = 0.3
"""


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    from tests.workbench.conftest import write_two_folders

    root = write_two_folders(tmp_path_factory.mktemp("voices"))
    (root / "tiny.toml").write_text(CONFIG)
    return root


def _train(folders, run):
    data = ("--bonafide", folders / "bonafide", "--spoof", folders / "spoof", "--cache", folders / "cache")
    result = invoke("train", *data, "--config", folders / "tiny.toml", "--run", run, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def run(folders):
    _train(folders, folders / "run")
    return folders / "run"


def test_every_penalty_leaves_a_record_and_the_best_one_the_weights(run):
    records = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert [record["penalty"] for record in records] == [0.1, 1.0]
    assert all(record["dev_telephone_eer"] is not None for record in records)
    assert (run / "best.weights.h5").exists()


def test_a_killed_run_goes_on_with_the_passes_it_has(run, folders, tmp_path):
    import shutil

    resumed = tmp_path / "resumed"
    shutil.copytree(run, resumed)
    (resumed / "pass-1.npz").unlink()
    before = (resumed / "pass-0.npz").stat().st_mtime_ns
    again = _train(folders, resumed)
    assert (resumed / "pass-0.npz").stat().st_mtime_ns == before
    assert (resumed / "history.jsonl").read_text() == (run / "history.jsonl").read_text()
    assert again["epochs"] == 2


def test_the_int8_model_tells_the_voices_apart(run, folders):
    result = invoke("quantize", run, "-o", folders / "tiny.tflite", "--cache", folders / "cache", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    model = Model.load(folders / "tiny.tflite")
    scores = {
        label: [score_file(model, path)[0].cm_score for path in sorted((folders / label).iterdir())]
        for label in ("bonafide", "spoof")
    }
    assert min(scores["bonafide"]) > max(scores["spoof"])
    # Filters with biases, the gate and the two heads of 2 * 3 * 16 statistics.
    assert summary["parameters"] == 8 * (15 + 1) + 8 * (30 + 1) + (96 + 1) + (192 + 1)


def test_what_only_descent_can_train_is_refused(folders, tmp_path):
    (tmp_path / "bad.toml").write_text(CONFIG.replace("head_units = 0\nhead_gate = true", "head_units = 8"))
    data = ("--bonafide", folders / "bonafide", "--spoof", folders / "spoof", "--cache", folders / "cache")
    result = invoke("train", *data, "--config", tmp_path / "bad.toml", "--run", tmp_path / "run")
    assert result.exit_code != 0
    assert 'train.solver = "ridge" trains patches and a linear head' in result.output


def test_with_nuisance_augmented_passes_are_differences_and_no_clips(rng):
    """Six clips as they are and, in another order and one short, augmented: only clips of both passes are compared."""
    rows = [Row(path=f"{i}", label="bonafide" if i % 2 else "spoof", source_repo="s") for i in range(6)]
    indices = np.array([0, 1, 2, 3, 4, 5, 5, 3, 0, 1])
    as_it_is = np.arange(10) < 6
    statistics = rng.standard_normal((10, 3)).astype(np.float32)
    head = pose_passes(statistics, rows, indices, np.zeros(10, bool), as_it_is, 0.5).solve(0.1)
    plain = pose(statistics[:6], np.array([row.label == "bonafide" for row in rows]), ["s"] * 6)
    expected = plain.against(statistics[6:] - statistics[[5, 3, 0, 1]], 0.5).solve(0.1)
    np.testing.assert_allclose(head.weights, expected.weights, rtol=1e-5)
    assert not np.allclose(head.weights, plain.solve(0.1).weights, rtol=0.01)
