"""Boards that only have tflite-runtime 2.14 get the scores that LiteRT gives.

Loading is half of the gate: an operator of a version that the old runtime lacks (LOG version 2 from an int8
front end, say) stops it there. The rest is arithmetic: the speech measure of the float front end agrees to 1e-7 s, but
the network's kernels do not round alike, which moves ``cm_score`` by up to 0.053 nats on the examples and on the
synthetic signals below. The tolerance is that for shorter speech on an emulated Raspberry Pi, where it was measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from environments import ROOT, run
from pi_emulation import BOUND_NATS

from edge.catalog import default_model
from edge.contract import OperatingPoint, embed_contract, read_contract
from tests.edge.conftest import write_wav

pytestmark = pytest.mark.slow

TOLERANCE_SPEECH_S = 1e-3
NEEDS_LITERT = ROOT / "models" / "bonafone-v7-preview.tflite"
MODELS = sorted(set((ROOT / "models").glob("*.tflite")) - {NEEDS_LITERT})
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.suffix != ".md")
RATE = 16000

DRIVER = """
import json, sys
from edge.model import Model, runtime_version
from edge.scoring import score_file
model = Model.load(sys.argv[1])
scores = [[s.verdict, s.cm_score, s.speech_s] for path in sys.argv[2:] for s in score_file(model, path)]
print(json.dumps({"runtime": runtime_version(), "scores": scores}))
"""


BRIDGE_DRIVER = """
import json, sys, wave
import numpy
from android_bridge.guard import CallGuard
from android_bridge.audio import PolyphaseResampler
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
POINT = OperatingPoint("test", 4.0, -0.5, 0.5, 1.5, 1.0, 60.0)


def voiced(rng):
    """Six seconds with the outline of speech: a wavering harmonic tone in syllables over faint noise."""
    t = np.arange(6 * RATE) / RATE
    pitch = rng.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.3, 0.8) * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tone = sum(rng.uniform(0.2, 1.0) / order * np.sin(order * phase) for order in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * rng.uniform(2, 4) * t), 0, None)
    samples = tone * syllables + rng.normal(0, 0.002, len(t))
    return 0.7 * samples / np.abs(samples).max()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """The examples and four synthetic signals, as paths."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("synthetic")
    return [*EXAMPLES, *(write_wav(folder / f"{number}.wav", voiced(rng)) for number in range(4))]


def score(python, model, recordings):
    return json.loads(run(python, "-c", DRIVER, model, *recordings, PYTHONPATH=str(ROOT)).stdout)


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_tflite_runtime_scores_like_litert(model, recordings, old_python):
    new = score(sys.executable, model, recordings)
    old = score(old_python, model, recordings)

    assert new["runtime"].startswith("ai-edge-litert ")
    assert old["runtime"] == "tflite-runtime 2.14.0"
    scored = [cm_score for _, cm_score, _ in new["scores"] if cm_score is not None]
    assert len(scored) >= len(recordings) - 2  # all but too-short.wav and silent.wav

    for (verdict, cm_score, speech_s), (old_verdict, old_cm_score, old_speech_s) in zip(
        new["scores"], old["scores"], strict=True
    ):
        assert old_speech_s == pytest.approx(speech_s, abs=TOLERANCE_SPEECH_S)
        assert (old_cm_score is None) == (cm_score is None)
        if cm_score is None:
            assert old_verdict == verdict
        else:
            assert old_cm_score == pytest.approx(cm_score, abs=BOUND_NATS)


def test_the_command_line_runs_on_tflite_runtime(old_python):
    """NumPy 1 and the old runtime do for `edge score`, with no ai-edge-litert to fall back on."""
    assert run(old_python, "-c", "import ai_edge_litert", check=False).returncode == 1
    shown = run(old_python, "-m", "edge", "score", "--json", *EXAMPLES, PYTHONPATH=str(ROOT)).stdout
    results = [json.loads(line) for line in shown.splitlines()]
    assert [result["path"] for result in results] == [str(path) for path in EXAMPLES]
    assert {path.stem for path in MODELS} >= {result["model"] for result in results}


def test_a_model_with_newer_operators_is_refused(old_python):
    done = subprocess.run(
        [str(old_python), "-c", DRIVER, str(NEEDS_LITERT)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "the TFLite runtime refuses the model" in done.stderr


def test_the_bridge_to_android_follows_a_call_on_tflite_runtime(old_python, tmp_path):
    source = default_model()
    model = tmp_path / source.name
    contract = replace(read_contract(source), operating_points=(POINT,))
    model.write_bytes(embed_contract(source.read_bytes(), contract))
    recording, found = ROOT / "examples/bonafide-telephone.wav", []
    for python in (old_python, sys.executable):
        done = run(python, "-c", BRIDGE_DRIVER, model, recording, PYTHONPATH=str(ROOT))
        found.append(json.loads(done.stdout.splitlines()[-1]))
    (old_version, old), (_, new) = found
    assert old_version.startswith("1.")
    assert old["state"] == new["state"] == "bonafide"
    assert old["cm_score"] == pytest.approx(new["cm_score"], abs=BOUND_NATS)
