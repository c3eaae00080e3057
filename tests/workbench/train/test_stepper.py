"""A step moves what it should: the network, its averages, and an adversary beside it."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

import tf_keras  # noqa: E402

from workbench.models.network import Network  # noqa: E402
from workbench.train.adversary import Adversary  # noqa: E402
from workbench.train.objective import Lesson  # noqa: E402
from workbench.train.stepper import Stepper  # noqa: E402

FRAMES = 32


@pytest.fixture
def lesson(rng):
    labels = np.array([0.0, 1.0, 0.0, 1.0], np.float32)
    features = rng.standard_normal((4, FRAMES, 1, 40)).astype(np.float32) + labels[:, None, None, None]
    zeros = np.zeros(4, np.int32)
    return Lesson(
        features, np.ones((4, FRAMES), np.float32), labels, np.array([0, 0, 1, 1], np.int32), zeros, zeros * 0.0
    )


def make_stepper(make_config, adversary=None, **settings):
    tf_keras.utils.set_random_seed(0)
    network = Network(make_config(train=settings))
    network.raw_score_model(FRAMES)
    optimizer = tf_keras.optimizers.AdamW(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=None)
    return Stepper(network, FRAMES, optimizer, adversary, steps=10)


def test_a_lesson_of_labels_alone_is_a_step_of_fine_tuning(make_config, lesson):
    """Deployment steps by labels; with nothing else configured, training does the very same."""
    learnt, tuned = make_stepper(make_config), make_stepper(make_config)
    for _ in range(3):
        loss = learnt.learn(lesson)
        assert loss == {"loss": pytest.approx(tuned(lesson.features, lesson.mask, lesson.labels), rel=1e-5)}
    for found, expected in zip(learnt.model.get_weights(), tuned.model.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_is_taught_moves_the_raw_score_towards_it(make_config, lesson):
    stepper = make_stepper(make_config, distillation=1.0)
    taught = lesson._replace(taught=np.array([2.0, -2.0, 2.0, -2.0], np.float32))
    losses = [stepper.learn(taught)["distillation"] for _ in range(60)]
    raw_score = stepper.model([lesson.features, lesson.mask], training=True)[:, -1].numpy()
    assert losses[-1] < losses[0]
    # Against the labels, which have no share left.
    assert raw_score[[0, 2]].min() > raw_score[[1, 3]].max()


def test_an_adversary_is_trained_along_but_is_not_among_the_averages(make_config, lesson):
    adversary = Adversary(4, {"source": 2})
    stepper = make_stepper(make_config, adversary, adversarial=0.5)
    before = [variable.numpy() for variable in adversary.trainable_variables]
    found = stepper.learn(lesson)
    assert set(found) == {"loss", "labels", "adversarial"}
    assert all(np.any(old != new) for old, new in zip(before, adversary.trainable_variables, strict=True))
    assert len(stepper.variables) == len(stepper.model.trainable_variables) + len(before)
    averages, variables = stepper.averages(), stepper.model.trainable_variables
    assert [average.shape for average in averages] == [variable.shape for variable in variables]


def test_the_reversal_starts_at_nothing(make_config, lesson):
    """At the first step the network moves as it would without an adversary."""
    alone = make_stepper(make_config)
    opposed = make_stepper(make_config, Adversary(4, {"source": 2}), adversarial=5.0)
    start = alone.model.get_weights()
    opposed.model.set_weights(start)
    alone.learn(lesson)
    opposed.learn(lesson)
    same = [
        np.allclose(a, b, atol=1e-5)
        for a, b in zip(alone.model.get_weights(), opposed.model.get_weights(), strict=True)
    ]
    assert all(same)
    for _ in range(9):
        alone.learn(lesson)
        opposed.learn(lesson)
    gaps = [np.abs(a - b).max() for a, b in zip(alone.model.get_weights(), opposed.model.get_weights(), strict=True)]
    assert max(gaps) > 1e-3
