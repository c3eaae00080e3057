"""What a step of descent minimises, and that a step moves the weights and their averages."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

import tf_keras  # noqa: E402

from workbench.models.network import Network  # noqa: E402
from workbench.train.descent import Objective, Stepper, cross_entropy  # noqa: E402

FRAMES = 32


def test_smoothed_cross_entropy_gives_the_other_label_its_share():
    """A raw score of log 3 is a probability of 3/4."""
    found = cross_entropy(tf.constant([np.log(3.0), np.log(3.0)], tf.float32), tf.constant([1.0, 0.0]), 0.1)
    hit, missed = -np.log(0.75), -np.log(0.25)
    np.testing.assert_allclose(found, [0.9 * hit + 0.1 * missed, 0.1 * hit + 0.9 * missed], rtol=1e-6)


def test_the_loss_weighs_bonafide_and_ignores_early_chunks_without_speech(make_config):
    objective = Objective(make_config(train={"label_smoothing": 0.0, "bonafide_weight": 3.0, "intermediate_loss": 1.0}))
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
    optimizer = tf_keras.optimizers.AdamW(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=None)
    stepper = Stepper(network, FRAMES, optimizer)
    labels = np.array([0.0, 1.0, 0.0, 1.0], np.float32)
    features = rng.standard_normal((4, FRAMES, 1, 40)).astype(np.float32) + labels[:, None, None, None]
    losses = [stepper(features, np.ones((4, FRAMES), np.float32), labels) for _ in range(20)]
    assert losses[-1] < losses[0]
    averages, variables = stepper.averages(), stepper.model.trainable_variables
    assert [average.shape for average in averages] == [variable.shape for variable in variables]
