"""Traces that are smoothed already: to try many bounds on one smoothing, without deciding each call anew.

What alarms is the test of `edge.decision`; only what goes into it is computed once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.contract import Contract, OperatingPoint
from edge.decision import SequentialTest
from workbench.live.measure import live_states
from workbench.live.traces import Trace


@dataclass(frozen=True)
class SmoothedTrace:
    """The steps of the sequential test over one trace, from the first smoothed score on.

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
    states = list(live_states(trace, contract, never))
    before = [0.0, *(state.speech_s for state in states)]
    steps = tuple(
        (state.cm_score, state.speech_s - earlier_s, state.end)
        for state, earlier_s in zip(states, before, strict=False)
        if state.cm_score is not None and state.speech_s > earlier_s
    )
    lowest = min((step[0] for step in steps), default=math.inf)
    unscored_s = sum(
        state.speech_s - earlier_s
        for state, earlier_s in zip(states, before, strict=False)
        if state.cm_score is None and state.end > trace.fake_from
    )
    return SmoothedTrace(steps, lowest, before[-1], trace.fake_from, unscored_s)


def smoothed_alarms(trace: SmoothedTrace, contract: Contract, point: OperatingPoint) -> list[int]:
    """Positions in samples at which ``point`` alarms; it must smooth as the trace was smoothed."""
    # A call whose smoothed score never comes so low cannot alarm; most never do.
    if trace.lowest >= point.enter_below:
        return []
    test = SequentialTest(point, contract.frontend.sample_rate)
    return [end for cm_score, heard_s, end in trace.steps if test.step(cm_score, heard_s, end)]


def alarm_delay_s(trace: SmoothedTrace, contract: Contract, point: OperatingPoint) -> float:
    """Seconds of fake speech until the first alarm after the fake voice came in; infinite without one."""
    late = next((end for end in smoothed_alarms(trace, contract, point) if end > trace.fake_from), None)
    if late is None:
        return math.inf
    return trace.unscored_fake_s + sum(heard_s for _, heard_s, end in trace.steps if trace.fake_from < end <= late)
