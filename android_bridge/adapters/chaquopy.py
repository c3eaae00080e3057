"""An Android app with Chaquopy, whose Java or Kotlin calls Python:

    PyObject bridge = Python.getInstance().getModule("android_bridge.adapters.chaquopy")
            .callAttr("create", modelPath, liteRtScorer, phone, phone, settingsJson);
    String state = bridge.callAttr("push_pcm16", bytes, 16000, silenced).toString();

Chaquopy has NumPy and neither LiteRT nor soxr: the interpreter is Java's, the resampler `PolyphaseResampler`.
"""

from __future__ import annotations

from typing import Any

from android_bridge.adapters import bridge_to_java
from android_bridge.bridge import Bridge


class ElapsedClock:
    """Android's clock since boot; Python's stands still while the phone sleeps, and a reminder would come late."""

    def __init__(self) -> None:
        from java import jclass

        self._clock: Any = jclass("android.os.SystemClock")

    def monotonic(self) -> float:
        """Seconds since boot, deep sleep included."""
        return float(self._clock.elapsedRealtime()) / 1000.0


def create(model_path: str, scorer: Any, buzzer: Any, notifier: Any, settings: str = "") -> Bridge:
    """Make the bridge, see `android_bridge.adapters.bridge_to_java`.

    Raises
    ------
    EdgeError
        Model, scorer and settings do not fit together.
    """
    # Chaquopy makes float[] of a list by itself.
    return bridge_to_java(model_path, scorer, buzzer, notifier, settings, clock=ElapsedClock())
