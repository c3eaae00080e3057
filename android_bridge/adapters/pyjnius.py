"""An app made by python-for-android or Buildozer, whose Python calls Java through pyjnius.

There the app's own code is Python: it makes the `Bridge` and calls it directly; `implement` lets its Java services call
it as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from android_bridge.adapters import bridge_to_java
from android_bridge.bridge import SIGNATURES, Bridge, java_methods
from android_bridge.phone import Clock


class ElapsedClock:
    """Android's clock since boot; Python's stands still while the phone sleeps, and a reminder would come late."""

    def __init__(self) -> None:
        from jnius import autoclass

        self._clock: Any = autoclass("android.os.SystemClock")

    def monotonic(self) -> float:
        """Seconds since boot, deep sleep included."""
        return float(self._clock.elapsedRealtime()) / 1000.0


def create(
    model_path: str, scorer: Any, buzzer: Any, notifier: Any, settings: str = "", *, clock: Clock | None = None
) -> Bridge:
    """Make the bridge, see `android_bridge.adapters.bridge_to_java`.

    ``clock`` is `ElapsedClock` on a phone; without one, Python's.

    Raises
    ------
    EdgeError
        Model, scorer and settings do not fit together.
    """
    # pyjnius makes float[] of a list by itself.
    return bridge_to_java(model_path, scorer, buzzer, notifier, settings, clock=clock or time)


def implement(interface: str, bridge: Bridge) -> Any:
    """The bridge as a Java object that implements ``interface``, a class name with dots.

    The interface has any of the methods of `android_bridge.bridge.SIGNATURES`.
    """
    from jnius import PythonJavaClass, java_method

    members: dict[str, Any] = {
        name: java_method(SIGNATURES[name])(_method(name, call)) for name, call in java_methods(bridge).items()
    }
    # "app" finds the app's own classes; the system's loader, which is the default, does not.
    members |= {"__javainterfaces__": [interface.replace(".", "/")], "__javacontext__": "app"}
    return type("Implementation", (PythonJavaClass,), members)()


def _method(name: str, call: Callable[..., str]) -> Callable[..., str]:
    def method(_self: Any, *arguments: Any) -> str:
        return call(*arguments)

    method.__name__ = name
    return method
