"""The tandem cost against cases worked by hand, and a verifier's score file."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import EvaluationError
from workbench.evaluate.tdcf import AsvOperatingPoint, min_tdcf, read_asv_operating_point


def write(tmp_path, lines):
    path = tmp_path / "asv.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_operating_point_by_hand(tmp_path):
    """Targets 1 to 4, others -1 to 2: at the equal error threshold one of four errs on each side."""
    lines = [f"- target {x}" for x in (1, 2, 3, 4)] + [f"- nontarget {x}" for x in (-1, 0, 0.5, 2)]
    lines += [f"A07 spoof {x}" for x in (-5, 1.5, 3, 9)]
    found = read_asv_operating_point(write(tmp_path, lines))
    assert (found.p_miss, found.p_false_alarm, found.p_miss_spoof) == (0.25, 0.25, 0.5)


def test_a_line_that_does_not_fit_is_named(tmp_path):
    with pytest.raises(EvaluationError, match=r"line 2: expected ATTACK KEY SCORE.*got 'A07 bonafide 1'"):
        read_asv_operating_point(write(tmp_path, ["- target 1", "A07 bonafide 1"]))
    with pytest.raises(EvaluationError, match=r"line 1: .*got 'A07 spoof nan'"):
        read_asv_operating_point(write(tmp_path, ["A07 spoof nan"]))


def test_a_key_without_scores_is_named(tmp_path):
    with pytest.raises(EvaluationError, match="no scores of nontarget and spoof"):
        read_asv_operating_point(write(tmp_path, ["- target 1", ""]))
    with pytest.raises(EvaluationError, match=r"gone.txt: cannot read"):
        read_asv_operating_point(tmp_path / "gone.txt")


def test_min_tdcf_worked_by_hand():
    """A verifier that misses 5 %, accepts 2 % of others and rejects 30 % of spoofs:

    C1 = 0.9405 (1 - 0.05) - 0.0095 * 10 * 0.02 = 0.891575; C2 = 10 * 0.05 * 0.7 = 0.35. At threshold 2 no bona fide
    is missed and half the spoof accepted: 0.175 / 0.35 = 0.5.
    """
    asv = AsvOperatingPoint(p_miss=0.05, p_false_alarm=0.02, p_miss_spoof=0.3)
    assert min_tdcf([2, 4], [1, 3], asv) == pytest.approx(0.5)
    assert min_tdcf([3, 4], [1, 2], asv) == 0.0
    # With nearly all spoofs rejected by the verifier, C2 = 0.005: accepting every trial costs 0.005 / 0.005.
    strict = AsvOperatingPoint(p_miss=0.05, p_false_alarm=0.02, p_miss_spoof=0.99)
    assert min_tdcf([1, 1], [1, 1], strict) == pytest.approx(1.0)


def test_min_tdcf_refuses_a_verifier_that_nothing_can_help():
    with pytest.raises(ValueError, match="t-DCF weights must be positive"):
        min_tdcf([1], [0], AsvOperatingPoint(p_miss=1.0, p_false_alarm=0.5, p_miss_spoof=0.1))


def test_min_tdcf_is_the_cheapest_of_all_tandem_decisions(rng):
    """Cost counted event by event over every threshold, as the definition says: who is let in, who is turned away."""
    bonafide, spoof = rng.normal(1, 1, 40), rng.normal(0, 1, 30)
    asv = AsvOperatingPoint(p_miss=0.1, p_false_alarm=0.05, p_miss_spoof=0.4)

    def tandem(threshold):
        passes, accepted = np.mean(bonafide >= threshold), np.mean(spoof >= threshold)
        target_refused = 0.9405 * (1 - passes * (1 - 0.1))
        impostor_let_in = 0.0095 * 10 * passes * 0.05
        return target_refused + impostor_let_in + 0.05 * 10 * accepted * (1 - 0.4)

    costs = [tandem(threshold) for threshold in (-np.inf, *bonafide, *spoof, np.inf)]
    # Normalised by the cheaper of accepting and rejecting all, each without the verifier's own errors.
    verifier = 0.9405 * 0.1 + 0.0095 * 10 * 0.05
    expected = (min(costs) - verifier) / (min(tandem(-np.inf), tandem(np.inf)) - verifier)
    assert min_tdcf(bonafide, spoof, asv) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"p_miss": 5.0}, r"p_miss is a fraction in \[0, 1\]; got 5.0"),
        ({"prior_target": 0.5}, "the priors of spoof, target and nontarget sum to 1; got 0.5595"),
    ],
)
def test_rates_in_percent_and_priors_that_do_not_add_up_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        AsvOperatingPoint(**{"p_miss": 0.05, "p_false_alarm": 0.02, "p_miss_spoof": 0.3, **values})
