"""Detection metrics against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.calibration import cllr, fit_calibration, threshold_at_false_alarm, threshold_at_miss
from workbench.errors import QuantizeError
from workbench.intervals import bootstrap_interval
from workbench.metrics import AsvOperatingPoint, auc, det_curve, eer, min_dcf, min_tdcf


def test_det_curve_of_four_trials():
    """bona fide 2, 4; spoof 1, 3. At threshold 3: one of two bona fide missed, one of two spoof accepted."""
    curve = det_curve([2, 4], [1, 3])
    assert curve.thresholds.tolist() == [-np.inf, 1, 2, 3, 4, np.inf]
    assert curve.miss_rate.tolist() == [0, 0, 0, 0.5, 0.5, 1]
    assert curve.false_accept_rate.tolist() == [1, 1, 0.5, 0.5, 0, 0]


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


def test_min_tdcf_worked_by_hand():
    """A verifier that misses 5 %, accepts 2 % of others and rejects 30 % of spoofs:

    C1 = 0.9405 (1 - 0.05) - 0.0095 * 10 * 0.02 = 0.891575; C2 = 10 * 0.05 * 0.7 = 0.35. At threshold 2 no bona fide
    is missed and half the spoof accepted: 0.175 / 0.35 = 0.5.
    """
    asv = AsvOperatingPoint(miss_rate=0.05, false_alarm_rate=0.02, spoof_miss_rate=0.3)
    assert min_tdcf([2, 4], [1, 3], asv) == pytest.approx(0.5)
    assert min_tdcf([3, 4], [1, 2], asv) == 0.0
    # With nearly all spoofs rejected by the verifier, C2 = 0.005: accepting every trial costs 0.005 / 0.005.
    strict = AsvOperatingPoint(miss_rate=0.05, false_alarm_rate=0.02, spoof_miss_rate=0.99)
    assert min_tdcf([1, 1], [1, 1], strict) == pytest.approx(1.0)


def test_min_tdcf_refuses_a_verifier_that_nothing_can_help():
    with pytest.raises(ValueError, match="t-DCF weights must be positive"):
        min_tdcf([1], [0], AsvOperatingPoint(miss_rate=1.0, false_alarm_rate=0.5, spoof_miss_rate=0.1))


def test_bootstrap_interval_holds_the_value_and_has_the_known_width(rng):
    """The mean of 400 draws of unit variance: 95 % within 1.96 / 20 of it."""
    values = rng.normal(0, 1, 400)
    found = bootstrap_interval(lambda b, s: float(b.mean()), values, values, rng, n=2000)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 / 20, rel=0.1)


def test_clips_of_few_sources_widen_the_interval(rng):
    """Sources differ by more than the clips in them: drawing sources must show it."""
    sources = [f"s{i}" for i in range(8) for _ in range(50)]
    values = np.repeat(rng.normal(0, 1, 8), 50) + 0.1 * rng.normal(0, 1, 400)
    mean = lambda b, s: float(b.mean())  # noqa: E731
    plain = bootstrap_interval(mean, values, values, rng)
    grouped = bootstrap_interval(mean, values, values, rng, groups=(sources, sources))
    assert grouped.high - grouped.low > 3 * (plain.high - plain.low)


def test_bootstrap_needs_both_classes(rng):
    with pytest.raises(ValueError, match="got 0 bona fide and 1 spoof"):
        bootstrap_interval(lambda b, s: 0.0, [], [1.0], rng)


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
    threshold = threshold_at_false_alarm(scores, 0.02)
    assert (scores < threshold).mean() == 0.02
    threshold = threshold_at_miss(scores, 0.05)
    assert (scores > threshold).mean() == 0.05
