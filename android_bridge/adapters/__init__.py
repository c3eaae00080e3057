"""One adapter for each way of having Python on a phone: `chaquopy`, `pyjnius`, `termux`.

`bridge_to_java` builds a bridge from what an app in Java has: a model file, its scorer, its vibrator and notifications.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from android_bridge.audio import PolyphaseResampler
from android_bridge.bridge import Bridge
from android_bridge.guard import CallGuard
from android_bridge.phone import Clock, JavaBuzzer, JavaNotifier
from android_bridge.scorer import JavaInterpreterModel
from android_bridge.settings import settings_from_json
from edge.contract import read_contract
from edge.stream import MakeConverter


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
    buzzer, notifier : see `android_bridge.phone`; one object may be both.
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
