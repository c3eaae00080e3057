"""Intervals have the width that theory gives, show that clips of a source are alike, and hold each resample's metric."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluate.bootstrap import (
    RankedScores,
    mean_by_class,
    mean_of_all,
    mean_of_bonafide,
    mean_of_spoof,
    percentile_interval,
    resampled_figures,
    resampled_pair,
)
from workbench.evaluate.metrics import auc, eer


def mean_interval(values, sources, seed=3, n=1000):
    figures = resampled_figures({"it": mean_of_bonafide(values)}, (sources, []), np.random.default_rng(seed), n=n)
    return percentile_interval(float(np.mean(values)), figures["it"])


def test_the_interval_of_a_mean_has_the_known_width(rng):
    """100 sources of one clip, unit variance: 95 % within 1.96 / 10 of it, and the same for the same seed."""
    values, sources = rng.normal(0, 1, 100), [f"s{i}" for i in range(100)]
    values = (values - values.mean()) / values.std()
    found = mean_interval(values, sources, n=1000)
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 / 10, rel=0.1)
    assert mean_interval(values, sources, n=20) == mean_interval(values, sources, n=20)


def test_clips_of_few_sources_widen_the_interval(rng):
    """Sources differ by more than the clips in them: drawing sources must show it."""
    values = np.repeat(rng.normal(0, 1, 8), 50) + 0.1 * rng.normal(0, 1, 400)
    each, few = (mean_interval(values, [f"s{i // size}" for i in range(400)], n=100) for size in (1, 50))
    assert few.high - few.low > 3 * (each.high - each.low)


def test_a_draw_without_a_class_is_drawn_again():
    """Drawing 400 sources misses the one that holds spoof in 37 % of draws."""
    groups = ([f"s{i}" for i in range(400)], ["s0"])
    figures = resampled_figures({"it": mean_of_spoof([3.0])}, groups, np.random.default_rng(0), n=20)["it"]
    assert figures.tolist() == [3.0] * 20


def test_one_class_alone_can_be_resampled_and_none_cannot():
    rng = np.random.default_rng(0)
    drawn = resampled_figures({"rate": mean_of_bonafide([0.0, 1.0])}, (["a", "b"], []), rng, n=200)["rate"]
    assert set(drawn.tolist()) == {0.0, 0.5, 1.0}
    with pytest.raises(ValueError, match="no clips to resample"):
        resampled_figures({}, ([], []), rng)


def test_each_resample_has_the_figures_of_its_clips(rng):
    """Overlapping classes, rounded so that many scores are equal."""
    target, other = np.round(rng.normal(0.6, 1, 60), 1), np.round(rng.normal(-0.6, 1, 90), 1)
    counts = rng.integers(0, 4, (20, 60)).astype(np.uint16), rng.integers(0, 4, (20, 90)).astype(np.uint16)
    ranked = RankedScores(target, other)
    drawn = [(np.repeat(target, a), np.repeat(other, b)) for a, b in zip(*counts, strict=True)]
    assert ranked.eer(*counts).tolist() == [eer(*pair)[0] for pair in drawn]
    assert ranked.auc(*counts) == pytest.approx([auc(*pair) for pair in drawn], abs=1e-12)


def test_two_scorings_share_their_resamples(rng):
    scores = rng.normal(1, 1, 40), rng.normal(-1, 1, 40)
    sources = [f"s{i % 5}" for i in range(40)]
    values, figures = resampled_pair([scores, scores], (sources, sources), rng, n=30)
    assert values["eer 0"] == values["eer 1"] == eer(*scores)[0]
    assert figures["auc 0"].tolist() == figures["auc 1"].tolist()


def test_apcer_at_given_bpcers_by_hand():
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
