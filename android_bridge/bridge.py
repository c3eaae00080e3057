"""The border: what an app calls, with bytes, numbers and text only, from any of its threads.

Every answer is the text of one JSON object. What the app did wrong comes back as ``{"error": …, "kind": …}`` instead
of an exception, since an exception that crosses two languages loses its message on the way.

    during   open(json) push_pcm16(bytes, rate, silenced) poll() lose_route() acknowledge() flush() close() timeline()
    before   screen(json)
    after    score_recording(path, channel), or open_recording(rate) push_recording(bytes) close_recording()
    apart    test_buzz() describe()

A state: ``call``, ``state`` (idle, listening, silenced, blind, bonafide, spoof, uncertain, closed), ``verdict``,
``p_bonafide`` and ``cm_score`` (null without a verdict on a voice), ``speech_s``, ``heard_s``, ``alarm`` (this call of
the border raised one), ``alarms``, ``buzz`` (quiet, pending, reminded, acknowledged, expired), ``trouble`` (null, or
what of the phone failed). `SIGNATURES` has the same in Java's spelling.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from android_bridge.audio import decode_pcm16
from android_bridge.errors import CallStateError
from android_bridge.guard import CallGuard
from android_bridge.settings import object_from_json
from edge.errors import EdgeError
from edge.scoring import ChannelScorer


class Bridge:
    """One `CallGuard` behind the border."""

    def __init__(self, guard: CallGuard) -> None:
        self._guard = guard
        self._recording: ChannelScorer | None = None
        # The app's vibrator may answer by calling back on the same thread.
        self._lock = threading.RLock()

    def open(self, call: str) -> str:
        """Open a call: ``{"id": …, "route": …}``."""
        return self._answer(lambda: self._open(call))

    def push_pcm16(self, data: Any, sample_rate: int, silenced: bool = False) -> str:
        """Score a piece of PCM16 mono: a byte[] of Java or bytes of Python."""
        return self._answer(lambda: self._guard.push_pcm16(data, sample_rate, bool(silenced)))

    def poll(self) -> str:
        """Return the present state, and give the reminder when it is due."""
        return self._answer(self._guard.poll)

    def lose_route(self) -> str:
        """Show ``blind``, since no audio can come."""
        return self._answer(self._guard.lose_route)

    def acknowledge(self) -> str:
        """Stop the buzz: the user answered the alarm."""
        return self._answer(self._guard.acknowledge)

    def flush(self) -> str:
        """End the audio."""
        return self._answer(self._guard.flush)

    def close(self) -> str:
        """End the call."""
        return self._answer(self._guard.close)

    def timeline(self) -> str:
        """Return the last scores of the open call: ``{"points": […]}``."""
        return self._answer(lambda: {"points": self._guard.timeline()})

    def screen(self, facts: str) -> str:
        """Return the caution from the number: ``{"presentation": …, "contact": …, "verification": …}``."""
        return self._answer(lambda: self._guard.screen(object_from_json(str(facts), "the facts of the number")))

    def test_buzz(self) -> str:
        """Give the buzz once."""
        return self._answer(self._guard.test_buzz)

    def describe(self) -> str:
        """Return the model's name and its operating points with their measured costs, for the app's screen."""
        return self._answer(self._guard.describe)

    def score_recording(self, path: str, channel: str = "mix") -> str:
        """Score a recording by its path."""
        return self._answer(lambda: self._score_recording(path, channel))

    def open_recording(self, sample_rate: int) -> str:
        """Open a recording that the app decodes; one that was not closed is dropped."""
        return self._answer(lambda: self._open_recording(sample_rate))

    def push_recording(self, data: Any) -> str:
        """Score a block of its PCM16 mono, at most a minute."""
        return self._answer(lambda: self._push_recording(data))

    def close_recording(self) -> str:
        """End the recording and return the verdict on it."""
        return self._answer(self._close_recording)

    def _open(self, call: str) -> dict[str, Any]:
        facts = object_from_json(str(call), "the call")
        opened = self._guard.open(facts)
        self._recording = None
        return opened

    def _score_recording(self, path: str, channel: str) -> dict[str, Any]:
        self._recording = None
        return self._guard.score_recording(str(path), str(channel))

    def _open_recording(self, sample_rate: int) -> dict[str, Any]:
        self._recording = self._guard.open_recording(sample_rate)
        return {"duration_s": 0.0}

    def _push_recording(self, data: Any) -> dict[str, Any]:
        recording = self._open_one()
        recording.feed(decode_pcm16(data, recording.sample_rate))
        return {"duration_s": recording.duration_s}

    def _close_recording(self) -> dict[str, Any]:
        recording, self._recording = self._open_one(), None
        return self._guard.decide_recording(recording)

    def _open_one(self) -> ChannelScorer:
        if self._recording is None:
            raise CallStateError("no recording is open: open_recording(rate) comes first, and a call ends it")
        return self._recording

    def _answer(self, act: Callable[[], dict[str, Any]]) -> str:
        with self._lock:
            try:
                return json.dumps(act(), allow_nan=False)
            except EdgeError as error:
                return json.dumps({"error": str(error), "kind": type(error).__name__})


_TEXT = "Ljava/lang/String;"
SIGNATURES = {
    "open": f"({_TEXT}){_TEXT}",
    "pushPcm16": f"([BIZ){_TEXT}",
    "poll": f"(){_TEXT}",
    "loseRoute": f"(){_TEXT}",
    "acknowledge": f"(){_TEXT}",
    "flush": f"(){_TEXT}",
    "close": f"(){_TEXT}",
    "timeline": f"(){_TEXT}",
    "screen": f"({_TEXT}){_TEXT}",
    "scoreRecording": f"({_TEXT}{_TEXT}){_TEXT}",
    "openRecording": f"(I){_TEXT}",
    "pushRecording": f"([B){_TEXT}",
    "closeRecording": f"(){_TEXT}",
    "testBuzz": f"(){_TEXT}",
    "describe": f"(){_TEXT}",
}
"""Method → its types, as the JVM writes them (The Java Virtual Machine Specification, section 4.3.3)."""


def java_methods(bridge: Bridge) -> dict[str, Callable[..., str]]:
    """Map each method in Java's spelling to the one of ``bridge`` that it calls."""
    return {
        "open": bridge.open,
        "pushPcm16": bridge.push_pcm16,
        "poll": bridge.poll,
        "loseRoute": bridge.lose_route,
        "acknowledge": bridge.acknowledge,
        "flush": bridge.flush,
        "close": bridge.close,
        "timeline": bridge.timeline,
        "screen": bridge.screen,
        "scoreRecording": bridge.score_recording,
        "openRecording": bridge.open_recording,
        "pushRecording": bridge.push_recording,
        "closeRecording": bridge.close_recording,
        "testBuzz": bridge.test_buzz,
        "describe": bridge.describe,
    }
