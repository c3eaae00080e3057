"""The arrows between the packages, and what a user pays for starting a command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from environments import ROOT, run

HEAVY = {"tensorflow", "tf_keras", "tensorflow_model_optimization", "librosa", "scipy", "matplotlib", "tqdm"}
RUNTIMES = {"ai_edge_litert", "tflite_runtime"}
SOURCES = ("edge", "workbench", "android_bridge", "tools")
MAX_LINES = 400


def modules(folder):
    return sorted((ROOT / folder).rglob("*.py")) if (ROOT / folder).is_dir() else []


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_by(code):
    """Return the top-level packages that a fresh interpreter has loaded after ``code``."""
    done = run(sys.executable, "-c", f"{code}\nimport json, sys\nprint('\\n' + json.dumps(sorted(sys.modules)))")
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def every_help(module):
    """Code that prints the help of a program and of each command below it."""
    return f"""
import click
from {module} import main

def show(command, path):
    main.main([*path, "--help"], prog_name="program", standalone_mode=False)
    if isinstance(command, click.Group):
        for name in command.commands:
            show(command.commands[name], [*path, name])

show(main, [])
"""


def test_the_runtime_loads_nothing_of_the_workbench_and_nothing_heavy():
    names = [dotted(path) for path in modules("edge") if path.name != "__main__.py"]
    loaded = imported_by("import " + ", ".join(names))
    assert "edge" in loaded
    assert not loaded & (HEAVY | {"workbench", "android_bridge"})


def test_importing_the_runtime_does_not_load_an_interpreter_yet():
    assert not imported_by("import edge.model, edge.decision, edge.contract") & RUNTIMES


@pytest.mark.parametrize("module", ["edge.cli.main", "workbench.cli.main"])
def test_help_loads_neither_numpy_nor_a_runtime(module):
    loaded = imported_by(every_help(module))
    assert "click" in loaded
    assert not loaded & (HEAVY | RUNTIMES | {"numpy", "soundfile", "soxr", "av"})


def test_import_linter_keeps_every_contract():
    done = run(Path(sys.executable).parent / "lint-imports", "--no-cache", check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("path", [path for folder in SOURCES for path in modules(folder)], ids=dotted)
def test_a_module_has_at_most_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_no_module_is_named_for_having_no_subject():
    names = {path.name for folder in SOURCES for path in modules(folder)}
    assert not names & {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common.py"}


@pytest.mark.parametrize("path", [path for path in modules("tools") if "__main__" in path.read_text()], ids=dotted)
def test_a_tool_explains_itself_with_an_example(path):
    shown = run(sys.executable, path, "--help").stdout
    assert shown.lower().startswith("usage:")
    assert "Example:" in shown
