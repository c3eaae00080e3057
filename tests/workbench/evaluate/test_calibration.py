"""Calibration gives log-likelihood ratios; thresholds keep the error rates that they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import QuantizeError
from workbench.evaluate.calibration import cllr, fit_calibration, threshold_at_apcer, threshold_at_bpcer


def test_calibration_recovers_the_log_likelihood_ratio_of_gaussians(rng):
    """For unit Gaussians at +1 and -1 the log-likelihood ratio of x is 2 x."""
    found = fit_calibration(rng.normal(1, 1, 50_000), rng.normal(-1, 1, 20_000))
    assert found.scale == pytest.approx(2.0, rel=0.03)
    assert found.offset == pytest.approx(0.0, abs=0.04)


def test_calibration_lowers_cllr_and_does_not_reorder(rng):
    bonafide, spoof = 10 + 5 * rng.normal(1, 1, 500), 10 + 5 * rng.normal(-1, 1, 500)
    found = fit_calibration(bonafide, spoof)
    assert cllr(found.apply(bonafide), found.apply(spoof)) < min(1.0, cllr(bonafide, spoof))
    assert found.scale > 0


def test_calibration_the_wrong_way_round_is_refused(rng):
    with pytest.raises(QuantizeError, match="the model does not tell bona fide from spoof"):
        fit_calibration(rng.normal(-1, 1, 100), rng.normal(1, 1, 100))


def test_cllr_of_known_values():
    """Zero everywhere says nothing: 1 bit. Certain and right: 0."""
    assert cllr([0, 0], [0]) == pytest.approx(1.0)
    assert cllr([50, 50], [-50]) == pytest.approx(0.0, abs=1e-12)


def test_thresholds_keep_the_rates_they_are_asked_for():
    scores = np.arange(100.0)
    threshold = threshold_at_bpcer(scores, 0.02)
    assert (scores < threshold).mean() == 0.02
    threshold = threshold_at_apcer(scores, 0.05)
    assert (scores > threshold).mean() == 0.05


def test_no_rate_loses_a_clip_to_binary_fractions():
    """0.29 * 100 is a little less than 29."""
    scores = np.arange(100.0)
    assert [(scores < threshold_at_bpcer(scores, count / 100)).sum() for count in range(100)] == list(range(100))


def test_unequal_classes_count_alike(rng):
    """Ten times as many bona fide clips do not move the log-likelihood ratio, only the posterior."""
    bonafide, spoof = rng.normal(1, 1, 40_000), rng.normal(-1, 1, 40_000)
    few = fit_calibration(bonafide[:4000], spoof)
    assert few.scale == pytest.approx(fit_calibration(bonafide, spoof).scale, rel=0.05)
    assert few.offset == pytest.approx(0.0, abs=0.08)


def test_separable_raw_score_still_gives_a_finite_scale():
    found = fit_calibration(np.arange(1.0, 50.0), -np.arange(1.0, 50.0))
    assert 0 < found.scale < 100


def test_without_a_class_or_with_broken_raw_score_there_is_no_calibration():
    with pytest.raises(QuantizeError, match="needs dev clips of both classes; got 0 bona fide and 1 spoof"):
        fit_calibration([], [1.0])
    with pytest.raises(QuantizeError, match="1 of 3 dev clips have no finite raw score"):
        fit_calibration([1.0, np.nan], [0.0])
    with pytest.raises(ValueError, match="no scores to set a threshold by"):
        threshold_at_apcer([], 0.1)
