"""Two models are told apart when they differ, and not when they do not."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.manifest import Row
from workbench.evaluate.comparison import bootstrap_p, compare, delong_p, mcnemar_p
from workbench.evaluate.groups import standard_groups
from workbench.evaluate.trials import Trial


def trials(bonafide, spoof):
    """Twenty sources of clips that have these scores."""
    made = []
    for label, scores in (("bonafide", bonafide), ("spoof", spoof)):
        for index, score in enumerate(scores):
            row = Row(f"{label}{index}", label=label, source_repo=f"s{index % 20}")
            made.append(Trial(row, "uncertain", None if score is None else float(score)))
    return made


ALL = standard_groups([])[:1]


def test_a_model_does_not_differ_from_itself(rng):
    mine = trials(rng.normal(1, 1, 60), rng.normal(-1, 1, 60))
    (found,) = compare(mine, mine, ALL)
    assert (found.eer_difference.value, found.eer_difference.low, found.eer_difference.high) == (0.0, 0.0, 0.0)
    assert (found.eer_p, found.auc_p, found.delong_p, found.mcnemar_p) == (1.0, 1.0, 1.0, 1.0)
    assert (found.first_only, found.other_only) == (0, 0)


def test_a_better_model_is_found(rng):
    good = trials(rng.normal(2, 1, 100), rng.normal(-2, 1, 100))
    bad = trials(rng.normal(0.2, 1, 100), rng.normal(-0.2, 1, 100))
    (found,) = compare(good, bad, ALL)
    assert found.eer_difference.high < 0 < found.auc_difference.low
    assert max(found.eer_p, found.auc_p, found.delong_p, found.mcnemar_p) < 0.01
    assert found.first_only > found.other_only
    (turned,) = compare(bad, good, ALL)
    assert turned.eer_difference.value == -found.eer_difference.value
    assert turned.delong_p == pytest.approx(found.delong_p)


def test_only_clips_with_both_scores_count(rng):
    whole = trials(rng.normal(1, 1, 10), rng.normal(-1, 1, 10))
    gaps = trials([None] * 3 + [1.0] * 7, [-1.0] * 10)
    (found,) = compare(whole, gaps, ALL)
    assert (found.bonafide, found.spoof) == (7, 10)
    assert compare(whole, trials([None] * 6 + [1.0] * 4, [-1.0] * 10), ALL) == []


def test_mcnemar_by_hand():
    """Of 12 discordant clips 2 or fewer on one side: 2 (1 + 12 + 66) / 4096."""
    assert mcnemar_p(10, 2) == mcnemar_p(2, 10) == pytest.approx(2 * 79 / 4096)
    assert mcnemar_p(3, 3) == mcnemar_p(0, 0) == 1.0


def test_delong_keeps_its_level_and_sees_the_pairing(rng):
    """Of models that are equally good, one in twenty is called different; shared luck makes the test sharper."""
    called = 0
    for _ in range(300):
        shared = rng.normal(1, 1, 60), rng.normal(-1, 1, 60)
        pair = [tuple(side + rng.normal(0, 1, 60) for side in shared) for _ in range(2)]
        called += delong_p(*pair) < 0.05
    assert 3 <= called <= 30
    base = rng.normal(0.5, 1, 200), rng.normal(-0.5, 1, 200)
    shifted = tuple(0.8 * np.sign(m) + (side - m) for side, m in zip(base, (0.5, -0.5), strict=True))
    apart = tuple(rng.permutation(side) for side in shifted)
    assert delong_p(base, shifted) < delong_p(base, apart)


def test_bootstrap_p_by_hand():
    assert bootstrap_p(np.arange(1.0, 100.0)) == pytest.approx(0.02)
    assert bootstrap_p(np.array([-1.0, 1.0, 1.0, 1.0])) == pytest.approx(0.8)
    assert bootstrap_p(np.zeros(10)) == 1.0
