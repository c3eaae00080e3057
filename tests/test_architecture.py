"""The arrows between the packages, and what a user pays for starting a command."""

from __future__ import annotations

import ast
import json
import sys

import pytest
from environments import ROOT, run

HEAVY = {"tensorflow", "tf_keras", "tensorflow_model_optimization", "librosa", "scipy", "matplotlib", "tqdm"}
RUNTIMES = {"ai_edge_litert", "tflite_runtime"}
SOURCES = ("edge", "workbench", "android_bridge", "tools")
MAX_LINES = 400


def modules(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def every_module():
    return [path for folder in SOURCES for path in modules(folder)]


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


def test_a_module_fits_in_one_read():
    """At most 250 lines, 400 where it is one subject and a cut would make the reader jump."""
    lengths = {dotted(path): len(path.read_text(encoding="utf-8").splitlines()) for path in every_module()}
    assert not {name: lines for name, lines in lengths.items() if lines > MAX_LINES}


def test_every_package_says_in_a_few_lines_what_is_in_it_and_where_to_begin():
    inits = [path for path in every_module() if path.name == "__init__.py"]
    texts = {dotted(path): ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in inits}
    assert texts
    assert not [name for name, text in texts.items() if len(text.splitlines()) < 2]


def test_no_module_is_named_for_having_no_subject():
    names = {path.name for path in every_module()}
    assert not names & {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common.py"}


def test_every_tool_explains_itself_with_an_example():
    tools = [path for path in modules("tools") if "__main__" in path.read_text(encoding="utf-8")]
    shown = {dotted(path): run(sys.executable, path, "--help", PYTHONPATH=str(ROOT)).stdout for path in tools}
    assert shown
    assert not [name for name, text in shown.items() if not text.lower().startswith("usage:") or "Example:" not in text]
