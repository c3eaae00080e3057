"""Which filters a head keeps."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.train.choice import choose_filters
from workbench.train.ridge import weigh_rows

OWNER = np.tile(np.arange(20), 2)


def rows_of(rng, useful, strength=1.0):
    """600 clips of one source; of 20 filters with two statistics each, those in ``useful`` tell the class."""
    bonafide = np.arange(600) % 2 == 0
    statistics = rng.standard_normal((600, 40))
    statistics[:, np.isin(OWNER, useful)] += strength * np.where(bonafide, 0.5, -0.5)[:, None]
    return weigh_rows(statistics.astype(np.float32), bonafide, ["a"] * 600)


def test_the_filters_that_tell_the_classes_apart_are_kept_in_their_order(rng):
    kept = choose_filters(rows_of(rng, [2, 3, 7, 11, 19]), OWNER, [(range(20), 5)], 0.3)
    assert kept.tolist() == [2, 3, 7, 11, 19]


def test_each_kind_keeps_its_own_number(rng):
    """All useful filters are of the first kind; the second still keeps what it is to have."""
    kept = choose_filters(rows_of(rng, [0, 1, 2, 3, 4]), OWNER, [(range(10), 3), (range(10, 20), 4)], 0.3)
    assert (kept < 5).sum() == 3
    assert (kept >= 10).sum() == 4
    assert len(kept) == 7


def test_of_two_filters_that_say_the_same_the_rounds_leave_out_one(rng):
    """Weights of a pair share the work, so ranking once would drop both for a weaker one that stands alone."""
    rows = rows_of(rng, [0, 5], strength=2.0)
    values = rows.values.copy()
    values[:, [1, 21]] = values[:, [0, 20]] + 0.01 * rng.standard_normal((600, 2)).astype(np.float32)
    rows = type(rows)(values, rows.target, rows.mean, rows.deviation, rows.centre)
    kept = choose_filters(rows, OWNER, [(range(20), 2)], 0.01)
    assert 5 in kept
    assert len({0, 1} & set(kept.tolist())) == 1


def test_nothing_is_left_out_where_all_are_wanted(rng):
    assert choose_filters(rows_of(rng, [1]), OWNER, [(range(12), 12), (range(12, 20), 8)], 0.3).tolist() == [*range(20)]
