"""What each adapter needs of the phone, and what none of them may need."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path

import pytest
from call_parts import POINT, SPOOF, pcm16, pieces
from test_bridge_scorer import LiteRtScorer

import android_bridge
from edge.errors import ContractMismatchError

ROOT = Path(__file__).parents[2]
FOLDER = Path(android_bridge.__file__).parent
MODULES = sorted(
    f"{'.'.join(path.parent.relative_to(FOLDER.parent).parts)}.{path.stem}"
    for path in FOLDER.rglob("*.py")
    if path.stem != "__init__"
)
ABSENT = (
    "ai_edge_litert",
    "tflite_runtime",
    "soxr",
    "soundfile",
    "av",
    "click",
    "jpype",
    "jnius",
    "java",
    "tensorflow",
)
SETTINGS = json.dumps({"operating_point": POINT.name})


class JavaPhone:
    """Vibrator and notifications of the app: text in, nothing back."""

    def __init__(self):
        self.buzzes, self.notices = [], []

    def buzz(self, pattern):
        self.buzzes.append(json.loads(pattern))

    def cancel(self):
        pass

    def show(self, notice):
        self.notices.append(json.loads(notice))


class SignedBytes:
    """A byte[] as Chaquopy passes it: a sequence of signed numbers that is no bytes."""

    def __init__(self, data):
        self._data = data

    def __len__(self):
        return len(self._data)

    def __getitem__(self, index):
        value = self._data[index]
        return value - 256 if value > 127 else value


@pytest.fixture
def chaquopy(monkeypatch):
    """Chaquopy's module ``java``, as far as it is used. It is not the real one: that runs on phones only."""
    boot = types.SimpleNamespace(elapsedRealtime=lambda: 12_500)
    module = types.ModuleType("java")
    module.jclass = {"android.os.SystemClock": boot}.__getitem__
    monkeypatch.setitem(sys.modules, "java", module)
    return boot


def test_an_app_with_chaquopy_makes_a_bridge_and_plays_a_call(chaquopy, model, model_path):
    from android_bridge.adapters.chaquopy import create

    phone = JavaPhone()
    bridge = create(str(model_path), LiteRtScorer(model), phone, phone, SETTINGS)
    data, rate = pcm16(SPOOF)
    bridge.open('{"id": "x", "route": "voip"}')
    for piece in pieces(data, rate):
        last = json.loads(bridge.push_pcm16(SignedBytes(piece), rate, False))
    assert (last["state"], last["alarms"]) == ("spoof", 1)
    assert [buzz["usage"] for buzz in phone.buzzes] == ["alarm"]
    assert [notice["kind"] for notice in phone.notices] == ["spoof"]


def test_the_reminder_counts_the_time_that_the_phone_slept(chaquopy, model, model_path):
    from android_bridge.adapters.chaquopy import create

    phone = JavaPhone()
    bridge = create(str(model_path), LiteRtScorer(model), phone, phone, SETTINGS)
    bridge.open('{"id": "x"}')
    chaquopy.elapsedRealtime = lambda: 12_500 + 5_000
    assert json.loads(bridge.poll())["state"] == "blind"


def test_a_model_of_the_app_without_its_operating_point_is_refused_when_it_is_made(chaquopy, model, model_path):
    from android_bridge.adapters.chaquopy import create

    with pytest.raises(ContractMismatchError, match="no operating point 'balanced'"):
        create(str(model_path), LiteRtScorer(model), JavaPhone(), JavaPhone(), "")


def fresh(code, *arguments):
    """Run code in a process where none of `ABSENT` can be imported."""
    blocked = f"import sys\nfor name in {ABSENT!r}:\n    sys.modules[name] = None\n"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", blocked + code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_for_an_app_loads_where_only_numpy_is():
    # Termux has click, and its adapter is a command.
    modules = [name for name in MODULES if name != "android_bridge.adapters.termux"]
    assert len(modules) > 8
    code = f"import {', '.join(modules)}\nprint('\\n'.join(sorted(sys.modules)))"
    done = fresh(code)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not {
        name for name in loaded if name.startswith(("edge.cli.main", "edge.sources", "edge.alerts", "workbench"))
    }


def test_a_call_at_telephone_rate_is_followed_where_only_numpy_is(model_path):
    """The whole way of an app: no LiteRT in Python and no soxr."""
    code = """
import json
from android_bridge.adapters import bridge_to_java
from edge.contract import read_contract

class Java:
    def setRawScoreOutput(self, name): pass
    def stateNames(self): return list(read_contract(sys.argv[1]).state_names)
    def reset(self): pass
    def setState(self, name, values): pass
    def step(self, samples): return [-3.0, 16.0]
    def buzz(self, pattern): print("buzz")
    def cancel(self): pass
    def show(self, notice): print("show")

java = Java()
bridge = bridge_to_java(sys.argv[1], java, java, java, sys.argv[2])
bridge.open('{"id": "x"}')
for _ in range(250):
    last = bridge.push_pcm16(bytes([1, 0] * 160), 8000)
print(json.loads(last)["state"])
"""
    done = fresh(code, str(model_path), SETTINGS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["buzz", "show", "spoof"]
