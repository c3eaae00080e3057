"""The runtime and the model that this environment has, and ones that it lacks or that do not fit."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from edge.catalog import default_model
from edge.contract import OperatingPoint, embed_contract, read_contract
from edge.doctor.runtime_checks import check_decoders, check_model, check_python, check_speed

POINT = OperatingPoint("balanced", 3.0, -2.0, 0.0, 2.0, 1.0, 60.0, false_alarms_per_h=0.25)


def by_check(findings):
    return {finding.check: finding for finding in findings}


@pytest.fixture
def with_points(tmp_path):
    """Embed the shipped network with operating points of the test's."""

    def embed(*points):
        path = tmp_path / "points.tflite"
        contract = replace(read_contract(default_model()), operating_points=points)
        path.write_bytes(embed_contract(default_model().read_bytes(), contract))
        return str(path)

    return embed


def test_python_and_numpy_are_named():
    found = check_python()
    assert found.level == "ok"
    assert found.facts["python"] == ".".join(map(str, sys.version_info[:3]))


def test_the_shipped_model_loads_and_its_operators_are_listed():
    found, model = check_model(None)
    checks = by_check(found)
    assert model is not None
    assert list(checks) == ["runtime", "model", "points", "operators", "speed"]
    assert {checks[name].level for name in ("runtime", "model", "operators")} == {"ok"}
    assert checks["model"].facts["path"] == str(default_model())
    assert "LOG:1" in checks["operators"].facts["operators"]


def test_operating_points_are_told_with_what_they_cost(with_points):
    points = by_check(check_model(with_points(POINT, replace(POINT, name="quiet", false_alarms_per_h=None)))[0])[
        "points"
    ]
    assert (points.level, points.seen) == ("ok", "balanced (0.25 false alarms an hour), quiet")


def test_a_model_without_operating_points_is_warned_of(with_points):
    points = by_check(check_model(with_points())[0])["points"]
    assert points.level == "warning"
    assert "workbench calibrate" in points.advice


def test_a_model_that_is_none_is_a_problem_and_the_rest_goes_on(tmp_path):
    found, model = check_model(str(tmp_path / "none.tflite"))
    assert model is None
    assert [(finding.check, finding.level) for finding in found] == [("runtime", "ok"), ("model", "problem")]


def test_a_model_that_the_runtime_refuses_is_a_problem_with_the_runtimes_words(tmp_path):
    """A version of an operator that does not exist yet: what an old runtime says to a new model."""
    path, data = tmp_path / "future.tflite", bytearray(default_model().read_bytes())
    _raise_versions(data)
    path.write_bytes(data)
    found, model = check_model(str(path))
    problem = by_check(found)["model"]
    assert model is None
    assert problem.level == "problem"
    assert "Didn't find op for builtin opcode" in problem.seen
    assert "a runtime older than the model" in problem.advice


def _raise_versions(data):
    """Set the version of every operator to 99, where the flatbuffer says that it lies."""
    from edge.doctor import operators

    table = operators._Table
    for code in table.root(bytes(data)).tables(1):
        place = code._place(2)
        if place is not None:
            data[place] = 99


def test_without_a_runtime_the_extra_is_named(monkeypatch):
    for name in ("ai_edge_litert", "tflite_runtime"):
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setitem(sys.modules, f"{name}.interpreter", None)
    monkeypatch.setattr("edge.doctor.runtime_checks.find_spec", lambda name: None)
    (found,), model = check_model(None)
    assert model is None
    assert (found.level, found.seen.partition(":")[0]) == ("problem", "no TFLite runtime is installed")
    assert "bonafone[edge]" in found.advice


def test_a_runtime_that_is_there_and_does_not_load_is_told_apart(monkeypatch, tmp_path):
    """As tflite-runtime beside NumPy 2."""
    folder = tmp_path / "tflite_runtime"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "interpreter.py").write_text("raise ImportError('numpy.core.multiarray failed to import')\n")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setattr("edge.doctor.runtime_checks.find_spec", lambda name: name if name == "tflite_runtime" else None)
    monkeypatch.syspath_prepend(tmp_path)
    (found,), _ = check_model(None)
    assert found.seen == "tflite_runtime is installed and does not load (numpy.core.multiarray failed to import)"


@pytest.mark.parametrize(("step_s", "level"), [(0.1, "ok"), (1.2, "warning")])
def test_a_machine_that_is_too_slow_is_warned_of(model, step_s, level):
    now = [0.0]

    def clock():
        now[0] += step_s
        return now[0]

    found = check_speed(model, clock=clock)
    assert found.level == level
    assert found.facts["rtf"] == pytest.approx(step_s / 2.0)


def test_decoders_are_told_with_their_versions():
    found = list(check_decoders())
    assert [finding.facts["package"] for finding in found] == ["soxr", "soundfile", "av"]
    assert all(finding.level == "ok" for finding in found if finding.facts["package"] != "av")


def test_a_decoder_that_is_missing_or_broken_says_what_cannot_be_heard(monkeypatch, tmp_path):
    (tmp_path / "soundfile.py").write_text("raise OSError('sndfile library not found')\n")
    monkeypatch.delitem(sys.modules, "soundfile", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.syspath_prepend(tmp_path)
    _, soundfile, av = check_decoders()
    assert (soundfile.level, av.level) == ("warning", "warning")
    assert "sndfile library not found" in soundfile.seen
    assert av.seen.endswith("M4A, AAC, AMR and 3GP, which phones record, cannot be read")
    assert av.advice == "pip install 'bonafone[formats]'"
