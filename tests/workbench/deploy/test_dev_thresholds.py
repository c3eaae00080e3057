"""Where a model's calibration and thresholds come from: dev where it is large, caution where it is not."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from edge.contract import Contract
from edge.decision import score_verdict
from workbench.data.manifest import Row
from workbench.deploy import thresholds
from workbench.deploy.thresholds import (
    BOUND_NATS,
    Support,
    calibrated,
    dev_support,
    fit_calibration,
    threshold_at_apcer,
    threshold_at_bpcer,
)
from workbench.errors import QuantizeError
from workbench.evaluate.reliability import cllr


def dev_rows(bonafide, spoof, *, sources, attacks):
    return [Row(f"b{i}", label="bonafide", source_repo=f"s{i % sources}") for i in range(bonafide)] + [
        Row(f"s{i}", label="spoof", attack_id=f"a{i % attacks}", source_repo="s0") for i in range(spoof)
    ]


def contract_of(rows, *raw_scores, further=()):
    raw_scores = [np.asarray(part, np.float32) for part in raw_scores]
    return calibrated(Contract("m", 2560), raw_scores, further, rows, bpcer=0.02, apcer=0.05)


@pytest.fixture
def large(rng):
    rows = dev_rows(400, 300, sources=5, attacks=4)
    return rows, [np.concatenate([rng.normal(3, 2, 400), rng.normal(-3, 2, 300)]).astype(np.float32) for _ in range(2)]


def test_a_large_dev_alone_sets_calibration_and_thresholds(large):
    """In each transmission, and in a further one, at most the asked share of real voices is called spoof."""
    rows, raw_scores = large
    further = raw_scores[0][:400] - 1.0
    contract = contract_of(rows, *raw_scores, further=[further])
    expected = fit_calibration(
        np.concatenate([part[:400] for part in raw_scores]), np.concatenate([part[400:] for part in raw_scores])
    )
    assert (contract.calibration_scale, contract.calibration_offset) == (expected.scale, expected.offset)
    assert contract.thresholds.spoof_below == threshold_at_bpcer(expected.apply(further), 0.02)
    spoof = expected.apply(np.concatenate([part[400:] for part in raw_scores]))
    assert contract.thresholds.bonafide_above == threshold_at_apcer(spoof, 0.05)
    assert contract.thresholds.bpcer == 0.02
    assert contract.thresholds.apcer == 0.05
    assert dev_support(contract.thresholds) == Support(400, 300, 5, 4, separable=False)


@pytest.mark.parametrize(
    ("sizes", "groups"), [((5, 5), (2, 2)), ((60, 80), (1, 2)), ((400, 300), (5, 4))], ids=["ten", "practice", "large"]
)
def test_a_separable_dev_sets_no_bound_of_its_own(rng, sizes, groups):
    """Practice: one language of 60 prompts, two synthetic voices, all of them on their side."""
    rows = dev_rows(*sizes, sources=groups[0], attacks=groups[1])
    raw_score = np.concatenate([rng.normal(9, 1, sizes[0]), rng.normal(-8, 1, sizes[1])])
    contract = contract_of(rows, raw_score)
    scores = contract.calibration_scale * raw_score + contract.calibration_offset
    least, most = BOUND_NATS
    assert -most <= contract.thresholds.spoof_below <= -least
    assert least <= contract.thresholds.bonafide_above <= most
    # Scores are no surer than a source or attack more would have made them.
    typical = np.log(min(groups) + 1)
    assert scores[: sizes[0]].mean() == pytest.approx(typical, rel=0.1)
    assert scores[sizes[0] :].mean() == pytest.approx(-typical, rel=0.1)
    # A voice that the raw scores of dev put clearly among the real ones is never called spoof.
    for other_voice in (2.0, 6.0, 12.0):
        other = contract.calibration_scale * other_voice + contract.calibration_offset
        assert score_verdict(other, contract) != "spoof"
    assert dev_support(contract.thresholds).doubt


def test_a_tiny_dev_with_errors_is_bounded_too(rng):
    rows = dev_rows(20, 20, sources=2, attacks=2)
    contract = contract_of(rows, np.concatenate([rng.normal(1, 2, 20), rng.normal(-1, 2, 20)]))
    assert contract.thresholds.spoof_below < 0 < contract.thresholds.bonafide_above


def test_clips_without_a_score_support_nothing():
    rows = dev_rows(3, 3, sources=3, attacks=3)
    raw_score = [1.0, 2.0, np.nan, -1.0, np.nan, -3.0]
    support = dev_support(contract_of(rows, raw_score).thresholds)
    assert support == Support(2, 2, 2, 2, separable=True)


def test_speakers_count_where_no_source_is_known():
    rows = [Row(f"{speaker}.wav", speaker_id=speaker) for speaker in "aabc"]
    rows += [Row(f"{attack}.wav", label="spoof", attack_id=attack) for attack in "xy"]
    thresholds = contract_of(rows, [1, 2, 3, 4, -1, -2]).thresholds
    assert (thresholds.dev_sources, thresholds.dev_attacks) == (3, 2)


@pytest.mark.parametrize(
    ("support", "doubt"),
    [
        (Support(30, 30, 3, 3, separable=False), ""),
        (Support(30, 29, 3, 3, separable=False), "it has 29 spoof clips (at least 30 needed)"),
        (Support(99, 99, 1, 2, separable=True), "it has 1 source (at least 3 needed) and 2 attacks (at least 3)"),
        (Support(99, 99, 9, 9, separable=True), "none of its clips is on the wrong side"),
    ],
)
def test_a_dev_that_is_too_small_says_why(support, doubt):
    assert support.doubt == doubt


def test_a_model_that_states_no_counts_is_not_doubted():
    assert dev_support(Contract("m", 2560).thresholds) is None


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
    with pytest.raises(QuantizeError, match="the model does not separate bona fide from spoof"):
        fit_calibration(rng.normal(-1, 1, 100), rng.normal(1, 1, 100))


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


def test_the_examples_of_the_thresholds_hold():
    assert doctest.testmod(thresholds).failed == 0
