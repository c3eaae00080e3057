"""Choose the operating points of live calls, and measure what each costs.

All points of a model share one smoothing, one least amount of speech and one hold, and their bounds are ordered: a
point alarms on all that a stricter one alarms on. What alarms is decided by `edge.decision`.

The choice and what is stated of it must not come from the same calls. So the sources are halved, what is chosen on each
half is measured on the other, and both measurements together are what the points state; the bounds that ship are then
chosen on all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.contract import Contract, OperatingPoint
from edge.decision import Cooldown, LiveDecider, RawScore, SequentialTest
from workbench.errors import EvaluationError
from workbench.live.calls import Trace

FALSE_ALARMS_PER_H = {"cautious": 6.0, "balanced": 1.0, "quiet": 0.2}
"""Alarms in an hour of genuine speech that each operating point may raise."""
SMOOTHINGS_S = (1.0, 4.0, 8.0)
HOLDS_S = (0.0, 1.0, 2.0)
LEAST_SPEECH_S = (2.0, 4.0)
_LEAVE_NATS = 0.5
_COOLDOWN_S = 60.0
_PATIENCE_S = 30.0
"""A fake voice that is not noticed within so much of its speech counts as this much: later is hardly of use."""
_BELOW_NATS = (0.0, 0.25, 0.5, 1.0, 1.5)
"""A bound below the highest that keeps the rate can be better: after a false alarm the cooldown hides a true one."""
_BOUNDS = np.linspace(-8.0, 2.0, 201)


@dataclass(frozen=True)
class LiveFigures:
    """What an operating point costs; None where there was nothing to measure, or fewer calls alarmed than it needs.

    Attributes
    ----------
    false_alarms_per_h : alarms in an hour of genuine speech.
    caught_share : share of the calls that a fake voice enters in which it was noticed, a fraction.
    delay_median_s, delay_p90_s : seconds of fake speech to the alarm, over all those calls.
    """

    false_alarms: int
    genuine_speech_h: float
    false_alarms_per_h: float | None
    calls: int
    caught_share: float | None
    delay_median_s: float | None
    delay_p90_s: float | None


@dataclass(frozen=True)
class Outcome:
    """One call under one operating point.

    Attributes
    ----------
    alarms : how many were raised, in a real person's call all of them false.
    speech_h : hours of speech in the call.
    delay_s : seconds of fake speech until the first alarm after the fake voice came in; infinite where none was raised.
    """

    trace: Trace
    alarms: int
    speech_h: float
    delay_s: float


@dataclass(frozen=True)
class Choice:
    """One operating point, and what was measured of it, in all and by transmission."""

    point: OperatingPoint
    figures: LiveFigures
    by_transmission: dict[str, LiveFigures]


def choose_points(
    contract: Contract,
    genuine: Sequence[Trace],
    invaded: Sequence[Trace],
    rates: Mapping[str, float] = FALSE_ALARMS_PER_H,
) -> list[Choice]:
    """Choose operating points by name, from the most to the least easily alarmed.

    Parameters
    ----------
    rates : false alarms in an hour of genuine speech that each point may raise, not rising.

    Raises
    ------
    EvaluationError
        One of the two kinds of calls is missing in a half of the sources.
    """
    halves = split_sources([*genuine, *invaded])
    sides = [
        ([t for t in genuine if t.call.source in half], [t for t in invaded if t.call.source in half])
        for half in halves
    ]
    if not all(traces for side in sides for traces in side):
        raise EvaluationError(
            "expected calls of real people and calls with a fake voice in each half of the sources; got "
            + " and ".join(f"{len(left)} and {len(right)}" for left, right in sides)
            + "; give a manifest with more sources"
        )
    smoothed = {
        way: {id(trace): smooth(trace, contract, *way) for trace in [*genuine, *invaded]}
        for way in itertools.product(SMOOTHINGS_S, LEAST_SPEECH_S)
    }
    measured: dict[str, tuple[list[Outcome], list[Outcome]]] = {name: ([], []) for name in rates}
    for chosen_on, measured_on in (sides, sides[::-1]):
        with_points = replace(contract, operating_points=best_points(contract, *chosen_on, rates, smoothed))
        for point in with_points.operating_points:
            for outcomes, traces in zip(measured[point.name], measured_on, strict=True):
                outcomes += [outcome(trace, with_points, point) for trace in traces]
    found = [
        _choice(point, *measured[point.name]) for point in best_points(contract, genuine, invaded, rates, smoothed)
    ]
    return [replace(choice, point=state(choice.point, choice.figures)) for choice in found]


def measure_points(contract: Contract, genuine: Sequence[Trace], invaded: Sequence[Trace]) -> list[Choice]:
    """Measure the operating points that ``contract`` carries; the points stay as they are."""
    return [
        _choice(point, *([outcome(trace, contract, point) for trace in traces] for traces in (genuine, invaded)))
        for point in contract.operating_points
    ]


def _choice(point: OperatingPoint, genuine: Sequence[Outcome], invaded: Sequence[Outcome]) -> Choice:
    by_transmission = {
        name: summarise(*([call for call in side if call.trace.transmission == name] for side in (genuine, invaded)))
        for name in dict.fromkeys(call.trace.transmission for call in genuine)
    }
    return Choice(point, summarise(genuine, invaded), by_transmission)


def best_points(
    contract: Contract,
    genuine: Sequence[Trace],
    invaded: Sequence[Trace],
    rates: Mapping[str, float],
    smoothed: Mapping[tuple[float, float], Mapping[int, SmoothedTrace]],
) -> tuple[OperatingPoint, ...]:
    """Of all ways to smooth, wait and hold, the points that keep their ``rates`` and together alarm soonest.

    ``smoothed`` holds the traces by seconds of smoothing and of least speech, then by their `id`.
    """
    best: tuple[OperatingPoint, ...] = ()
    shortest = math.inf
    for (smoothing_s, least_s), hold_s in itertools.product(smoothed, HOLDS_S):
        people, fakes = ([smoothed[smoothing_s, least_s][id(t)] for t in traces] for traces in (genuine, invaded))
        points: tuple[OperatingPoint, ...] = ()
        total_s = 0.0
        for name, rate in reversed(list(rates.items())):
            plain = OperatingPoint(name, smoothing_s, 0.0, 0.0, least_s, hold_s, _COOLDOWN_S)
            point, mean_s = _soonest(plain, points, contract, people, fakes, rate)
            points, total_s = (point, *points), total_s + mean_s
        if total_s < shortest:
            best, shortest = points, total_s
    return best


def _soonest(
    plain: OperatingPoint,
    stricter: tuple[OperatingPoint, ...],
    contract: Contract,
    genuine: Sequence[SmoothedTrace],
    invaded: Sequence[SmoothedTrace],
    rate: float,
) -> tuple[OperatingPoint, float]:
    """``plain`` with the bound, not below the ``stricter`` ones, that alarms soonest, and its mean seconds to alarm."""
    least = stricter[0].enter_below if stricter else -math.inf
    highest = bound_for(plain, stricter, contract, genuine, rate)
    found = []
    for bound in dict.fromkeys(max(highest - below, least) for below in _BELOW_NATS):
        point = with_bound(plain, bound)
        delays = [min(alarm_delay_s(fake, contract, (point, *stricter)), _PATIENCE_S) for fake in invaded]
        found.append((point, float(np.mean(delays))))
    return min(found, key=lambda pair: pair[1])


def bound_for(
    plain: OperatingPoint,
    stricter: tuple[OperatingPoint, ...],
    contract: Contract,
    genuine: Sequence[SmoothedTrace],
    rate: float,
) -> float:
    """The highest ``enter_below`` of a grid, not below the ``stricter`` points', with at most ``rate`` false alarms in
    an hour of genuine speech.
    """
    hours = sum(trace.speech_s for trace in genuine) / 3600.0
    bounds = _BOUNDS[stricter[0].enter_below <= _BOUNDS] if stricter else _BOUNDS
    low, high = 0, len(bounds) - 1
    while low < high:
        middle = (low + high + 1) // 2
        points = (with_bound(plain, float(bounds[middle])), *stricter)
        alarms = sum(len(smoothed_alarms(trace, contract, points)) for trace in genuine)
        low, high = (middle, high) if alarms <= rate * hours else (low, middle - 1)
    return float(bounds[low])


def with_bound(point: OperatingPoint, bound: float) -> OperatingPoint:
    """``point`` with the alarm entered below ``bound`` nats."""
    return replace(point, enter_below=bound, leave_above=bound + _LEAVE_NATS)


def split_sources(traces: Sequence[Trace]) -> tuple[set[str], set[str]]:
    """The sources in two halves of like length, the longest dealt first; the same on every machine."""
    lengths: dict[str, int] = {}
    for trace in traces:
        lengths[trace.call.source] = lengths.get(trace.call.source, 0) + int(trace.ends[-1])
    halves: tuple[set[str], set[str]] = (set(), set())
    totals = [0, 0]
    for source in sorted(lengths, key=lambda name: (-lengths[name], name)):
        side = int(totals[1] < totals[0])
        halves[side].add(source)
        totals[side] += lengths[source]
    return halves


@dataclass(frozen=True)
class SmoothedTrace:
    """A trace that is smoothed already, to try many bounds on it.

    Attributes
    ----------
    steps : smoothed ``cm_score`` in nats, seconds of speech in the chunk, position of its end in samples.
    lowest : the lowest score, infinite where there is none.
    speech_s : seconds of speech in the whole trace.
    fake_from : as in `Trace`.
    unscored_fake_s : seconds of fake speech before the first smoothed score, in a call that is fake from the start.
    """

    steps: tuple[tuple[float, float, int], ...]
    lowest: float
    speech_s: float
    fake_from: int
    unscored_fake_s: float


def smooth(trace: Trace, contract: Contract, smoothing_s: float, least_s: float) -> SmoothedTrace:
    """Smooth a trace over ``smoothing_s`` seconds of speech, from ``least_s`` seconds of it on."""
    never = OperatingPoint("", smoothing_s, -math.inf, -math.inf, least_s, 0.0, 0.0)
    decider = LiveDecider(replace(contract, operating_points=()), never)
    states = [decider.add(raw_score) for raw_score in raw_scores(trace)]
    speech_s = np.diff([0.0, *(state.speech_s for state in states)]).tolist()
    chunks = list(zip(states, speech_s, strict=True))
    steps = tuple((s.cm_score, speech, s.end) for s, speech in chunks if s.cm_score is not None and speech > 0)
    unscored_s = sum(speech for s, speech in chunks if s.cm_score is None and s.end > trace.fake_from)
    lowest = min((step[0] for step in steps), default=math.inf)
    return SmoothedTrace(steps, lowest, states[-1].speech_s if states else 0.0, trace.fake_from, unscored_s)


def smoothed_alarms(trace: SmoothedTrace, contract: Contract, points: Sequence[OperatingPoint]) -> list[int]:
    """Positions in samples at which the first of ``points`` alarms; the stricter ones follow it. All of them smooth as
    the trace was smoothed.
    """
    # A call whose smoothed score never comes so low cannot alarm; most never do.
    if trace.lowest >= points[0].enter_below:
        return []
    tests = [SequentialTest(point) for point in points]
    cooldown = Cooldown(points[0].cooldown_s, contract.frontend.sample_rate)
    ends = []
    for cm_score, speech_s, end in trace.steps:
        entered = [test.enter(cm_score, speech_s) for test in tests]
        if any(entered) and cooldown.pass_at(end):
            ends.append(end)
    return ends


def alarm_delay_s(trace: SmoothedTrace, contract: Contract, points: Sequence[OperatingPoint]) -> float:
    """Seconds of fake speech until the first alarm after the fake voice came in; infinite without one."""
    late = next((end for end in smoothed_alarms(trace, contract, points) if end > trace.fake_from), None)
    if late is None:
        return math.inf
    return trace.unscored_fake_s + sum(speech_s for _, speech_s, end in trace.steps if trace.fake_from < end <= late)


def raw_scores(trace: Trace) -> Iterable[RawScore]:
    """The raw scores of a trace, as the model gave them."""
    start = 0
    columns = (trace.values.tolist(), trace.speech_frames.tolist(), trace.ends.tolist())
    for value, frames, end in zip(*columns, strict=True):
        yield RawScore(start, end, value, frames)
        start = end


def alarm_ends(trace: Trace, contract: Contract, point: OperatingPoint) -> list[int]:
    """Positions in samples at which ``point`` alarms, by the decision of `edge listen`."""
    decider = LiveDecider(contract, point)
    return [state.end for state in map(decider.add, raw_scores(trace)) if state.alarm]


def outcome(trace: Trace, contract: Contract, point: OperatingPoint) -> Outcome:
    """Decide a call by ``point`` and by the stricter ones that ``contract`` carries."""
    alarms = alarm_ends(trace, contract, point)
    seconds = trace.speech_frames / contract.frontend.frames_per_s
    late = next((end for end in alarms if end > trace.fake_from), None)
    delay_s = math.inf if late is None else float(seconds[(trace.ends > trace.fake_from) & (trace.ends <= late)].sum())
    return Outcome(trace, len(alarms), float(seconds.sum()) / 3600.0, delay_s)


def summarise(genuine: Sequence[Outcome], invaded: Sequence[Outcome]) -> LiveFigures:
    """The figures that an operating point states."""
    alarms, hours = sum(call.alarms for call in genuine), sum(call.speech_h for call in genuine)
    delays = np.sort([call.delay_s for call in invaded])
    return LiveFigures(
        false_alarms=alarms,
        genuine_speech_h=hours,
        false_alarms_per_h=alarms / hours if hours else None,
        calls=len(delays),
        caught_share=float(np.isfinite(delays).mean()) if len(delays) else None,
        delay_median_s=_quantile(delays, 0.5),
        delay_p90_s=_quantile(delays, 0.9),
    )


def state(point: OperatingPoint, figures: LiveFigures) -> OperatingPoint:
    """``point`` with what was measured of it."""
    return replace(
        point,
        false_alarms_per_h=_rounded(figures.false_alarms_per_h),
        genuine_speech_h=_rounded(figures.genuine_speech_h),
        caught_share=_rounded(figures.caught_share),
        delay_median_s=_rounded(figures.delay_median_s),
        delay_p90_s=_rounded(figures.delay_p90_s),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _quantile(ascending: np.ndarray, share: float) -> float | None:
    """The delay that ``share`` of the calls do not exceed; None where it is infinite."""
    if not len(ascending):
        return None
    value = float(ascending[math.ceil(share * len(ascending)) - 1])
    return value if math.isfinite(value) else None
