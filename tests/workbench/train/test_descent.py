"""Descent: its loss and step; a run learns, stops early, and resumes after a kill to the same weights."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

import tf_keras  # noqa: E402

from workbench.data.manifest import Row, split_by_group  # noqa: E402
from workbench.data.readers import two_folders  # noqa: E402
from workbench.errors import TrainingError  # noqa: E402
from workbench.models.network import Network  # noqa: E402
from workbench.train.descent import Objective, Stepper, cross_entropy, fit  # noqa: E402
from workbench.train.dev import DevSet, evaluate_dev  # noqa: E402
from workbench.train.experiment import prepare  # noqa: E402
from workbench.train.runs import RunFolder  # noqa: E402

FRAMES = 32


@contextmanager
def _quiet(epoch, steps):
    class Bar:
        def update(self, loss):
            assert np.isfinite(loss)

        def finish(self, record):
            assert record["epoch"] == epoch

    yield Bar()


@pytest.fixture
def manifest(voices):
    found = two_folders(*voices)
    return replace(found, rows=split_by_group(found.rows, 0.25, 0))


def _train(config, manifest, tmp_path, name, stops=()):
    folder = RunFolder(tmp_path / name)
    folder.path.mkdir()
    for stop in (*stops, None):
        tf_keras.utils.set_random_seed(0)
        experiment = prepare(config, manifest, tmp_path / "cache")
        history = fit(experiment.network, experiment.loader, [experiment.dev], folder, _quiet, stop_after_epochs=stop)
    return history, folder


def test_smoothed_cross_entropy_gives_the_other_label_its_share():
    """A raw score of log 3 is a probability of 3/4."""
    found = cross_entropy(tf.constant([np.log(3.0), np.log(3.0)], tf.float32), tf.constant([1.0, 0.0]), 0.1)
    hit, missed = -np.log(0.75), -np.log(0.25)
    np.testing.assert_allclose(found, [0.9 * hit + 0.1 * missed, 0.1 * hit + 0.9 * missed], rtol=1e-6)


def test_the_loss_weighs_bonafide_and_ignores_early_chunks_without_speech(make_config):
    objective = Objective(
        make_config(descent={"label_smoothing": 0.0, "bonafide_weight": 3.0, "intermediate_loss": 1.0})
    )
    raw_score = tf.constant([[5.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
    silent = np.zeros((2, 3 * objective.chunk_frames), np.float32)
    labels = np.array([1.0, 0.0], np.float32)
    assert float(objective(raw_score, silent, labels)) == pytest.approx(np.log(2.0))
    skewed = tf.constant([[0.0, 0.0, 2.0], [0.0, 0.0, 2.0]])
    good, bad = np.log1p(np.exp(-2.0)), np.log1p(np.exp(2.0))
    assert float(objective(skewed, silent, labels)) == pytest.approx((3 * good + bad) / 4, rel=1e-5)


def test_steps_lower_the_loss_and_every_weight_has_an_average(make_config, rng):
    tf_keras.utils.set_random_seed(0)
    network = Network(make_config())
    network.raw_score_model(FRAMES)
    options = {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": None}
    stepper = Stepper(network, FRAMES, lambda share: tf_keras.optimizers.AdamW(0.01 * share, **options))
    labels = np.array([0.0, 1.0, 0.0, 1.0], np.float32)
    features = rng.standard_normal((4, FRAMES, 1, 40)).astype(np.float32) + labels[:, None, None, None]
    losses = [stepper(features, np.ones((4, FRAMES), np.float32), labels) for _ in range(20)]
    assert losses[-1] < losses[0]
    averaged = [variable.name for variable, _ in stepper.averages()]
    assert sorted(averaged) == sorted(variable.name for variable in stepper.model.trainable_variables)
    assert all(variable.shape == average.shape for variable, average in stepper.averages())


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_weights_and_history(make_config, manifest, tmp_path):
    """Batches depend on seed, epoch and step alone, and the checkpoint holds optimiser and averages."""
    config = make_config(descent={"epochs": 2})
    straight, straight_folder = _train(config, manifest, tmp_path, "straight")
    resumed, resumed_folder = _train(config, manifest, tmp_path, "resumed", stops=(1,))
    assert [r["epoch"] for r in resumed] == [0, 1]
    np.testing.assert_allclose([r["loss"] for r in resumed], [r["loss"] for r in straight], rtol=1e-5)
    assert resumed == resumed_folder.history()
    assert straight_folder.weights.exists()
    assert resumed_folder.weights.exists()


@pytest.mark.slow
def test_training_learns_a_difference_that_is_there(make_config, manifest, tmp_path):
    config = make_config(
        train={"batch_size": 8},
        descent={"epochs": 8, "steps_per_epoch": 12, "learning_rate": 0.01, "average_momentum": 0.9},
        augment={"band_limit": 0.0, "noise": 0.0, "frequency_masks": 0},
    )
    history, _ = _train(config, manifest, tmp_path, "run")
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert min(record["dev_eer"] for record in history) == 0.0


@pytest.mark.slow
def test_early_stopping_ends_a_run_that_no_longer_improves(make_config, manifest, tmp_path):
    config = make_config(
        descent={"epochs": 40, "steps_per_epoch": 1, "early_stopping_epochs": 2, "learning_rate": 1e-9}
    )
    history, _ = _train(config, manifest, tmp_path, "run")
    assert len(history) < 40
    best = min(range(len(history)), key=lambda index: history[index]["selection"])
    assert len(history) - 1 - best == 2


def test_a_split_without_a_class_is_refused(make_config, manifest, tmp_path):
    rows = tuple(row for row in manifest.rows if (row.split, row.label) != ("dev", "spoof"))
    with pytest.raises(TrainingError, match="the dev split has no spoof clip"):
        prepare(make_config(), replace(manifest, rows=rows), tmp_path / "cache")


def test_selection_weighs_all_clips_and_the_paired_ones_alike():
    """Unpaired clips are separated perfectly here, paired ones the wrong way round."""
    rows = tuple(
        Row(f"{label}{n}", "dev", label, paired="no" if n else "yes")
        for label in ("bonafide", "spoof")
        for n in range(3)
    )
    sign = np.array([(1.0 if row.label == "bonafide" else -1.0) * (-9 if row.paired == "yes" else 1) for row in rows])
    none = np.zeros((len(rows), 0), np.float32)
    scores = evaluate_dev(DevSet(rows, none, none), sign.astype(np.float32))
    assert scores.paired_eer == 1.0
    assert scores.eer < 0.5
    assert scores.selection == (1.0 + scores.eer) / 2
