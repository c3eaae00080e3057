"""What is chosen keeps its rate of false alarms, alarms soonest, and is stated from sources it was not chosen on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.contract import Contract, OperatingPoint
from workbench.data.manifest import Row
from workbench.errors import EvaluationError
from workbench.live.calls import Call
from workbench.live.measure import alarm_ends, invaded_outcome, measure
from workbench.live.operating_points import best_point, bound_for, choose_points, smoothings, split_sources, with_bound
from workbench.live.smoothed import alarm_delay_s, smooth, smoothed_alarms
from workbench.live.traces import Trace

CHUNK = 4096
CONTRACT = Contract(name="test", chunk_samples=CHUNK)
MINUTE = 234


def walk(rng, mean, count):
    """Scores that wander about their mean, as running statistics do."""
    noise = rng.standard_normal(count + 60)
    return mean + np.convolve(noise, np.ones(20) / np.sqrt(20.0), "valid")[:count]


def calls(rng, sources, each, *, fake_mean=None):
    made = []
    for source in sources:
        for index in range(each):
            values = walk(rng, 2.0, MINUTE)
            fake_from = MINUTE
            if fake_mean is not None:
                fake_from = MINUTE // 2
                values[fake_from:] = walk(rng, fake_mean, MINUTE - fake_from)
            row = Row("a.wav", source_repo=source)
            call = Call(f"{source}/{index}/{fake_mean}", (row,), (row,) if fake_mean is not None else ())
            ends = CHUNK * np.arange(1, MINUTE + 1)
            made.append(Trace(call, "clean", values, np.full(MINUTE, 12.0), ends, fake_from * CHUNK))
    return made


@pytest.fixture
def traces(rng):
    sources = [f"s{index}" for index in range(6)]
    return calls(rng, sources, 20), calls(rng, sources, 5, fake_mean=-2.0)


def mean_delay_s(point, invaded):
    return np.mean([min(invaded_outcome(trace, CONTRACT, point).delay_s, 30.0) for trace in invaded])


def bound_of(point, genuine, rate):
    smoothed = [smooth(trace, CONTRACT, point.smoothing_s, point.min_speech_s) for trace in genuine]
    return bound_for(point, CONTRACT, smoothed, rate)


def test_the_bound_is_the_highest_that_keeps_the_rate(traces):
    genuine, _ = traces
    plain = OperatingPoint("p", 1.0, 0.0, 0.0, 2.0, 1.0, 60.0)
    bounds = [bound_of(plain, genuine, rate) for rate in (20.0, 2.0)]
    assert bounds[0] > bounds[1]
    for rate, bound in zip((20.0, 2.0), bounds, strict=True):
        kept, next_one = (
            measure(CONTRACT, with_bound(plain, at), genuine, []).false_alarms_per_h for at in (bound, bound + 0.05)
        )
        assert kept <= rate < next_one


def test_of_all_that_keep_the_rate_the_soonest_is_taken(traces):
    genuine, invaded = traces
    ways = [[smoothings(trace, CONTRACT) for trace in side] for side in traces]
    point = best_point("p", CONTRACT, *ways, 4.0)
    assert measure(CONTRACT, point, genuine, []).false_alarms_per_h <= 4.0
    for smoothing_s, hold_s in ((1.0, 0.0), (8.0, 2.0)):
        other = replace(point, smoothing_s=smoothing_s, hold_s=hold_s)
        other = with_bound(other, bound_of(other, genuine, 4.0))
        assert mean_delay_s(point, invaded) <= mean_delay_s(other, invaded)


@pytest.mark.parametrize("fake_from", [0, 1, 60, 117])
def test_the_short_way_over_smoothed_scores_decides_as_the_live_decider_does(traces, fake_from):
    """Whatever the point: the same alarms, and the same delay to the last digit but rounding."""
    genuine, invaded = traces
    for trace in [*genuine[:5], *(replace(trace, fake_from=fake_from * CHUNK) for trace in invaded[:10])]:
        for bound, smoothing_s, hold_s, least_s in ((-1.0, 1.0, 0.0, 2.0), (0.5, 4.0, 1.0, 4.0), (3.0, 0.0, 2.0, 1.0)):
            point = with_bound(OperatingPoint("p", smoothing_s, 0.0, 0.0, least_s, hold_s, 20.0), bound)
            smoothed = smooth(trace, CONTRACT, smoothing_s, least_s)
            assert smoothed_alarms(smoothed, CONTRACT, point) == alarm_ends(trace, CONTRACT, point)
            expected = invaded_outcome(trace, CONTRACT, point).delay_s
            assert alarm_delay_s(smoothed, CONTRACT, point) == pytest.approx(expected)


def test_what_is_stated_was_measured_across_the_halves(traces):
    """Each call counts once, on the side that did not choose; so the stated rate need not keep the target."""
    choices = choose_points(CONTRACT, *traces, {"cautious": 10.0, "quiet": 1.0})
    assert [choice.point.name for choice in choices] == ["cautious", "quiet"]
    for choice in choices:
        hours = sum(trace.speech_frames.sum() for trace in traces[0]) / CONTRACT.frontend.frames_per_s / 3600
        assert choice.figures.genuine_speech_h == pytest.approx(hours)
        assert choice.figures.calls == len(traces[1])
        assert choice.point.false_alarms_per_h == pytest.approx(choice.figures.false_alarms_per_h, abs=1e-3)
        assert choice.by_transmission["clean"] == choice.figures
    assert choices[0].point.enter_below >= choices[1].point.enter_below


def test_the_halves_share_no_source_and_are_of_like_length(traces):
    left, right = split_sources([*traces[0], *traces[1]])
    assert not left & right
    assert len(left) == len(right) == 3


def test_too_few_sources_are_refused(rng):
    with pytest.raises(EvaluationError, match=r"in each half of the sources; got .* give a manifest with more sources"):
        choose_points(CONTRACT, calls(rng, ["one"], 3), calls(rng, ["one"], 3, fake_mean=0.0))
