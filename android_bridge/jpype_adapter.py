"""A JVM on the desktop through JPype, where the tests play an Android app."""

from __future__ import annotations

import time
from typing import Any

from android_bridge.assembly import bridge_to_java
from android_bridge.bridge import Bridge
from android_bridge.buzz import Clock
from android_bridge.hearing import MakeConverter
from android_bridge.java_interface import java_methods
from android_bridge.polyphase import PolyphaseResampler


def create(
    model_path: str,
    scorer: Any,
    buzzer: Any,
    notifier: Any,
    settings: str = "",
    *,
    clock: Clock = time,
    make_converter: MakeConverter = PolyphaseResampler,
) -> Bridge:
    """Make the bridge, see `android_bridge.assembly.bridge_to_java`.

    Raises
    ------
    EdgeError
        Model, scorer and settings do not fit together.
    """
    return bridge_to_java(
        model_path,
        scorer,
        buzzer,
        notifier,
        settings,
        clock=clock,
        to_java=_floats,
        make_converter=make_converter,
    )


def implement(interface: str, bridge: Bridge) -> Any:
    """The bridge as a Java object that implements ``interface``, a class name with dots.

    The interface has any of the methods of `android_bridge.java_interface.SIGNATURES`.
    """
    from jpype import JProxy

    return JProxy(interface, dict=java_methods(bridge))


def _floats(samples: Any) -> Any:
    from jpype import JArray, JFloat

    return JArray(JFloat)(samples)
