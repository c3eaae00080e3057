"""The shipped recipe, the whole way from recordings to an int8 model."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from edge.model import Model
from edge.scoring import score_file
from workbench.cli.main import main

pytestmark = pytest.mark.slow

CONFIG = """
name = "tiny"
[frontend]
n_mels = 48
mel_break_hz = 8000.0
phase_advance = 64
[model]
patch_filters = 24
patch_size = [3, 5]
patch_stride = [2, 3]
patch_regions = 3
widths = []
dilations = []
head_units = 0
batch_norm = false
head_compression = 0.5
[train]
solver = "ridge"
dev_transmission = "telephone"
clip_s = 1.5
[train.ridge]
passes = 2
dictionary_atoms = 40
wccn_penalty = 1.0
penalties = [0.1, 1.0]
[augment]
noise = 0.3
band_limit = 0.3
"""


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folders(shared_voices, tmp_path_factory):
    root = shutil.copytree(shared_voices, tmp_path_factory.mktemp("voices"), dirs_exist_ok=True)
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


def test_elimination_keeps_the_wanted_atoms_and_drops_the_statistics_of_all(run):
    with np.load(run / "filters.npz") as filters:
        assert filters["patch_power_conv/kernel"].shape == (3, 5, 1, 12)
        assert filters["patch_phase_conv/kernel"].shape == (3, 5, 2, 12)
        assert len(np.unique(filters["patch_phase_conv/kernel"].reshape(30, 12), axis=1).T) == 12
    assert not (run / "atoms.npz").exists()


def test_the_statistics_of_the_kept_atoms_are_the_first_pass(run, folders, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(run, again)
    (again / "pass-0.npz").unlink()
    _train(folders, again)
    with np.load(run / "pass-0.npz") as kept, np.load(again / "pass-0.npz") as computed:
        np.testing.assert_array_equal(kept["indices"], computed["indices"])
        np.testing.assert_allclose(kept["statistics"], computed["statistics"], rtol=1e-4, atol=1e-5)


def test_a_killed_run_goes_on_with_the_passes_it_has(run, folders, tmp_path):
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
    # Filters with biases, scale and shift of 2 * 3 * 24 statistics, and the head.
    assert summary["parameters"] == 12 * (15 + 1) + 12 * (30 + 1) + 2 * 144 + (144 + 1)


def test_what_only_descent_can_train_is_refused(folders, tmp_path):
    (tmp_path / "bad.toml").write_text(CONFIG.replace("head_units = 0", "head_units = 8"))
    data = ("--bonafide", folders / "bonafide", "--spoof", folders / "spoof", "--cache", folders / "cache")
    result = invoke("train", *data, "--config", tmp_path / "bad.toml", "--run", tmp_path / "run")
    assert result.exit_code != 0
    assert 'train.solver = "ridge" trains patches and a linear head' in result.output
