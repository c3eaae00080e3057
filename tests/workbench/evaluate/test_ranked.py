"""Metrics of many resamples at once are the metrics of each, to the last digit."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluate.intervals import bootstrap_interval, percentile_interval, resampled_figures
from workbench.evaluate.metrics import auc, eer
from workbench.evaluate.ranked import RankedScores, mean_by_class, mean_of_all, mean_of_bonafide, mean_of_spoof


@pytest.fixture
def scores(rng):
    """Overlapping classes, rounded so that many scores are equal."""
    return np.round(rng.normal(0.6, 1, 60), 1), np.round(rng.normal(-0.6, 1, 90), 1)


def test_each_resample_has_the_figures_of_its_clips(scores, rng):
    target, other = scores
    counts = rng.integers(0, 4, (20, 60)).astype(np.uint16), rng.integers(0, 4, (20, 90)).astype(np.uint16)
    ranked = RankedScores(target, other)
    drawn = [(np.repeat(target, a), np.repeat(other, b)) for a, b in zip(*counts, strict=True)]
    assert ranked.eer(*counts).tolist() == [eer(*pair)[0] for pair in drawn]
    assert ranked.auc(*counts) == pytest.approx([auc(*pair) for pair in drawn], abs=1e-12)


def test_intervals_are_those_of_the_resample_by_resample_bootstrap(scores):
    sources = [f"s{i % 5}" for i in range(60)], [f"s{i % 7}" for i in range(90)]
    one_by_one = bootstrap_interval(lambda b, s: eer(b, s)[0], *scores, np.random.default_rng(3), n=50, groups=sources)
    at_once = resampled_figures({"eer": RankedScores(*scores).eer}, sources, np.random.default_rng(3), n=50)["eer"]
    assert percentile_interval(one_by_one.value, at_once) == one_by_one


def test_spoof_called_bonafides_at_given_miss_rates_by_hand():
    """Bona fide 1, 2, 3, 4; spoof 0, 1.5, 2.5, 9: rejecting one of four lets three of four through, two let two."""
    ranked = RankedScores([1.0, 2.0, 3.0, 4.0], [0.0, 1.5, 2.5, 9.0])
    once = np.ones((1, 4), np.uint16)
    found = ranked.accept_at(np.array([0.0, 0.24, 0.25, 0.5, 0.99, 1.0]))(once, once)
    assert found.tolist() == [[0.75, 0.75, 0.5, 0.25, 0.25, 0.0]]


def test_means_weigh_what_was_drawn():
    left, right = np.array([[2, 0], [0, 0]], np.uint16), np.array([[1, 1], [0, 3]], np.uint16)
    assert mean_of_bonafide([1.0, 5.0])(left, right)[0] == 1.0
    assert np.isnan(mean_of_bonafide([1.0, 5.0])(left, right)[1])
    assert mean_of_spoof([0.0, 1.0])(left, right).tolist() == [0.5, 1.0]
    assert mean_of_all([1.0, 5.0], [0.0, 1.0])(left, right).tolist() == [0.75, 1.0]
    assert mean_by_class([1.0, 5.0], [0.0, 1.0])(left, right)[0] == 0.75


def test_one_class_alone_can_be_resampled_and_none_cannot():
    drawn = resampled_figures(
        {"rate": mean_of_bonafide([0.0, 1.0])}, (["a", "b"], []), np.random.default_rng(0), n=200
    )["rate"]
    assert set(drawn.tolist()) == {0.0, 0.5, 1.0}
    with pytest.raises(ValueError, match="no clips to resample"):
        resampled_figures({}, ([], []), np.random.default_rng(0))
