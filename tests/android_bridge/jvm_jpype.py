"""Play a story with JPype: Java calls the bridge, the bridge calls `LiteRtScorer`, which calls LiteRT."""

from __future__ import annotations

from pathlib import Path

import jpype
from jvm_story import Clock, LiteRt, main, play

from android_bridge.adapters import bridge_to_java
from android_bridge.bridge import java_methods


def floats(samples):
    return jpype.JArray(jpype.JFloat)(samples)


def run(story):
    jpype.startJVM(classpath=[story["classes"]])
    litert = LiteRt(story["model"])
    methods = {
        "inputs": litert.inputs,
        "outputs": litert.outputs,
        "inputShape": lambda name: litert.input_shape(str(name)),
        "outputShape": lambda name: litert.output_shape(str(name)),
        "set": lambda name, values: litert.set(str(name), values),
        "invoke": litert.invoke,
        "get": lambda name: litert.get(str(name)),
    }
    jpype.JClass("org.tensorflow.lite.Interpreter").arithmetic = jpype.JProxy(
        "org.tensorflow.lite.Arithmetic", dict=methods
    )
    model = jpype.JArray(jpype.JByte)(Path(story["model"]).read_bytes())
    scorer = jpype.JClass("org.bonafone.guard.LiteRtScorer")(model, 1)
    phone, clock = jpype.JClass("phone.Phone")(), Clock()
    bridge = bridge_to_java(story["model"], scorer, phone, phone, story["settings"], clock=clock, to_java=floats)
    guard = jpype.JProxy("org.bonafone.guard.GuardBridge", dict=java_methods(bridge))
    app = jpype.JClass("phone.App")(guard)
    return play(story, app, phone, clock)


if __name__ == "__main__":
    main(run)
