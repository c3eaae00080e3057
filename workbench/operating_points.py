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

from edge.contract import Contract
from edge.operating_point import OperatingPoint
from workbench.call_traces import Trace
from workbench.errors import EvaluationError
from workbench.live_measure import (
    GenuineOutcome,
    InvadedOutcome,
    LiveFigures,
    genuine_outcome,
    invaded_outcome,
    live_states,
    state,
    summarise,
)

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


Lowest = dict[tuple[float, float, str, str], float]
"""From smoothing and least speech in seconds, a call's name and its channel to nats."""


@dataclass(frozen=True)
class Choice:
    """One operating point as it ships, and what was measured across the halves, in all and by channel."""

    point: OperatingPoint
    figures: LiveFigures
    by_channel: dict[str, LiveFigures]


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
    sides = [([t for t in genuine if t.call.source in half], [t for t in invaded if t.call.source in half])
             for half in halves]  # fmt: skip
    if not all(traces for side in sides for traces in side):
        raise EvaluationError(
            "expected calls of real people and calls with a fake voice in each half of the sources; got "
            + " and ".join(f"{len(left)} and {len(right)}" for left, right in sides)
            + "; give a manifest with more sources"
        )
    lowest = lowest_scores(contract, genuine)
    choices = []
    for name, rate in rates.items():
        people: list[GenuineOutcome] = []
        fakes: list[InvadedOutcome] = []
        for chosen_on, measured_on in (sides, sides[::-1]):
            point = best_point(name, contract, *chosen_on, rate, lowest)
            people += [genuine_outcome(trace, contract, point) for trace in measured_on[0]]
            fakes += [invaded_outcome(trace, contract, point) for trace in measured_on[1]]
        figures = summarise(people, fakes)
        channels = dict.fromkeys(trace.channel for trace in genuine)
        choices.append(
            Choice(
                state(best_point(name, contract, genuine, invaded, rate, lowest), figures),
                figures,
                {
                    channel: summarise(
                        [item for item in people if item.trace.channel == channel],
                        [item for item in fakes if item.trace.channel == channel],
                    )
                    for channel in channels
                },
            )
        )
    return choices


def best_point(
    name: str, contract: Contract, genuine: Sequence[Trace], invaded: Sequence[Trace], rate: float, lowest: Lowest
) -> OperatingPoint:
    """Of all ways to smooth, wait and hold, each with bounds that keep ``rate``, the one that alarms soonest."""
    best, shortest = None, math.inf
    for smoothing_s, hold_s, least_s in itertools.product(SMOOTHINGS_S, HOLDS_S, LEAST_SPEECH_S):
        point = OperatingPoint(name, smoothing_s, 0.0, 0.0, least_s, hold_s, _COOLDOWN_S)
        bound = bound_for(point, contract, genuine, rate, lowest)
        for below in _BELOW_NATS:
            point = _with_bound(point, bound - below)
            delays = [min(invaded_outcome(trace, contract, point).delay_s, _PATIENCE_S) for trace in invaded]
            mean_s = float(np.mean(delays))
            if mean_s < shortest:
                best, shortest = point, mean_s
    assert best is not None  # the grid is not empty
    return best


def bound_for(
    point: OperatingPoint, contract: Contract, genuine: Sequence[Trace], rate: float, lowest: Lowest
) -> float:
    """The highest ``enter_below`` of a grid with at most ``rate`` false alarms in an hour of genuine speech."""
    hours = sum(float(trace.speech_frames.sum()) for trace in genuine) / contract.frontend.frames_per_s / 3600.0
    reach = [lowest[point.smoothing_s, point.min_speech_s, trace.call.name, trace.channel] for trace in genuine]
    low, high = 0, len(_BOUNDS) - 1
    while low < high:
        middle = (low + high + 1) // 2
        candidate = _with_bound(point, float(_BOUNDS[middle]))
        # A call whose smoothed score never comes so low cannot alarm; most never do.
        alarms = sum(
            genuine_outcome(trace, contract, candidate).alarms
            for trace, least in zip(genuine, reach, strict=True)
            if least < candidate.enter_below
        )
        low, high = (middle, high) if alarms <= rate * hours else (low, middle - 1)
    return float(_BOUNDS[low])


def lowest_scores(contract: Contract, traces: Sequence[Trace]) -> Lowest:
    """The lowest smoothed ``cm_score`` in nats over each trace, for each way to smooth; infinite without a score."""
    found: Lowest = {}
    for smoothing_s, least_s in itertools.product(SMOOTHINGS_S, LEAST_SPEECH_S):
        point = _with_bound(OperatingPoint("", smoothing_s, 0.0, 0.0, least_s, 0.0, _COOLDOWN_S), -math.inf)
        for trace in traces:
            scores = [state.cm_score for state in live_states(trace, contract, point) if state.cm_score is not None]
            found[smoothing_s, least_s, trace.call.name, trace.channel] = min(scores, default=math.inf)
    return found


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


def _with_bound(point: OperatingPoint, bound: float) -> OperatingPoint:
    return replace(point, enter_below=bound, leave_above=bound + _LEAVE_NATS)
