"""Put a bridge together from what an adapter has: the app's three objects in Java, a model file, a clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from android_bridge.bridge import Bridge
from android_bridge.buzz import Clock
from android_bridge.guard import CallGuard
from android_bridge.hearing import MakeConverter
from android_bridge.java_ports import JavaBuzzer, JavaNotifier
from android_bridge.polyphase import PolyphaseResampler
from android_bridge.scorer import JavaInterpreterModel
from android_bridge.settings import settings_from_json
from edge.contract import read_contract


def bridge_to_java(
    model_path: str,
    scorer: Any,
    buzzer: Any,
    notifier: Any,
    settings: str = "",
    *,
    clock: Clock = time,
    to_java: Callable[[NDArray[np.float32]], Any] | None = None,
    make_converter: MakeConverter = PolyphaseResampler,
) -> Bridge:
    """A bridge whose interpreter, vibrator and notifications are Java objects.

    Parameters
    ----------
    model_path : the `.tflite` that ``scorer`` loaded; only its contract is read here.
    scorer : `LiteRtScorer`, see `android_bridge.scorer`.
    buzzer, notifier : see `android_bridge.java_ports`; one object may be both.
    settings : JSON, see `android_bridge.settings.settings_from_json`; empty for the defaults.

    Raises
    ------
    EdgeError
        The model has no contract, or another one than ``scorer``, or the settings do not fit.
    """
    model = JavaInterpreterModel(read_contract(str(model_path)), scorer, to_java)
    guard = CallGuard(
        model,
        buzzer=JavaBuzzer(buzzer),
        notifier=JavaNotifier(notifier),
        clock=clock,
        settings=settings_from_json(str(settings)),
        make_converter=make_converter,
    )
    return Bridge(guard)
