"""Choose how live calls are decided: for each rate of false alarms, what notices fake voices soonest.

The choice and what is stated of it must not come from the same calls. So the sources are halved, what is chosen on
each half is measured on the other, and both measurements together are what the operating point states; the bounds
that ship are then chosen on all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.contract import Contract, OperatingPoint
from workbench.errors import EvaluationError
from workbench.live.measure import (
    GenuineOutcome,
    InvadedOutcome,
    LiveFigures,
    genuine_outcome,
    invaded_outcome,
    state,
    summarise,
)
from workbench.live.smoothed import SmoothedTrace, alarm_delay_s, smooth, smoothed_alarms
from workbench.live.traces import Trace

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


Smoothings = dict[tuple[float, float], SmoothedTrace]
"""One trace by smoothing and least speech, both in seconds."""


@dataclass(frozen=True)
class Choice:
    """One operating point as it ships, and what was measured across the halves, in all and by transmission."""

    point: OperatingPoint
    figures: LiveFigures
    by_transmission: dict[str, LiveFigures]


def choose_points(
    contract: Contract,
    genuine: Sequence[Trace],
    invaded: Sequence[Trace],
    rates: Mapping[str, float] = FALSE_ALARMS_PER_H,
) -> list[Choice]:
    """Operating points by name, in the order of ``rates`` (false alarms in an hour of genuine speech).

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
    ways = {id(trace): smoothings(trace, contract) for trace in [*genuine, *invaded]}

    def best(name: str, left: Sequence[Trace], right: Sequence[Trace], rate: float) -> OperatingPoint:
        return best_point(name, contract, [ways[id(t)] for t in left], [ways[id(t)] for t in right], rate)

    choices = []
    for name, rate in rates.items():
        people: list[GenuineOutcome] = []
        fakes: list[InvadedOutcome] = []
        for chosen_on, measured_on in (sides, sides[::-1]):
            point = best(name, *chosen_on, rate)
            people += [genuine_outcome(trace, contract, point) for trace in measured_on[0]]
            fakes += [invaded_outcome(trace, contract, point) for trace in measured_on[1]]
        figures = summarise(people, fakes)
        transmissions = dict.fromkeys(trace.transmission for trace in genuine)
        choices.append(
            Choice(
                state(best(name, genuine, invaded, rate), figures),
                figures,
                {
                    transmission: summarise(
                        [item for item in people if item.trace.transmission == transmission],
                        [item for item in fakes if item.trace.transmission == transmission],
                    )
                    for transmission in transmissions
                },
            )
        )
    return choices


def best_point(
    name: str, contract: Contract, genuine: Sequence[Smoothings], invaded: Sequence[Smoothings], rate: float
) -> OperatingPoint:
    """Of all ways to smooth, wait and hold, each with bounds that keep ``rate``, the one that alarms soonest."""
    best, shortest = None, math.inf
    for smoothing_s, hold_s, least_s in itertools.product(SMOOTHINGS_S, HOLDS_S, LEAST_SPEECH_S):
        point = OperatingPoint(name, smoothing_s, 0.0, 0.0, least_s, hold_s, _COOLDOWN_S)
        fakes = [each[smoothing_s, least_s] for each in invaded]
        bound = bound_for(point, contract, [each[smoothing_s, least_s] for each in genuine], rate)
        for below in _BELOW_NATS:
            point = with_bound(point, bound - below)
            mean_s = float(np.mean([min(alarm_delay_s(fake, contract, point), _PATIENCE_S) for fake in fakes]))
            if mean_s < shortest:
                best, shortest = point, mean_s
    assert best is not None  # the grid is not empty
    return best


def bound_for(point: OperatingPoint, contract: Contract, genuine: Sequence[SmoothedTrace], rate: float) -> float:
    """The highest ``enter_below`` of a grid with at most ``rate`` false alarms in an hour of genuine speech."""
    hours = sum(trace.speech_s for trace in genuine) / 3600.0
    low, high = 0, len(_BOUNDS) - 1
    while low < high:
        middle = (low + high + 1) // 2
        candidate = with_bound(point, float(_BOUNDS[middle]))
        alarms = sum(len(smoothed_alarms(trace, contract, candidate)) for trace in genuine)
        low, high = (middle, high) if alarms <= rate * hours else (low, middle - 1)
    return float(_BOUNDS[low])


def smoothings(trace: Trace, contract: Contract) -> Smoothings:
    """A trace smoothed in every way that is tried."""
    pairs = itertools.product(SMOOTHINGS_S, LEAST_SPEECH_S)
    return {(smoothing_s, least_s): smooth(trace, contract, smoothing_s, least_s) for smoothing_s, least_s in pairs}


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


def with_bound(point: OperatingPoint, bound: float) -> OperatingPoint:
    """``point`` with the alarm entered below ``bound`` nats."""
    return replace(point, enter_below=bound, leave_above=bound + _LEAVE_NATS)
