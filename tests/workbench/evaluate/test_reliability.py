"""Calibration figures against hand-computed ones and against what theory says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from workbench.evaluate.reliability import (
    cllr,
    expected_calibration_error,
    min_cllr,
    pav_curve,
    reliability_bins,
)


def gaussian_llr(rng, n):
    """Log-likelihood ratios of two unit normals 2 apart: x -> 2 x, calibrated by construction."""
    return 2 * rng.normal(1, 1, n), 2 * rng.normal(-1, 1, n)


def test_pav_pools_what_is_in_the_wrong_order_by_hand():
    """Ascending: spoof, bona fide, spoof, bona fide; the middle two are pooled to a half."""
    curve = pav_curve([1.0, 3.0], [0.0, 2.0])
    assert curve.scores.tolist() == [0.0, 1.0, 3.0]
    assert curve.probability.tolist() == [0.0, 0.5, 1.0]


def test_pav_gives_each_class_half_the_weight():
    """One bona fide clip weighs as much as three spoof ones at the same score."""
    assert pav_curve([0.0], [0.0, 0.0, 0.0]).probability.tolist() == [0.5]


def test_pav_never_falls(rng):
    curve = pav_curve(rng.normal(0.2, 1, 200), rng.normal(0, 1, 300))
    assert (np.diff(curve.probability) > 0).all()
    assert (np.diff(curve.scores) > 0).all()


def test_min_cllr_of_perfect_and_of_reversed_scores():
    assert min_cllr([1.0, 2.0], [-1.0, 0.0]) == 0.0
    assert min_cllr([-1.0, 0.0], [1.0, 2.0]) == pytest.approx(1.0)


def test_min_cllr_is_what_no_monotone_map_can_improve(rng):
    bonafide, spoof = gaussian_llr(rng, 400)
    least = min_cllr(bonafide, spoof)
    assert least < cllr(bonafide, spoof) < cllr(3 * bonafide + 1, 3 * spoof + 1)
    assert min_cllr(3 * bonafide + 1, 3 * spoof + 1) == pytest.approx(least)
    assert min_cllr(np.exp(bonafide / 5), np.exp(spoof / 5)) == pytest.approx(least)


def test_the_calibration_error_finds_scores_that_promise_too_much(rng):
    bonafide, spoof = gaussian_llr(rng, 4000)
    honest = expected_calibration_error(reliability_bins(bonafide, spoof))
    boastful = expected_calibration_error(reliability_bins(4 * bonafide, 4 * spoof))
    shifted = expected_calibration_error(reliability_bins(bonafide + 2, spoof + 2))
    assert honest < 0.02
    assert boastful > 0.05
    assert shifted > 0.1


def test_bins_hold_all_clips_in_parts_of_like_weight(rng):
    bonafide, spoof = gaussian_llr(rng, 500)
    bins = reliability_bins(bonafide, spoof[:100])
    assert sum(part.clips for part in bins) == 600
    assert len(bins) == 10
    assert [part.weight for part in bins] == pytest.approx([0.1] * 10, abs=0.006)
    assert all(a.high < b.low for a, b in pairwise(bins))


def test_one_bin_by_hand():
    """Bona fide at ln 3, said to be 3/4; spoof at 0, said to be 1/2: on the mean 0.625, in fact one of two."""
    (part,) = reliability_bins([np.log(3.0)], [0.0], bins=1)
    assert (part.predicted, part.observed, part.clips) == (pytest.approx(0.625), 0.5, 2)


def test_a_class_that_is_missing_is_named():
    with pytest.raises(ValueError, match="got 1 bona fide and 0 spoof"):
        min_cllr([1.0], [])
    with pytest.raises(ValueError, match="1 of 2 scores are not finite"):
        pav_curve([np.inf, 1.0], [0.0])


def test_cllr_of_known_values():
    """Zero everywhere says nothing: 1 bit. Certain and right: 0."""
    assert cllr([0, 0], [0]) == pytest.approx(1.0)
    assert cllr([50, 50], [-50]) == pytest.approx(0.0, abs=1e-12)
