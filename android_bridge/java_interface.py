"""The border in Java's spelling, as the app's interface `GuardBridge` has it, for bridges whose Java calls Python."""

from __future__ import annotations

from collections.abc import Callable

from android_bridge.bridge import Bridge

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
    """Method in Java's spelling → what of ``bridge`` it calls."""
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
