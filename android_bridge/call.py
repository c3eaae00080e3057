"""What is kept of the call that is open, and what the app must say of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from android_bridge.buzz import Buzz
from android_bridge.errors import FactsError
from android_bridge.hearing import Hearing
from edge.decision import LiveState

ROUTES = ("voip", "capture", "pbx", "second_device", "microphone", "none")
"""How the call's audio reaches the app; ``none`` where it does not."""
MAX_CALL_ID = 128
TIMELINE_POINTS = 1200
"""Chunks of which the score is kept, about five minutes."""
JUDGED = ("bonafide", "spoof", "uncertain")
"""The verdicts that carry a score."""


class Call:
    """One open call.

    Attributes
    ----------
    audio_at : when the last piece of audio came, by the guard's clock, seconds.
    heard : samples that came, at the call's own rate.
    last : the decider's last state, None before the first chunk.
    withheld : Android said with the last piece that it withholds the audio.
    ended : nothing more is taken.
    told : kinds of notices that were given.
    trouble : what of the phone failed last, for the screen.
    """

    def __init__(self, identity: str, route: str, hearing: Hearing, buzz: Buzz, now: float) -> None:
        self.identity, self.route, self.hearing, self.buzz = identity, route, hearing, buzz
        self.audio_at = now
        self.heard = 0
        self.last: LiveState | None = None
        self.withheld = self.ended = False
        self.alarms = 0
        self.told: set[str] = set()
        self.timeline: deque[dict[str, Any]] = deque(maxlen=TIMELINE_POINTS)
        self.trouble: str | None = None

    def take(self, state: LiveState, sample_rate: int) -> None:
        """Keep the state after a chunk."""
        self.last = state
        cm_score = state.cm_score if state.verdict in JUDGED else None
        self.timeline.append({"end_s": state.end / sample_rate, "cm_score": cm_score, "verdict": state.verdict})

    def shown(self, waited_s: float, blind_after_s: float) -> str:
        """The state for the screen, ``waited_s`` seconds after the last audio."""
        # What was judged stays judged when its audio has ended; a call without any was never heard.
        unheard = self.heard == 0 if self.ended else waited_s >= blind_after_s
        if self.route == "none" or unheard:
            return "blind"
        verdict = None if self.last is None else self.last.verdict
        if self.withheld or verdict == "silenced":
            return "silenced"
        return verdict if verdict in JUDGED else "listening"

    def report(self, shown: str, *, alarm: bool) -> dict[str, Any]:
        """Everything for the app; a verdict only where something is heard, a score only with a verdict on it."""
        judged = self.last if shown in JUDGED else None
        verdict = None if self.last is None else self.last.verdict
        return {
            "call": self.identity,
            "state": shown,
            "verdict": {"blind": None, "silenced": "silenced"}.get(shown, verdict),
            "p_bonafide": None if judged is None else judged.p_bonafide,
            "cm_score": None if judged is None else judged.cm_score,
            "speech_s": 0.0 if self.last is None else self.last.speech_s,
            "heard_s": self.heard / (self.hearing.sample_rate or 1),
            "alarm": alarm,
            "alarms": self.alarms,
            "buzz": self.buzz.state,
            "trouble": self.trouble,
        }


def check_call(call: Mapping[str, Any]) -> tuple[str, str]:
    """Identity and route of a call that the app wants to open.

    Raises
    ------
    FactsError
        One of them is missing, or is none.
    """
    identity, route = call.get("id"), call.get("route", "capture")
    if not isinstance(identity, str) or not 0 < len(identity) <= MAX_CALL_ID:
        raise FactsError(f"id of the call {identity!r}: expected a text of 1 to {MAX_CALL_ID} characters")
    if route not in ROUTES:
        raise FactsError(f"route of the call {route!r}: expected one of {', '.join(ROUTES)}")
    return identity, route
