"""The whole way on a dozen synthetic voices a side: train, quantise, score; and the gate between float and int8."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from edge.contract import read_contract
from edge.model import Model
from edge.scoring import score_file
from workbench.cli.main import main

pytestmark = pytest.mark.slow

CONFIG = """
name = "tiny"
[frontend]
n_mels = 40
[model]
widths = [8]
dilations = [1]
head_units = 4
dropout = 0.0
[augment]
noise = 0.0
band_limit = 0.0
frequency_masks = 0
[train]
batch_size = 8
clip_s = 1.0
[train.descent]
epochs = 3
steps_per_epoch = 25
learning_rate = 0.01
average_momentum = 0.9
"""


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folders(shared_voices, tmp_path_factory):
    return shutil.copytree(shared_voices, tmp_path_factory.mktemp("voices"), dirs_exist_ok=True)


@pytest.fixture(scope="module")
def run(folders):
    """A run folder, trained through the command line."""
    (folders / "tiny.toml").write_text(CONFIG)
    result = invoke(
        "train", "--bonafide", folders / "bonafide", "--spoof", folders / "spoof", "--config", folders / "tiny.toml",
        "--run", folders / "run", "--cache", folders / "cache", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["epochs"] == 3
    return folders / "run"


def _quantize(run, output, *options):
    return invoke("quantize", run, "-o", output, "--cache", run.parent / "cache", "--json", *options)


@pytest.fixture(scope="module")
def quantized(run):
    result = _quantize(run, run.parent / "ptq.tflite")
    assert result.exit_code == 0, result.stderr
    return run.parent / "ptq.tflite", json.loads(result.stdout)


def test_a_run_folder_says_what_made_it(run):
    info = json.loads((run / "run.json").read_text())
    assert info["config"]["name"] == "tiny"
    assert info["versions"]["tf-keras"]
    assert len(info["manifest_digest"]) == 64
    assert len((run / "history.jsonl").read_text().splitlines()) == 3
    assert (run / "best.weights.h5").exists()
    assert (run / "manifest.tsv").exists()


def test_the_trained_int8_model_tells_the_voices_apart(quantized, folders):
    model = Model.load(quantized[0])
    scores = {
        label: [score_file(model, path)[0].cm_score for path in sorted((folders / label).glob("*.wav"))]
        for label in ("bonafide", "spoof")
    }
    assert min(scores["bonafide"]) > max(scores["spoof"])


def test_the_model_carries_its_contract_and_calibration(quantized, run):
    path, summary = quantized
    contract = read_contract(path)
    assert contract.name == "tiny"
    assert contract.quantization == "int8-ptq"
    assert contract.frontend.n_mels == 40
    assert contract.corpus_digest == json.loads((run / "run.json").read_text())["manifest_digest"]
    assert contract.calibration_scale > 0
    assert contract.thresholds.bpcer <= 0.02
    assert contract.thresholds.spoof_below < 0 < contract.thresholds.bonafide_above
    assert "bona fide clips (at least 30 needed)" in summary["dev_doubt"]
    assert summary["parameters"] == contract.parameters
    assert summary["model_bytes"] == path.stat().st_size


def test_the_network_is_int8_and_the_front_end_float(quantized):
    """Every convolution works on int8; the logarithm stays float, so that older runtimes load it."""
    model = Model.load(quantized[0])
    details = model._interpreter._get_ops_details()
    kinds = {detail["index"]: detail["dtype"] for detail in model._interpreter.get_tensor_details()}
    convolutions = [op for op in details if op["op_name"] in ("CONV_2D", "FULLY_CONNECTED") and len(op["inputs"]) == 3]
    assert any(kinds[op["inputs"][0]] is np.int8 and kinds[op["inputs"][1]] is np.int8 for op in convolutions)
    logarithms = [op for op in details if op["op_name"] == "LOG"]
    assert logarithms
    assert all(kinds[op["inputs"][0]] is np.float32 for op in logarithms)


QAT = ("--method", "qat", "--qat-steps", "5")


@pytest.mark.parametrize("options", [QAT, ("--method", "float")])
def test_other_methods_give_a_model_that_scores(run, tmp_path, folders, options):
    result = _quantize(run, tmp_path / "other.tflite", *options)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["dev_eer_int8"] == 0.0
    score = score_file(Model.load(tmp_path / "other.tflite"), folders / "spoof" / "spoof00.wav")[0]
    assert score.cm_score < 0


def test_pruning_leaves_the_asked_share_of_zeros(run, tmp_path):
    result = _quantize(run, tmp_path / "pruned.tflite", "--prune", 0.5, "--prune-steps", 20, "--ignore-parity")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["sparsity"] == pytest.approx(0.5, abs=0.05)


def test_the_parity_gate_refuses_a_model_that_lost_too_much_and_keeps_it_aside(run, tmp_path, monkeypatch):
    """Forced by ranges a thousand times too wide, as a broken calibration would give."""
    from workbench.deploy.thresholds import Calibration
    from workbench.models.layers import ActivationQuantizer

    freeze = ActivationQuantizer.freeze

    def broken(self):
        freeze(self)
        self.ranges["max_var"].assign(self.ranges["max_var"] * 1000.0)

    monkeypatch.setattr(ActivationQuantizer, "freeze", broken)
    monkeypatch.setattr("workbench.deploy.thresholds.fit_calibration", lambda *_, **__: Calibration(1.0, 0.0))
    refused = _quantize(run, tmp_path / "model.tflite")
    assert refused.exit_code == 1
    assert "parity gate" in refused.stderr
    assert not (tmp_path / "model.tflite").exists()
    assert (tmp_path / "model.rejected.tflite").exists()
    accepted = _quantize(run, tmp_path / "model.tflite", "--ignore-parity")
    assert accepted.exit_code == 0
    assert (tmp_path / "model.tflite").exists()


def test_a_deployed_network_that_scores_otherwise_than_the_trained_one_is_refused(run, tmp_path, monkeypatch):
    """As a layer would that keeps random weights."""
    from workbench.deploy import quantize

    def forgetful(network, *form):
        deployed = fold(network, *form)
        head = deployed.layers["head_raw_score"]
        head.set_weights([weights + 1.0 for weights in head.get_weights()])
        return deployed

    fold = quantize.fold
    monkeypatch.setattr(quantize, "fold", forgetful)
    refused = _quantize(run, tmp_path / "model.tflite")
    assert refused.exit_code == 1
    assert "folding changed the network: on dev its raw score differs from the trained one's by" in refused.stderr


def test_a_changed_manifest_and_a_folder_without_a_run_are_refused(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    info = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps({**info, "manifest_digest": "0" * 64}))
    for folder, message in ((copy, "has changed since"), (tmp_path, "not a run folder of `workbench train`")):
        result = _quantize(folder, tmp_path / "model.tflite")
        assert result.exit_code == 1
        assert message in result.stderr


def test_a_configuration_alone_can_name_the_data(folders, tmp_path):
    """Its paths start from its own folder, wherever the command is run."""
    text = CONFIG.replace("epochs = 3", "epochs = 1") + '[data]\nbonafide = "bonafide"\nspoof = "spoof"\n'
    (folders / "whole.toml").write_text(text)
    result = invoke(
        "train", "--config", folders / "whole.toml", "--run", tmp_path / "run", "--cache", folders / "cache", "--json"
    )
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["epochs"] == 1


def test_evaluation_and_card_state_the_same_figures(quantized, run, tmp_path):
    path, _ = quantized
    result = invoke("evaluate", path, "--manifest", run / "manifest.tsv", "--split", "train", "-o", tmp_path / "r.json")
    assert result.exit_code == 1
    assert "cannot be scored" in result.stderr
    manifest = folders_manifest(run)
    result = invoke("evaluate", path, "--manifest", manifest, "--split", "train", "-o", tmp_path / "r.json", "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report == json.loads((tmp_path / "r.json").read_text())
    everything = report["groups"][0]
    assert (everything["name"], everything["eer"]["value"], everything["auc"]["value"]) == ("all", 0.0, 1.0)
    card = invoke("card", path, "--report", tmp_path / "r.json", "-o", tmp_path / "card.md")
    assert card.exit_code == 0, card.stderr
    assert f"| all | {everything['bonafide']} / {everything['spoof']} |" in (tmp_path / "card.md").read_text()
    check = ("card", path, "--report", tmp_path / "r.json", "-o", tmp_path / "card.md", "--check")
    assert invoke(*check).exit_code == 0
    (tmp_path / "card.md").write_text((tmp_path / "card.md").read_text().replace("| 0.0 (", "| 9.9 ("))
    assert invoke(*check).exit_code == 1


def folders_manifest(run):
    """The run's manifest, with its paths made whole."""
    from pathlib import Path

    from workbench.data.manifest import read_manifest, write_manifest

    root = Path(json.loads((run / "run.json").read_text())["manifest_root"])
    manifest = read_manifest(run / "manifest.tsv")
    rows = tuple(replace(row, path=str(root / row.path)) for row in manifest.rows)
    write_manifest(replace(manifest, rows=rows), run / "whole.tsv")
    return run / "whole.tsv"
