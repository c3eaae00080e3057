"""What both JVM bridges play, as data: a process of its own runs it, since a JVM cannot be started twice."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import numpy as np

from edge.model import _interpreter_class


class LiteRt:
    """The arithmetic behind the tests' `org.tensorflow.lite.Interpreter`: the same runtime as on the desktop."""

    def __init__(self, model):
        self.interpreter = _interpreter_class()(model_path=model, num_threads=1)
        self.interpreter.allocate_tensors()
        runner = self.interpreter.get_signature_runner("step")
        self.given, self.made = runner.get_input_details(), runner.get_output_details()

    def inputs(self):
        return " ".join(sorted(self.given))

    def outputs(self):
        return " ".join(sorted(self.made))

    def input_shape(self, name):
        return " ".join(str(size) for size in self.given[name]["shape"])

    def output_shape(self, name):
        return " ".join(str(size) for size in self.made[name]["shape"])

    def set(self, name, values):
        tensor = np.array(values, np.float32).reshape(self.given[name]["shape"])
        self.interpreter.set_tensor(self.given[name]["index"], tensor)

    def invoke(self):
        self.interpreter.invoke()

    def get(self, name):
        return base64.b64encode(self.interpreter.get_tensor(self.made[name]["index"]).astype("<f4").tobytes()).decode()


class Clock:
    """Seconds that pass with the audio and where the story says so."""

    def __init__(self):
        self.now_s = 100.0

    def monotonic(self):
        return self.now_s


def play(story, app, phone, clock):
    """Do what the story says; return everything that was answered and felt."""
    for step in story["steps"]:
        kind, *arguments = step
        if kind in ("hear", "score"):
            path, *rest = arguments
            getattr(app, kind)(Path(path).read_bytes(), *rest)
        elif kind == "wait":
            clock.now_s += arguments[0]
        elif kind == "break":
            phone.broken = True
        else:
            getattr(app, kind)(*arguments)
    return {
        "answers": [json.loads(str(answer)) for answer in app.answers],
        "buzzes": [json.loads(str(buzz)) for buzz in phone.buzzes],
        "notices": [json.loads(str(notice)) for notice in phone.notices],
        "cancelled": int(phone.cancelled),
    }


def main(run):
    """Read the story from standard input, run it, print what came of it as the last line."""
    story = json.loads(sys.stdin.read())
    sys.stdout.write("\n" + json.dumps(run(story)) + "\n")
