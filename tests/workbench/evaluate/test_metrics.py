"""Detection metrics against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluate.metrics import auc, det_curve, eer, min_dcf


def test_det_curve_of_four_trials():
    """bona fide 2, 4; spoof 1, 3. At threshold 3: one of two bona fide missed, one of two spoof accepted."""
    curve = det_curve([2, 4], [1, 3])
    assert curve.thresholds.tolist() == [-np.inf, 1, 2, 3, 4, np.inf]
    assert curve.bpcer.tolist() == [0, 0, 0, 0.5, 0.5, 1]
    assert curve.apcer.tolist() == [1, 1, 0.5, 0.5, 0, 0]


@pytest.mark.parametrize(
    ("bonafide", "spoof", "expected"),
    [
        ([2, 4], [1, 3], 0.5),
        ([3, 4], [1, 2], 0.0),
        ([1, 2], [3, 4], 1.0),
        ([1, 1], [1, 1], 0.5),
        # Threshold 4 rejects one of four bona fide and accepts one of four spoof.
        ([3, 5, 6, 7], [0, 1, 2, 4], 0.25),
        # Misses go 0, 1/3 while acceptances go 1/2, 0: the lines cross where 1/2 - t/2 = t/3, at t = 3/5.
        ([2, 3, 4], [1, 2], 0.2),
    ],
)
def test_eer_worked_by_hand(bonafide, spoof, expected):
    assert eer(bonafide, spoof)[0] == pytest.approx(expected)


def test_eer_does_not_depend_on_scale_or_order(rng):
    bonafide, spoof = rng.normal(1, 1, 300), rng.normal(0, 1, 200)
    assert eer(np.exp(bonafide[::-1]), np.exp(spoof))[0] == pytest.approx(eer(bonafide, spoof)[0])


def test_eer_of_two_gaussians_is_the_known_one(rng):
    """Means d' = 2 apart: EER = Phi(-1) = 15.87 %."""
    rate = eer(rng.normal(2, 1, 200_000), rng.normal(0, 1, 200_000))[0]
    assert rate == pytest.approx(0.1587, abs=0.003)


def test_auc_counts_pairs_and_half_of_ties():
    """Of 3 x 2 pairs: 2>1, 3>1, 4>1, 3>2, 4>2 won, 2=2 tied."""
    assert auc([2, 3, 4], [1, 2]) == pytest.approx(5.5 / 6)


@pytest.mark.parametrize("metric", [eer, auc])
def test_a_missing_class_or_nan_is_refused(metric):
    with pytest.raises(ValueError, match="no spoof scores; a detection metric needs both classes"):
        metric([1.0], [])
    with pytest.raises(ValueError, match="1 of 2 bona fide scores are NaN"):
        metric([1.0, np.nan], [0.0])


def test_min_dcf_worked_by_hand():
    """Weights 0.95 and 0.5; at threshold 2 no miss and half accepted: 0.25 / 0.5; at 4 half missed: 0.475 / 0.5."""
    assert min_dcf([2, 4], [1, 3]) == pytest.approx(0.5)
    assert min_dcf([3, 4], [1, 2]) == 0.0
    assert min_dcf([1, 1], [1, 1]) == pytest.approx(1.0)


@pytest.mark.parametrize("metric", [lambda b, s: eer(b, s)[0], auc, min_dcf])
def test_metrics_do_not_depend_on_a_rising_transform(rng, metric):
    bonafide, spoof = rng.normal(1, 1, 60), rng.normal(0, 1, 50)
    assert metric(np.arctan(bonafide), np.arctan(spoof)) == pytest.approx(metric(bonafide, spoof))


def test_swapping_the_classes_mirrors_auc_and_keeps_eer_of_mirrored_scores(rng):
    bonafide, spoof = rng.normal(1, 1, 60), rng.normal(0, 1, 50)
    assert auc(spoof, bonafide) == pytest.approx(1 - auc(bonafide, spoof))
    assert eer(-spoof, -bonafide)[0] == pytest.approx(eer(bonafide, spoof)[0])


def test_the_threshold_of_the_eer_gives_its_rates(rng):
    bonafide, spoof = rng.normal(1, 1, 500), rng.normal(0, 1, 500)
    rate, threshold = eer(bonafide, spoof)
    assert np.mean(bonafide < threshold) == pytest.approx(rate, abs=0.003)
    assert np.mean(spoof >= threshold) == pytest.approx(rate, abs=0.003)


def test_the_examples_of_the_metrics_hold():
    import doctest

    from workbench.evaluate import metrics

    assert doctest.testmod(metrics).failed == 0
