"""`import edge` is the public API: lazy, documented, with examples that run."""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys

import numpy as np
import pytest

import edge
import edge.model
import edge.scoring
import edge.stream
from tests.edge.conftest import EXAMPLES, REPOSITORY

PAGE = REPOSITORY / "docs" / "python.md"


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    """Examples name recordings by their path from the top."""
    monkeypatch.chdir(REPOSITORY)


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def loaded_by(code):
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(json.loads(done.stdout))


def test_importing_edge_loads_neither_numpy_nor_a_runtime():
    assert not loaded_by("import edge; edge.__version__; dir(edge)") & {
        "numpy",
        "click",
        "ai_edge_litert",
        "edge.model",
    }
    assert "ai_edge_litert" not in loaded_by("from edge import load_model, EdgeError")


def test_every_public_name_imports_and_is_documented():
    page = PAGE.read_text(encoding="utf-8")
    named = {name.split(".")[0] for name in re.findall(r"`(?:edge\.)?([A-Za-z_.]+)(?:\([^`]*\))?`", page)}
    assert set(edge.__all__) <= set(dir(edge))
    for name in edge.__all__:
        assert getattr(edge, name).__doc__
        assert name in named, f"docs/python.md does not name {name}"
    shown = set(re.findall(r"\bedge\.([A-Za-z_]+)", page)) - {"__version__"}
    assert shown <= set(edge.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'load_modle'; public are AudioError"):
        _ = edge.load_modle


@pytest.mark.parametrize("module", [edge.model, edge.scoring, edge.stream], ids=lambda module: module.__name__)
def test_the_examples_of_docstrings_run(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_the_examples_of_the_page_run():
    pytest.importorskip("soundfile", reason="needs the edge extra")
    test = doctest.DocTestParser().get_doctest("\n".join(python_blocks(PAGE)), {}, PAGE.name, str(PAGE), 0)
    assert not doctest.DocTestRunner().run(test).failed


def test_the_examples_of_the_readme_run(capsys):
    pytest.importorskip("soundfile", reason="needs the edge extra")
    file, live = python_blocks(REPOSITORY / "README.md")
    exec(file, {})
    assert capsys.readouterr().out == "spoof\n"
    exec(live, {})
    assert capsys.readouterr().out.splitlines()[-1].startswith("bonafide 0.8")
    assert [len([line for line in code.splitlines() if line]) for code in (file, live)] == [2, 5]


def test_a_path_and_its_samples_score_alike(model):
    soundfile = pytest.importorskip("soundfile", reason="needs the edge extra")
    path = EXAMPLES / "bonafide-telephone.wav"
    samples, rate = soundfile.read(path, dtype="float32")
    from_path, from_samples = model.score(path), model.score(samples, sample_rate=rate)
    assert from_samples.decision == from_path.decision
    assert (from_samples.path, from_samples.duration_s) == (None, from_path.duration_s)
    assert from_path.as_dict() == {**from_samples.as_dict(), "path": str(path)}


@pytest.mark.parametrize(
    ("recording", "options", "error", "message"),
    [
        (np.zeros((10, 2)), {}, edge.UnreadableAudioError, r"one-dimensional array of floats .* got shape \(10, 2\)"),
        (np.zeros(10, np.int16), {}, edge.UnreadableAudioError, "of int16; select a channel, and divide integers"),
        (np.full(10, np.nan), {}, edge.UnreadableAudioError, "NaN or infinite"),
        (np.full(10, 20000.0), {}, edge.UnreadableAudioError, "as large as 2e[+]04"),
        (np.zeros(10), {"channel": "left"}, edge.ChannelError, "samples are of one channel"),
        (EXAMPLES / "silent.wav", {"channel": "each"}, edge.ChannelError, "call score_channels"),
        (EXAMPLES / "silent.wav", {"sample_rate": 8000}, ValueError, "a file states its own"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_refused(model, recording, options, error, message):
    with pytest.raises(error, match=message):
        model.score(recording, **options)
