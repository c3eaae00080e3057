"""Domains are learnt by the heads and unlearnt by what they read."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

import tf_keras  # noqa: E402

from workbench.config import AugmentConfig  # noqa: E402
from workbench.errors import TrainingError  # noqa: E402
from workbench.train.adversary import Adversary, domain_counts  # noqa: E402
from workbench.transmissions.augment import TRANSMISSION_CLASSES  # noqa: E402

DOMAINS = {"source": np.array([0, 1] * 8, np.int32), "channel": np.array([2, 0, -1, 1] * 4, np.int32)}


@pytest.fixture
def adversary():
    tf_keras.utils.set_random_seed(1)
    return Adversary(3, {"source": 2, "channel": 3})


def gradients(adversary, embedding, strength):
    with tf.GradientTape() as tape:
        loss = adversary(embedding, DOMAINS, tf.constant(strength))
    return tape.gradient(loss, [embedding, *adversary.trainable_variables])


def test_the_embedding_is_driven_up_the_slope_that_the_heads_go_down(adversary, rng):
    embedding = tf.Variable(rng.standard_normal((16, 3)).astype(np.float32))
    reversed_half, plain = gradients(adversary, embedding, 0.5), gradients(adversary, embedding, -1.0)
    assert np.abs(plain[0]).max() > 1e-4
    np.testing.assert_allclose(reversed_half[0], -0.5 * plain[0], rtol=1e-4, atol=1e-7)
    for found, expected in zip(reversed_half[1:], plain[1:], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_heads_learn_what_can_be_told(adversary, rng):
    embedding = rng.standard_normal((16, 3)).astype(np.float32)
    embedding[:, 0] += 3.0 * DOMAINS["source"]
    optimizer, losses = tf_keras.optimizers.Adam(0.02), []
    for _ in range(80):
        with tf.GradientTape() as tape:
            losses.append(adversary(tf.constant(embedding), DOMAINS, tf.constant(1.0)))
        variables = adversary.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(losses[-1], variables), variables, strict=True))
    assert float(losses[-1]) < 0.5 * float(losses[0])


def test_what_cannot_differ_has_no_head():
    assert domain_counts(3, AugmentConfig()) == {"source": 3}
    assert domain_counts(1, AugmentConfig(channel=0.5)) == {"channel": len(TRANSMISSION_CLASSES)}
    assert set(domain_counts(2, AugmentConfig(recording_format=0.1))) == {"source", "channel"}
    with pytest.raises(
        TrainingError, match=r"train\.adversarial has nothing to unlearn: give a manifest with two sources"
    ):
        domain_counts(1, AugmentConfig())
