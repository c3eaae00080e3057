"""What an operating point costs on traced calls: alarms in an hour of real people, seconds of a fake voice to alarm."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.contract import Contract, OperatingPoint
from edge.decision import LiveDecider, LiveState, RawScore
from workbench.live.traces import Trace


@dataclass(frozen=True)
class GenuineOutcome:
    """One real person's call: alarms, all of them false, and hours of speech."""

    trace: Trace
    alarms: int
    speech_h: float


@dataclass(frozen=True)
class InvadedOutcome:
    """One call that a fake voice enters.

    Attributes
    ----------
    delay_s : seconds of fake speech until the first alarm after it came in; infinite where none was raised.
    fake_speech_s : seconds of fake speech that there were.
    early : an alarm was raised before the fake voice came in.
    """

    trace: Trace
    delay_s: float
    fake_speech_s: float
    early: bool


@dataclass(frozen=True)
class LiveFigures:
    """Over many calls; what is None has nothing to be measured on, or fewer calls alarmed than it would need."""

    false_alarms: int
    genuine_speech_h: float
    false_alarms_per_h: float | None
    calls: int
    caught_share: float | None
    delay_median_s: float | None
    delay_p90_s: float | None


def live_states(trace: Trace, contract: Contract, point: OperatingPoint) -> Iterator[LiveState]:
    """What ``point`` makes of a trace: the decision of `edge listen`, chunk by chunk."""
    decider, start = LiveDecider(contract, point), 0
    for value, frames, end in zip(
        trace.values.tolist(), trace.speech_frames.tolist(), trace.ends.tolist(), strict=True
    ):
        yield decider.add(RawScore(start, end, value, frames))
        start = end


def alarm_ends(trace: Trace, contract: Contract, point: OperatingPoint) -> list[int]:
    """Positions in samples at which ``point`` alarms."""
    return [state.end for state in live_states(trace, contract, point) if state.alarm]


def genuine_outcome(trace: Trace, contract: Contract, point: OperatingPoint) -> GenuineOutcome:
    """Alarms in a real person's call."""
    speech_h = float(trace.speech_frames.sum()) / contract.frontend.frames_per_s / 3600.0
    return GenuineOutcome(trace, len(alarm_ends(trace, contract, point)), speech_h)


def invaded_outcome(trace: Trace, contract: Contract, point: OperatingPoint) -> InvadedOutcome:
    """When the fake voice was noticed."""
    alarms = alarm_ends(trace, contract, point)
    late = [end for end in alarms if end > trace.fake_from]
    seconds = trace.speech_frames / contract.frontend.frames_per_s
    fake = trace.ends > trace.fake_from
    delay_s = float(seconds[fake & (trace.ends <= late[0])].sum()) if late else math.inf
    return InvadedOutcome(trace, delay_s, float(seconds[fake].sum()), early=len(late) < len(alarms))


def summarise(genuine: Iterable[GenuineOutcome], invaded: Iterable[InvadedOutcome]) -> LiveFigures:
    """The figures that an operating point states."""
    genuine, invaded = list(genuine), list(invaded)
    alarms = sum(outcome.alarms for outcome in genuine)
    hours = sum(outcome.speech_h for outcome in genuine)
    delays = np.sort([outcome.delay_s for outcome in invaded])
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


def measure(
    contract: Contract, point: OperatingPoint, genuine: Sequence[Trace], invaded: Sequence[Trace]
) -> LiveFigures:
    """Run ``point`` over traces and summarise."""
    return summarise(
        (genuine_outcome(trace, contract, point) for trace in genuine),
        (invaded_outcome(trace, contract, point) for trace in invaded),
    )


def _quantile(ascending: np.ndarray, share: float) -> float | None:
    """The delay that ``share`` of the calls do not exceed; None where it is infinite."""
    if not len(ascending):
        return None
    value = float(ascending[math.ceil(share * len(ascending)) - 1])
    return value if math.isfinite(value) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
