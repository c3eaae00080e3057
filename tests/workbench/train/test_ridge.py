"""The linear head: fitted inside sources, each counted alike."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluate.metrics import auc
from workbench.train.ridge import pose


def _corpus(rng, sources=6, clips=40):
    """Statistic 0 tells the voice, a little; statistics 1 and 2 tell nothing."""
    labels = np.arange(sources * clips) % 2 == 0
    rows = rng.standard_normal((len(labels), 3)).astype(np.float32)
    rows[:, 0] += np.where(labels, 0.6, -0.6)
    return rows, labels, [f"source {index // clips}" for index in range(len(labels))]


def test_what_differs_between_sources_gets_no_weight(rng):
    """Of one source most clips are bona fide, of the other most are spoof: the recording would tell them apart."""
    rows, _, _ = _corpus(rng, sources=2, clips=500)
    labels = np.concatenate([np.arange(500) % 5 > 0, np.arange(500) % 5 == 0])
    rows[:, 0] = rng.standard_normal(1000) + np.where(labels, 0.6, -0.6)
    rows[:, 1] = 0.1 * rows[:, 1] + np.repeat([5.0, -5.0], 500)
    head = pose(rows, labels, ["a"] * 500 + ["b"] * 500).solve(0.01)
    plain, *_ = np.linalg.lstsq(rows - rows.mean(axis=0), np.where(labels, 1.0, -1.0), rcond=None)
    share, plain_share = (abs(w[1]) * rows[:, 1].std() / (abs(w[0]) * rows[:, 0].std()) for w in (head.weights, plain))
    assert plain_share > 1.0
    assert share < 0.4 * plain_share
    within = [
        auc(head(rows[part])[labels[part]], head(rows[part])[~labels[part]]) for part in (slice(500), slice(500, None))
    ]
    assert min(within) > 0.7


def test_the_solution_is_the_weighted_least_squares_of_the_textbook(rng):
    """One source, equal classes: centring and weights do nothing but scale, so lstsq on the same rows agrees."""
    rows, labels, _ = _corpus(rng, sources=1, clips=60)
    head = pose(rows, labels, ["one"] * 60).solve(1e-9)
    middle = 0.5 * (rows[labels].mean(axis=0) + rows[~labels].mean(axis=0))
    expected, *_ = np.linalg.lstsq(rows - middle, np.where(labels, 1.0, -1.0), rcond=None)
    np.testing.assert_allclose(head.weights, expected, rtol=2e-2, atol=1e-3)
    np.testing.assert_allclose(head(middle[None, :]), 0.0, atol=1e-3)


def test_a_source_does_not_count_for_more_because_it_has_more_clips(rng):
    rows, labels, names = _corpus(rng, sources=2, clips=200)
    doubled = np.concatenate([rows, rows[200:], rows[200:]])
    head, more = (
        pose(values, marks, names_of).solve(0.05)
        for values, marks, names_of in (
            (rows, labels, names),
            (doubled, np.concatenate([labels, labels[200:], labels[200:]]), names + names[200:] * 2),
        )
    )
    np.testing.assert_allclose(head.weights * rows.std(axis=0), more.weights * rows.std(axis=0), atol=0.05)


def test_an_attack_of_a_source_does_not_count_for_more_because_it_has_more_clips(rng):
    """Two attacks of one source, that statistics 0 and 1 give away: copies of the clips of one change nothing."""
    labels = np.arange(300) < 150
    attacks = ["-"] * 150 + ["a"] * 75 + ["b"] * 75
    rows = rng.standard_normal((300, 2)).astype(np.float32)
    rows[150:225, 0] -= 2.0
    rows[225:, 1] -= 2.0
    more = np.concatenate([rows, rows[225:], rows[225:]])
    marks, names = np.concatenate([labels, np.zeros(150, bool)]), attacks + ["b"] * 150

    def ratio(values, marks, names):
        weights = pose(values, marks, ["one"] * len(values), attacks=names).solve(0.01).weights * values.std(axis=0)
        return weights[0] / weights[1]

    assert ratio(more, marks, names) == pytest.approx(ratio(rows, labels, attacks), rel=0.25)
    assert ratio(more, marks, ["x"] * len(names)) < 0.7 * ratio(more, marks, names)


def test_a_larger_penalty_gives_smaller_weights(rng):
    problem = pose(*_corpus(rng))
    small, large = (np.abs(problem.solve(penalty).weights).sum() for penalty in (0.01, 10.0))
    assert large < 0.5 * small


def test_a_penalised_difference_ceases_to_move_the_raw_score(rng):
    """Statistics 0 and 1 tell the voice alike; a channel moves the first alone, so the second has to carry the weight."""
    labels = np.arange(400) % 2 == 0
    rows = rng.standard_normal((400, 2)).astype(np.float32) + np.where(labels, 1.0, -1.0)[:, None].astype(np.float32)
    differences = np.zeros((50, 2), np.float32)
    differences[:, 0] = rng.normal(1.0, 0.3, 50)
    problem = pose(rows, labels, ["one"] * 400)
    before, after = problem.solve(0.01), problem.against(differences, 100.0).solve(0.01)
    assert np.abs(differences @ before.weights).mean() > 0.2
    assert np.abs(differences @ after.weights).mean() < 0.02
    assert auc(after(rows)[labels], after(rows)[~labels]) > 0.85


def test_both_classes_are_needed(rng):
    with pytest.raises(ValueError, match="clips of both classes"):
        pose(rng.standard_normal((5, 2)).astype(np.float32), np.ones(5, bool), ["a"] * 5)
