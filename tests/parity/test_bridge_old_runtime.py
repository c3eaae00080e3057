"""The bridge where Python has tflite-runtime 2.14 and NumPy 1, as on boards and in older packages for phones."""

from __future__ import annotations

import dataclasses
import json
import sys

import pytest
from environments import ROOT, run
from pi_emulation import BOUND_NATS

from edge.catalog import default_model
from edge.contract import OperatingPoint, embed_contract, read_contract

pytestmark = pytest.mark.slow

POINT = OperatingPoint("test", 4.0, -0.5, 0.5, 1.5, 1.0, 60.0)

DRIVER = """
import json, sys, wave
import numpy
from android_bridge.guard import CallGuard
from android_bridge.polyphase import PolyphaseResampler
from android_bridge.settings import GuardSettings
from edge.model import Model

class Phone:
    def buzz(self, pattern): pass
    def cancel(self): pass
    def show(self, notice): pass

phone = Phone()
guard = CallGuard(Model.load(sys.argv[1]), buzzer=phone, notifier=phone, settings=GuardSettings("test"),
                  make_converter=PolyphaseResampler)
with wave.open(sys.argv[2]) as file:
    rate, data = file.getframerate(), file.readframes(file.getnframes())
guard.open({"id": "x"})
for start in range(0, len(data), 320):
    guard.push_pcm16(data[start : start + 320], rate)
print(json.dumps([numpy.__version__, guard.flush()]))
"""


def test_the_bridge_follows_a_call_with_the_old_runtime_and_old_numpy(old_python, tmp_path):
    source = default_model()
    contract = dataclasses.replace(read_contract(source), operating_points=(POINT,))
    model = tmp_path / source.name
    model.write_bytes(embed_contract(source.read_bytes(), contract))
    told = []
    for python in (old_python, None):
        done = run(python or sys.executable, "-c", DRIVER, model, ROOT / "examples/bonafide-telephone.wav")
        told.append(json.loads(done.stdout.splitlines()[-1]))
    (old_version, old), (_, new) = told
    assert old_version.startswith("1.")
    assert old["state"] == new["state"] == "bonafide"
    assert old["cm_score"] == pytest.approx(new["cm_score"], abs=BOUND_NATS)
