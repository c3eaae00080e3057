"""Play a story with pyjnius: Java calls the bridge, the bridge calls a scorer in Java, which calls LiteRT."""

from __future__ import annotations

from pathlib import Path

import jnius_config
from jvm_story import Clock, LiteRt, main, play


def run(story):
    jnius_config.set_classpath(story["classes"])
    from jnius import PythonJavaClass, autoclass, java_method

    from android_bridge.adapters.pyjnius import create, implement

    litert = LiteRt(story["model"])

    class Arithmetic(PythonJavaClass):
        __javainterfaces__ = ("org/tensorflow/lite/Arithmetic",)
        __javacontext__ = "app"

        @java_method("()Ljava/lang/String;")
        def inputs(self):
            return litert.inputs()

        @java_method("()Ljava/lang/String;")
        def outputs(self):
            return litert.outputs()

        @java_method("(Ljava/lang/String;)Ljava/lang/String;")
        def inputShape(self, name):
            return litert.input_shape(name)

        @java_method("(Ljava/lang/String;)Ljava/lang/String;")
        def outputShape(self, name):
            return litert.output_shape(name)

        @java_method("(Ljava/lang/String;[F)V")
        def set(self, name, values):
            litert.set(name, values)

        # Under its own name it would hide pyjnius' own method.
        @java_method("()V", name="invoke")
        def run(self):
            litert.invoke()

        @java_method("(Ljava/lang/String;)Ljava/lang/String;")
        def get(self, name):
            return litert.get(name)

    # pyjnius keeps no reference of its own to what Java holds.
    arithmetic = Arithmetic()
    autoclass("org.tensorflow.lite.Interpreter").arithmetic = arithmetic
    scorer = autoclass("org.bonafone.guard.LiteRtScorer")(Path(story["model"]).read_bytes(), 1)
    phone, clock = autoclass("phone.Phone")(), Clock()
    bridge = create(story["model"], scorer, phone, phone, story["settings"], clock=clock)
    guard = implement("org.bonafone.guard.GuardBridge", bridge)
    app = autoclass("phone.App")(guard)
    return play(story, app, phone, clock)


if __name__ == "__main__":
    main(run)
