"""A program in Java plays an Android app, with the app's own border and scorer, through two bridges and both ways.

Java pushes audio into Python; Python runs the app's `LiteRtScorer`; that runs a stand-in for LiteRT's Java class, whose
arithmetic is LiteRT's on this machine. The verdicts are right because the operating point lies between these two
examples' scores (see call_parts.py).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from call_parts import BONAFIDE, POINT, SPOOF, Clock, Phone, pcm16, push

from android_bridge.audio import PolyphaseResampler
from android_bridge.guard import CallGuard
from android_bridge.phone import BuzzPattern
from android_bridge.settings import GuardSettings

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
APP = ROOT / "android_bridge" / "app" / "app" / "src" / "main" / "java" / "org" / "bonafone" / "guard"
SOURCES = [*sorted((HERE / "java").rglob("*.java")), APP / "GuardBridge.java", APP / "LiteRtScorer.java"]
BRIDGES = {"jpype": "jpype", "pyjnius": "jnius"}
TIMEOUT_S = 300

pytestmark = [
    pytest.mark.slow,
    pytest.mark.programs,
    pytest.mark.skipif(shutil.which("javac") is None, reason="needs javac, of the Debian package default-jdk-headless"),
]


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    done = subprocess.run(
        ["javac", "-Xlint:all", "-Werror", "-d", str(folder), *map(str, SOURCES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    """Files of bare PCM16 and their rates."""
    folder = tmp_path_factory.mktemp("pcm")
    found = {}
    for name, (data, rate) in {
        "bonafide": pcm16(BONAFIDE),
        "spoof": pcm16(SPOOF),
        "zeros": (bytes(2 * 8000 * 3), 8000),
    }.items():
        path = folder / f"{name}.pcm"
        path.write_bytes(data)
        found[name] = (str(path), rate)
    return found


@pytest.fixture(scope="module", params=sorted(BRIDGES))
def answers(request, classes, audio, model_path):
    """What the app was answered in one story, and what was felt; one process a bridge, since a JVM starts once."""
    if importlib.util.find_spec(BRIDGES[request.param]) is None:
        pytest.skip(f"needs the package {request.param}")
    steps = [
        ["poll"],
        ["acknowledge"],
        ["screen", '{"presentation": "restricted", "verification": "failed"}'],
        ["score", *audio["spoof"]],
        *(["open", "real", "voip"], ["hear", *audio["bonafide"], False], ["timeline"], ["hangUp"]),
        *(["open", "fake", "voip"], ["hear", *audio["spoof"], False], ["acknowledge"], ["wait", 20], ["hangUp"]),
        *(["open", "flag", "voip"], ["hear", *audio["bonafide"], True], ["open", "second", "voip"], ["hangUp"]),
        *(["open", "lost", "none"], ["hear", audio["bonafide"][0], 7000, False], ["loseRoute"], ["hangUp"]),
        *(["break"], ["open", "broken", "voip"], ["hear", *audio["spoof"], False], ["hangUp"]),
    ]
    story = {
        "classes": str(classes),
        "model": str(model_path),
        "settings": json.dumps({"operating_point": POINT.name}),
        "steps": steps,
    }
    done = subprocess.run(
        [sys.executable, str(HERE / f"jvm_{request.param}.py")],
        input=json.dumps(story),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def of(answers, call):
    return [answer for answer in answers["answers"] if answer.get("call") == call]


def test_the_right_verdicts_arrive_and_the_alarm_is_felt_exactly_once(answers):
    real, fake = of(answers, "real"), of(answers, "fake")
    assert (real[-1]["state"], real[-1]["shown"], real[-1]["alarms"]) == ("closed", "bonafide", 0)
    assert (fake[-1]["state"], fake[-1]["shown"], fake[-1]["alarms"]) == ("closed", "spoof", 1)
    assert [answer["alarm"] for answer in fake].count(True) == 1
    assert answers["buzzes"] == [json.loads(BuzzPattern().to_json())]
    # Once by the answer, once as the last call closes.
    assert answers["cancelled"] == 2
    assert [(notice["kind"], notice["call"]) for notice in answers["notices"]] == [
        *(("spoof", "fake"), ("silenced", "flag"), ("blind", "lost"), ("spoof", "broken"))
    ]


def test_the_scores_are_to_the_bit_those_of_the_runtime_in_python(answers, model):
    phone, clock = Phone(), Clock()
    settings = GuardSettings(POINT.name)
    guard = CallGuard(
        model, buzzer=phone, notifier=phone, clock=clock, settings=settings, make_converter=PolyphaseResampler
    )
    for call, example in (("real", BONAFIDE), ("broken", SPOOF)):
        guard.open({"id": call, "route": "voip"})
        expected = [answer["cm_score"] for answer in push(guard, clock, *pcm16(example))]
        expected += [guard.flush()["cm_score"], guard.close()["cm_score"]]
        assert len([score for score in expected if score is not None]) > 100
        assert [answer["cm_score"] for answer in of(answers, call)] == [None, *expected]


def test_what_android_withholds_or_cannot_route_carries_no_score(answers):
    for call, shown in (("flag", "silenced"), ("lost", "blind")):
        found = of(answers, call)
        assert found[-1]["shown"] == shown
        assert {answer["cm_score"] for answer in found} == {None}


def test_numbers_are_screened_and_recordings_scored(answers):
    (caution,) = [answer for answer in answers["answers"] if "level" in answer]
    assert (caution["level"], caution["verdict"]) == ("warning", None)
    (verdict,) = [answer for answer in answers["answers"] if "spoof_s" in answer]
    assert verdict["cm_score"] < POINT.enter_below
    (timeline,) = [answer for answer in answers["answers"] if "points" in answer]
    assert len(timeline["points"]) > 10


def test_a_mistake_of_the_app_comes_back_as_words(answers):
    assert answers["answers"][0] == {"state": "idle"}
    errors = [answer for answer in answers["answers"] if "error" in answer]
    assert errors[0]["error"].startswith("no call is open: ")
    assert {error["kind"] for error in errors} == {"CallStateError", "PcmError"}
    assert "call flag is open: close it before the call second is opened" in {error["error"] for error in errors}


def test_a_vibrator_that_throws_in_java_does_not_end_the_call(answers):
    last = of(answers, "broken")[-1]
    assert (last["shown"], last["alarms"]) == ("spoof", 1)
    assert last["trouble"].startswith("the vibrator failed in the app: ")
    assert "no vibrator" in last["trouble"]
