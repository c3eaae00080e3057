"""The environment of an old board: Python 3.11, tflite-runtime 2.14, NumPy 1."""

from __future__ import annotations

import platform
import shutil
import sys

import pytest
from environments import ROOT, alone, pip, require_registry, run

PACKAGES = ("tflite-runtime==2.14.0", "numpy<2", "click", "soundfile", "soxr")
ENVIRONMENT = ROOT / ".venv-tflite-runtime"


def python_311():
    if platform.system() != "Linux" or platform.machine() not in {"x86_64", "aarch64", "armv7l"}:
        pytest.skip(f"tflite-runtime has no wheel for {platform.system()} on {platform.machine()}")
    found = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if found is None:
        pytest.skip("tflite-runtime 2.14 needs Python 3.11, which is not installed")
    return found


@pytest.fixture(scope="session")
def old_python(tmp_path_factory):
    """The interpreter of an environment with tflite-runtime; made once and kept in the checkout, ignored by git."""
    base, python = python_311(), ENVIRONMENT / "bin" / "python"
    probe = "import click, numpy, soundfile, soxr, tflite_runtime.interpreter"
    # Tests of this folder run in several processes, and each would clear what another is filling.
    with alone():
        if not python.exists() or run(python, "-c", probe, check=False).returncode:
            require_registry(tmp_path_factory.mktemp("probe"))
            run(base, "-m", "venv", "--clear", ENVIRONMENT)
            pip(python, "install", "--quiet", "--only-binary", ":all:", *PACKAGES)
    return python
