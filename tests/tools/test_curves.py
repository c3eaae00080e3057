"""What a doubling gains, from points whose line is known."""

from __future__ import annotations

import math

import pytest
from curves import Curve, Gain, Point, without_repetition


def point(limit, counts, auc, clips=100.0):
    return Point(limit, tuple(counts), clips, {"auc": tuple(auc)})


def test_the_gain_is_the_slope_a_doubling_with_its_error_over_repeats():
    """Two repeats on exact lines, of 0.02 and of 0.06 a doubling: mean 0.04, error 0.028 / sqrt 2."""
    points = tuple(
        point(str(size), (size, 3 * size), (0.5 + 0.02 * math.log2(size), 0.4 + 0.06 * math.log2(size)))
        for size in (2, 4, 16)
    )
    gain = Curve("sources", "sources", points).gain("auc")
    assert gain.mean == pytest.approx(0.04)
    assert gain.error == pytest.approx(0.02)
    assert not gain.is_sure
    assert Gain(-0.041, 0.02).is_sure


def test_the_line_is_that_of_least_squares():
    """Over log2 of 1, 2 and 3 the values 0, 0, 1 have the slope (1 x 1 + 0 x 0 - ...) = 0.5."""
    points = tuple(point("", (2**power,), (value,)) for power, value in ((1, 0.0), (2, 0.0), (3, 1.0)))
    gain = Curve("sources", "sources", points).gain("auc")
    assert gain.mean == pytest.approx(0.5)
    assert math.isnan(gain.error)
    assert not gain.is_sure


def test_the_last_doubling_starts_at_the_point_nearest_to_half():
    values = ((10, 0.5), (20, 0.7), (45, 0.8), (60, 0.81), (80, 0.83))
    points = tuple(point("", (count,), (value,)) for count, value in values)
    last = Curve("sources", "sources", points).last_doubling("auc")
    assert last.mean == Curve("sources", "sources", points[2:]).gain("auc").mean
    assert 0.02 < last.mean < 0.05


def test_one_size_has_no_slope():
    curve = Curve("attacks", "attacks", (point("all", (3.0, 3.0), (0.7, 0.8)),))
    assert math.isnan(curve.gain("auc").mean)
    assert math.isnan(curve.last_doubling("auc").mean)
    assert curve.to_dict()["gain_per_doubling"] == {"auc": {"mean": None, "error": None}}


def test_limits_that_took_nothing_away_are_dropped_and_all_stays():
    points = [
        point("5", (4.0, 4.0), (0.6, 0.7)),
        point("40", (9.0, 8.0), (0.7, 0.8)),
        point("all", (9.0, 8.0), (0.7, 0.8)),
    ]
    assert [kept.limit for kept in without_repetition(points)] == ["5", "all"]


def test_points_say_mean_and_deviation_over_repeats():
    found = point("5", (4.0, 6.0), (0.6, 0.8))
    assert found.count == 5.0
    assert found.mean("auc") == pytest.approx(0.7)
    assert found.deviation("auc") == pytest.approx(0.2 / math.sqrt(2))
    assert point("5", (4.0,), (0.6,)).deviation("auc") == 0.0
    curve = Curve("clips", "clips", (found, point("all", (8.0, 12.0), (0.7, 0.8), clips=200.0)))
    record = curve.to_dict()
    assert record["points"][0] == {
        "limit": "5",
        "count": 5.0,
        "clips": 100.0,
        "auc": {"mean": pytest.approx(0.7), "each": [0.6, 0.8]},
    }
    assert record["gain_per_doubling"]["auc"] == {"mean": pytest.approx(0.05), "error": pytest.approx(0.05)}
