"""How a live call is decided, by name, and what that was measured to cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OperatingPoint:
    """How a live call is decided, and what that was measured to cost, by `workbench calibrate` on the dev split.

    Attributes
    ----------
    name : ``cautious``, ``balanced`` or ``quiet``.
    smoothing_s : time constant, in seconds of speech, over which ``cm_score`` is averaged.
    enter_below, leave_above : nats of the smoothed ``cm_score``: the alarm is entered below the one and left above the
        other, which is the larger.
    min_speech_s : seconds of speech before any verdict.
    hold_s : seconds of speech for which the smoothed value must stay below ``enter_below``.
    cooldown_s : seconds of the stream after an alarm in which no other is raised.
    false_alarms_per_h : alarms in an hour of genuine speech, in the worst of the channels it was measured on.
    genuine_speech_h : hours of genuine speech behind that figure, in that channel.
    caught_share : share of the calls in which a fake voice came in that alarmed before they ended.
    delay_median_s, delay_p90_s : seconds of fake speech to the alarm, over all those calls; None where fewer than so
        many alarmed.
    """

    name: str
    smoothing_s: float
    enter_below: float
    leave_above: float
    min_speech_s: float
    hold_s: float
    cooldown_s: float
    false_alarms_per_h: float | None = None
    genuine_speech_h: float | None = None
    caught_share: float | None = None
    delay_median_s: float | None = None
    delay_p90_s: float | None = None

    def __post_init__(self) -> None:
        if self.leave_above < self.enter_below:
            raise ValueError(
                f"operating point {self.name}: leave_above must not be below enter_below; got {self.leave_above} and "
                f"{self.enter_below} nats"
            )
        for name in ("smoothing_s", "min_speech_s", "hold_s", "cooldown_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"operating point {self.name}: {name} must be at least 0; got {getattr(self, name)}")
