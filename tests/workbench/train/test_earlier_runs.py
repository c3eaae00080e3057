"""Weights of another run are taken whole, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.errors import TrainingError
from workbench.models.network import Network
from workbench.train.earlier_runs import take_weights, trained_network
from workbench.train.runs import RunFolder, RunInfo


@pytest.fixture
def make_run(tmp_path, rng):
    """A run folder with drawn weights, of its network; without weights where that is asked for."""

    def make(config, name="run", *, weights=True):
        folder = RunFolder(tmp_path / name)
        folder.create(RunInfo(config, "/m.tsv", "/", "ab" * 32, "", "", {}))
        if weights:
            model = Network(config).raw_score_model(64)
            model.set_weights([np.abs(rng.standard_normal(w.shape)).astype(np.float32) for w in model.get_weights()])
            folder.save_weights(model)
        return folder.path

    return make


def raw_score(network):
    features = np.random.default_rng(1).standard_normal((2, 32, 1, 40)).astype(np.float32)
    return network.raw_score_model(32)([features, np.ones((2, 32), np.float32)]).numpy()


def test_a_network_starts_where_the_earlier_one_ended(make_config, make_run, rng):
    """Averages of normalisation included; how it is trained, and at which chunk, may differ."""
    run = make_run(make_config(model={"chunk_samples": 1024, "dropout": 0.3}))
    network = Network(make_config(train={"learning_rate": 1e-5, "ranking": 0.5}))
    before = raw_score(network)
    take_weights(network, run)
    for found, expected in zip(
        network.raw_score_model(64).get_weights(), trained_network(run).raw_score_model(64).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert np.abs(raw_score(network) - before).max() > 0.1


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"model": {"widths": [8, 6]}},
            r"configuration \(model.widths: \[8, 8\] there, \[8, 6\] here\); start from a run",
        ),
        # The shapes are the same, what is computed is not.
        ({"model": {"dilations": [2, 1]}}, r"model.dilations: \[1, 2\] there, \[2, 1\] here"),
        ({"frontend": {"fmin_hz": 100.0}}, "frontend.fmin_hz: 60.0 there, 100.0 here"),
        (
            {"model": {"head_units": 0, "skip": "none", "batch_norm": False}, "frontend": {"n_mels": 20}},
            "frontend.n_mels: 40 there, 20 here; model.batch_norm: True there, False here; .*; and 1 more",
        ),
        (
            {"train": {"loss": "one_class"}},
            r"shapes of weights \(head_raw_score: .* there, \[\(4, 1\)\] here\); start from",
        ),
    ],
)
def test_another_network_is_refused_and_the_differences_named(make_config, make_run, parts, message):
    run = make_run(make_config())
    network = Network(make_config(**parts))
    network.raw_score_model(network.chunk_frames)
    before = network.raw_score_model(64).get_weights()
    with pytest.raises(TrainingError, match=message):
        take_weights(network, run)
    for kept, old in zip(network.raw_score_model(64).get_weights(), before, strict=True):
        np.testing.assert_array_equal(kept, old)


def test_a_run_without_weights_is_refused(make_config, make_run, tmp_path):
    with pytest.raises(TrainingError, match="no trained weights yet"):
        trained_network(make_run(make_config(), weights=False))
    with pytest.raises(TrainingError, match="not a run folder"):
        trained_network(tmp_path / "elsewhere")


def test_weights_of_another_network_in_the_folder_are_refused(make_config, make_run):
    run = make_run(make_config())
    Network(make_config(model={"widths": [4, 4]})).raw_score_model(64).save_weights(run / "best.weights.h5")
    with pytest.raises(TrainingError, match="the weights do not fit the run's configuration"):
        trained_network(run)
