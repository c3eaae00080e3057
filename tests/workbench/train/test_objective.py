"""What a step minimises: the labels, weighed over chunks and classes, and the terms that have a weight."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.train.losses import contrastive_loss, distillation_loss, ranking_loss  # noqa: E402
from workbench.train.objective import Lesson, Objective  # noqa: E402

LABELS = np.array([0.0, 1.0, 0.0, 1.0], np.float32)


@pytest.fixture
def lesson(rng):
    return Lesson(
        features=None,
        mask=np.ones((4, 48), np.float32),
        labels=LABELS,
        sources=np.array([0, 0, -1, 0], np.int32),
        channels=np.zeros(4, np.int32),
        taught=rng.standard_normal(4).astype(np.float32),
    )


def test_the_loss_weighs_bonafide_and_ignores_early_chunks_without_speech(make_config):
    objective = Objective(make_config(train={"label_smoothing": 0.0, "bonafide_weight": 3.0, "intermediate_loss": 1.0}))
    raw_score = tf.constant([[5.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
    silent = np.zeros((2, 3 * objective.chunk_frames), np.float32)
    labels = np.array([1.0, 0.0], np.float32)
    assert float(objective(raw_score, silent, labels)) == pytest.approx(np.log(2.0))
    skewed = tf.constant([[0.0, 0.0, 2.0], [0.0, 0.0, 2.0]])
    good, bad = np.log1p(np.exp(-2.0)), np.log1p(np.exp(2.0))
    assert float(objective(skewed, silent, labels)) == pytest.approx((3 * good + bad) / 4, rel=1e-5)


def test_a_margin_is_asked_of_either_class(make_config):
    """One chunk, bona fide at 1 and spoof at 1 nats, scale 20 and margins 0.9 and 0.2: 7 nats to be beyond."""
    objective = Objective(make_config(train={"loss": "one_class"}))
    mask = np.ones((2, objective.chunk_frames), np.float32)
    found = objective(tf.constant([[1.0], [1.0]]), mask, np.array([1.0, 0.0], np.float32))
    assert float(found) == pytest.approx((np.log1p(np.exp(6.0)) + np.log1p(np.exp(8.0))) / 2, rel=1e-5)


def test_without_weights_the_labels_alone_count(make_config, lesson, rng):
    raw_score = tf.constant(rng.standard_normal((4, 3)), tf.float32)
    objective = Objective(make_config())
    terms = objective.terms(raw_score, tf.zeros([4, 3, 2]), lesson)
    assert list(terms) == ["labels"]
    assert objective.weights["labels"] == 1.0
    assert float(terms["labels"]) == float(objective(raw_score, lesson.mask, LABELS))


def test_every_term_reads_the_end_of_the_clip(make_config, lesson, rng):
    settings = {"ranking": 0.5, "contrastive": 0.25, "distillation": 0.4, "temperature": 2.0}
    objective = Objective(make_config(train=settings))
    raw_score = tf.constant(rng.standard_normal((4, 3)), tf.float32)
    embedding = tf.constant(rng.standard_normal((4, 3, 5)), tf.float32)
    terms = {name: float(value) for name, value in objective.terms(raw_score, embedding, lesson).items()}
    final = raw_score[:, -1]
    assert terms["ranking"] == float(ranking_loss(final, LABELS, lesson.sources))
    assert terms["contrastive"] == float(contrastive_loss(embedding[:, -1], LABELS, 0.1))
    assert terms["distillation"] == float(distillation_loss(final, lesson.taught, 2.0))
    assert objective.weights == {
        "labels": 0.6,
        "ranking": 0.5,
        "contrastive": 0.25,
        "distillation": 0.4,
        "adversarial": 1.0,
    }
