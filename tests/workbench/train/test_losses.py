"""Losses against values worked out by hand, and the gradient that comes back reversed."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.train.losses import (  # noqa: E402
    contrastive_loss,
    cross_entropy,
    distillation_loss,
    domain_loss,
    margin_loss,
    ranking_loss,
    reversal_strength,
    reverse_gradient,
)


def softplus(value):
    return np.log1p(np.exp(value))


def test_smoothed_cross_entropy_believes_the_other_label_a_little():
    """Evidence of log 3 is a probability of 3/4."""
    found = cross_entropy(tf.constant([np.log(3.0), np.log(3.0)], tf.float32), tf.constant([1.0, 0.0]), 0.1)
    hit, missed = -np.log(0.75), -np.log(0.25)
    np.testing.assert_allclose(found, [0.9 * hit + 0.1 * missed, 0.1 * hit + 0.9 * missed], rtol=1e-6)


def test_a_margin_of_none_is_cross_entropy(rng):
    raw_score = tf.constant(rng.standard_normal(6), tf.float32)
    labels = tf.constant([0.0, 1.0] * 3)
    np.testing.assert_allclose(margin_loss(raw_score, labels, 0.0), cross_entropy(raw_score, labels), rtol=1e-6)


def test_oc_softmax_is_the_published_formula():
    """log(1 + exp(alpha (m_y - cos) (-1)^y)) with y = 0 for bona fide; alpha 20, margins 0.9 and 0.2."""
    cosines = np.array([0.95, 0.5, -0.3, 0.5])
    labels = np.array([1.0, 1.0, 0.0, 0.0])
    expected = [softplus(20 * (0.9 - 0.95)), softplus(20 * 0.4), softplus(20 * (-0.3 - 0.2)), softplus(20 * 0.3)]
    raw_score = tf.constant(20.0 * (cosines - 0.55), tf.float32)
    np.testing.assert_allclose(margin_loss(raw_score, tf.constant(labels, tf.float32), 7.0), expected, rtol=1e-4)


def test_additive_margin_softmax_is_the_published_formula():
    """-log(exp(s (cos_y - m)) / (exp(s (cos_y - m)) + exp(s cos_other))), s = 20, m = 0.35."""
    bonafide, spoof = 0.8, 0.1
    own, other = np.exp(20 * (bonafide - 0.35)), np.exp(20 * spoof)
    wrong_own, wrong_other = np.exp(20 * (spoof - 0.35)), np.exp(20 * bonafide)
    raw_score = tf.constant([20.0 * (bonafide - spoof)] * 2, tf.float32)
    expected = [-np.log(own / (own + other)), -np.log(wrong_own / (wrong_own + wrong_other))]
    np.testing.assert_allclose(margin_loss(raw_score, tf.constant([1.0, 0.0]), 20 * 0.35), expected, rtol=1e-4)


def test_ranking_compares_classes_inside_a_source_alone():
    """Source 0 holds bona fide 2 and 1 and spoof 0; source 1 a pair of spoof; -1 is no source."""
    raw_score = tf.constant([2.0, 1.0, 0.0, 5.0, 6.0, -9.0, 9.0])
    labels = tf.constant([1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    sources = tf.constant([0, 0, 0, 1, 1, -1, -1])
    expected = (softplus(0.0 - 2.0) + softplus(0.0 - 1.0)) / 2
    assert float(ranking_loss(raw_score, labels, sources)) == pytest.approx(expected, rel=1e-6)


def test_ranking_without_a_pair_is_nothing_and_moves_nothing():
    raw_score = tf.Variable([1.0, -1.0])
    with tf.GradientTape() as tape:
        loss = ranking_loss(raw_score, tf.constant([1.0, 0.0]), tf.constant([0, 1]))
    assert float(loss) == 0.0
    np.testing.assert_array_equal(tape.gradient(loss, raw_score), [0.0, 0.0])


def test_the_contrastive_loss_of_four_clips_by_hand():
    """Two clips of one class at a right angle to the two of the other, and one pair of them 60 degrees apart."""
    embeddings = tf.constant([[3.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, np.sqrt(0.75)]], tf.float32)
    temperature = 0.5
    near = -np.log(np.exp(1 / temperature) / (np.exp(1 / temperature) + 2))
    far = -np.log(np.exp(0.5 / temperature) / (np.exp(0.5 / temperature) + 2))
    found = contrastive_loss(embeddings, tf.constant([1.0, 1.0, 0.0, 0.0]), temperature)
    assert float(found) == pytest.approx((2 * near + 2 * far) / 4, rel=1e-5)


def test_a_clip_alone_in_its_class_only_pushes():
    """Three clips, one alone: the mean is over the two that have another; all three at a right angle."""
    found = contrastive_loss(tf.eye(3), tf.constant([1.0, 1.0, 0.0]), 1.0)
    assert float(found) == pytest.approx(np.log(2.0), rel=1e-5)
    assert float(contrastive_loss(tf.eye(2), tf.constant([1.0, 0.0]), 1.0)) == 0.0


def test_distillation_compares_tempered_probabilities():
    """Temperature 2: evidence 2 log 3 is tempered to 3/4, the student's 0 to 1/2."""
    taught = tf.constant([2 * np.log(3.0), -2 * np.log(3.0)], tf.float32)
    assert float(distillation_loss(tf.zeros(2), taught, 2.0)) == pytest.approx(4 * np.log(2.0), rel=1e-5)
    entropy = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    assert float(distillation_loss(taught, taught, 2.0)) == pytest.approx(4 * entropy, rel=1e-5)


def test_a_student_that_agrees_with_its_teacher_is_at_rest():
    taught = tf.constant([1.0, -3.0])
    student = tf.Variable([1.0, -2.0])
    with tf.GradientTape() as tape:
        loss = distillation_loss(student, taught, 1.5)
    gradient = tape.gradient(loss, student).numpy()
    assert gradient[0] == pytest.approx(0.0, abs=1e-7)
    assert gradient[1] > 0.01


def test_the_gradient_comes_back_reversed_and_scaled():
    values = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        passed = reverse_gradient(values, tf.constant(0.25))
        loss = tf.reduce_sum(tf.square(passed))
    np.testing.assert_array_equal(passed, [1.0, 2.0])
    np.testing.assert_allclose(tape.gradient(loss, values), [-0.5, -1.0])


def test_the_reversal_is_turned_on_slowly():
    strengths = reversal_strength(tf.constant([0.0, 0.1, 1.0])).numpy()
    np.testing.assert_allclose(strengths, [0.0, np.tanh(0.5), np.tanh(5.0)], atol=1e-6)


def test_clips_of_no_known_domain_do_not_count():
    logits = tf.constant([[0.0, np.log(3.0)], [7.0, 0.0], [0.0, 0.0]], tf.float32)
    found = domain_loss(logits, tf.constant([1, -1, 0]))
    assert float(found) == pytest.approx((-np.log(0.75) + np.log(2.0)) / 2, rel=1e-5)
    assert float(domain_loss(logits, tf.constant([-1, -1, -1]))) == 0.0
