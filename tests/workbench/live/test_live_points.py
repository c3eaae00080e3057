"""Operating points are nested, keep their rate of false alarms, and are stated from sources not chosen on."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from edge.contract import Contract, OperatingPoint
from workbench.data.manifest import Row
from workbench.errors import EvaluationError
from workbench.live import points as points_module
from workbench.live.calls import Call, Trace
from workbench.live.points import (
    alarm_delay_s,
    alarm_ends,
    best_points,
    bound_for,
    choose_points,
    measure_points,
    outcome,
    smooth,
    smoothed_alarms,
    split_sources,
    state,
    summarise,
    with_bound,
)

CHUNK = 4096
MINUTE = 234
CONTRACT = Contract(name="test", chunk_samples=CHUNK)
POINT = OperatingPoint("plain", 0.0, -1.0, -0.5, 1.0, 0.0, 10.0)


def trace(values, *, fake_from=None, frames=16.0, name="call", source="one"):
    row = Row("a.wav", source_repo=source)
    ends = CHUNK * np.arange(1, len(values) + 1)
    call = Call(name, (row,), (row,) if fake_from is not None else ())
    at = int(ends[-1]) if fake_from is None else fake_from * CHUNK
    return Trace(call, "clean", np.array(values, float), np.full(len(values), frames), ends, at)


def measure(contract, point, genuine, invaded):
    return measure_points(replace(contract, operating_points=(point,)), genuine, invaded)[0].figures


def walk(rng, mean, count):
    """Scores that wander about their mean, as running statistics do."""
    noise = rng.standard_normal(count + 60)
    return mean + np.convolve(noise, np.ones(20) / np.sqrt(20.0), "valid")[:count]


def calls(rng, sources, each, *, fake_mean=None):
    made = []
    for source, index in itertools.product(sources, range(each)):
        values, fake_from = walk(rng, 2.0, MINUTE), None
        if fake_mean is not None:
            fake_from = MINUTE // 2
            values[fake_from:] = walk(rng, fake_mean, MINUTE - fake_from)
        made.append(trace(values, fake_from=fake_from, frames=12.0, name=f"{source}/{index}", source=source))
    return made


@pytest.fixture
def traces(rng):
    sources = [f"s{index}" for index in range(6)]
    return calls(rng, sources, 8), calls(rng, sources, 3, fake_mean=-2.0)


def test_the_delay_counts_fake_speech_up_to_the_alarm():
    """Ten chunks of a real person, then fake; the score falls in the third fake chunk: 3 x 0.256 s of fake speech."""
    for frames, chunk_s in ((16.0, 0.256), (8.0, 0.128)):
        call = outcome(trace([2.0] * 12 + [-2.0] * 5, fake_from=10, frames=frames), CONTRACT, POINT)
        assert call.delay_s == pytest.approx(3 * chunk_s)


def test_an_alarm_before_the_fake_voice_does_not_count_as_noticing_it():
    call = outcome(trace([2.0] * 5 + [-2.0] * 3 + [2.0] * 12, fake_from=10), CONTRACT, POINT)
    assert (call.alarms, call.delay_s) == (1, math.inf)


def test_false_alarms_are_counted_by_hours_of_speech():
    genuine = [trace([2.0] * 5 + [-2.0] * 3 + [2.0] * 50), trace([2.0] * 58)]
    figures = measure(CONTRACT, POINT, genuine, [])
    assert figures.false_alarms == 1
    assert figures.genuine_speech_h == pytest.approx(2 * 58 * 0.256 / 3600)
    assert figures.false_alarms_per_h == pytest.approx(1 / figures.genuine_speech_h)
    assert (figures.calls, figures.caught_share, figures.delay_median_s) == (0, None, None)


def test_a_delay_that_too_few_calls_reached_is_not_stated():
    """Of four calls three are caught, after one, two and three chunks: half by the second, nine tenths never."""
    invaded = [trace([2.0] * (5 + late) + [-2.0] * 3, fake_from=5) for late in (0, 1, 2)]
    figures = measure(CONTRACT, POINT, [], [*invaded, trace([2.0] * 9, fake_from=5)])
    assert figures.caught_share == 0.75
    assert figures.delay_median_s == pytest.approx(2 * 0.256)
    assert (figures.delay_p90_s, figures.false_alarms_per_h) == (None, None)


def test_what_was_measured_is_stated_in_the_point():
    stated = state(POINT, summarise([outcome(trace([2.0] * 1000), CONTRACT, POINT)], []))
    assert (stated.false_alarms_per_h, stated.enter_below) == (0.0, POINT.enter_below)
    assert stated.genuine_speech_h == pytest.approx(0.071)


def test_the_bound_is_the_highest_that_keeps_the_rate(traces):
    genuine, _ = traces
    plain = OperatingPoint("p", 1.0, 0.0, 0.0, 2.0, 1.0, 60.0)
    smoothed = [smooth(each, CONTRACT, 1.0, 2.0) for each in genuine]
    bounds = [bound_for(plain, (), CONTRACT, smoothed, rate) for rate in (20.0, 2.0)]
    assert bounds[0] > bounds[1]
    for rate, bound in zip((20.0, 2.0), bounds, strict=True):
        kept, next_one = (
            measure(CONTRACT, with_bound(plain, at), genuine, []).false_alarms_per_h for at in (bound, bound + 0.05)
        )
        assert kept <= rate < next_one


def test_of_all_ways_that_keep_the_rate_the_soonest_is_taken(traces):
    genuine, invaded = traces
    ways = {way: {id(t): smooth(t, CONTRACT, *way) for t in genuine + invaded} for way in ((1.0, 2.0), (8.0, 2.0))}

    def mean_delay_s(point):
        return np.mean([min(outcome(call, CONTRACT, point).delay_s, 30.0) for call in invaded])

    (point,) = best_points(CONTRACT, genuine, invaded, {"p": 4.0}, ways)
    assert measure(CONTRACT, point, genuine, []).false_alarms_per_h <= 4.0
    for way, hold_s in itertools.product(ways, (0.0, 2.0)):
        other = OperatingPoint("p", way[0], 0.0, 0.0, way[1], hold_s, 60.0)
        other = with_bound(other, bound_for(other, (), CONTRACT, [ways[way][id(t)] for t in genuine], 4.0))
        assert mean_delay_s(point) <= mean_delay_s(other) + 1e-9


def test_alarms_over_smoothed_scores_are_those_of_the_live_decider(traces):
    """For one point and for nested ones, wherever the fake voice begins: the same alarms and the same delay."""
    genuine, invaded = traces
    moved = [replace(call, fake_from=at * CHUNK) for at in (0, 1, 60, 117) for call in invaded[:5]]
    for bound, smoothing_s, hold_s, least_s in ((-1.0, 1.0, 0.0, 2.0), (0.5, 4.0, 1.0, 4.0), (3.0, 0.0, 2.0, 1.0)):
        plain = OperatingPoint("p", smoothing_s, 0.0, 0.0, least_s, hold_s, 20.0)
        nested = (with_bound(plain, bound), replace(with_bound(plain, bound - 1.0), name="q"))
        for points, call in itertools.product((nested[:1], nested), [*genuine[:5], *moved]):
            carrying = replace(CONTRACT, operating_points=points)
            smoothed = smooth(call, CONTRACT, smoothing_s, least_s)
            expected = outcome(call, carrying, points[0])
            assert len(smoothed_alarms(smoothed, CONTRACT, points)) == expected.alarms
            assert alarm_delay_s(smoothed, CONTRACT, points) == pytest.approx(expected.delay_s)


@pytest.mark.slow
def test_points_are_nested_and_stated_across_the_halves(traces, monkeypatch):
    """Where a stricter point alarms, a looser one alarms or has within its cooldown. Each call counts once, on the side
    that did not choose, so the stated rate need not keep the target.
    """
    monkeypatch.setattr(points_module, "SMOOTHINGS_S", (1.0, 4.0))
    monkeypatch.setattr(points_module, "LEAST_SPEECH_S", (2.0,))
    choices = choose_points(CONTRACT, *traces, {"cautious": 20.0, "balanced": 5.0, "quiet": 1.0})
    points = [choice.point for choice in choices]
    assert [point.name for point in points] == ["cautious", "balanced", "quiet"]
    assert len({(point.smoothing_s, point.min_speech_s, point.hold_s, point.cooldown_s) for point in points}) == 1
    for choice in choices:
        hours = sum(call.speech_frames.sum() for call in traces[0]) / CONTRACT.frontend.frames_per_s / 3600
        assert choice.figures.genuine_speech_h == pytest.approx(hours)
        assert choice.figures.calls == len(traces[1])
        assert choice.point.false_alarms_per_h == pytest.approx(choice.figures.false_alarms_per_h, abs=1e-3)
        assert choice.by_transmission["clean"] == choice.figures
    carrying = replace(CONTRACT, operating_points=tuple(points))
    for loose, strict in itertools.pairwise(points):
        assert loose.enter_below >= strict.enter_below
        for call in itertools.chain(*traces):
            found, wanted = (alarm_ends(call, carrying, point) for point in (loose, strict))
            assert all(any(end - 60 * 16000 < other <= end for other in found) for end in wanted)


def test_the_halves_share_no_source_and_are_of_like_length(traces):
    left, right = split_sources([*traces[0], *traces[1]])
    assert not left & right
    assert len(left) == len(right) == 3


def test_too_few_sources_are_refused(rng):
    with pytest.raises(EvaluationError, match=r"in each half of the sources; got .* give a manifest with more sources"):
        choose_points(CONTRACT, calls(rng, ["one"], 3), calls(rng, ["one"], 3, fake_mean=0.0))
