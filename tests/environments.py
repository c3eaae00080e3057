"""Virtual environments that tests make, apart from the one that runs them."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import venv
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
PROBE = next(line for line in CONSTRAINTS.read_text().splitlines() if line.startswith("click=="))


@contextmanager
def alone():
    """No other process of this checkout's tests is in such a block meanwhile; whoever comes second waits."""
    with CONSTRAINTS.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def run(*command, cwd=ROOT, check=True, **environment):
    """Run a program with this checkout kept off its path; return what it did, or fail with what it said."""
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**clean, "COLUMNS": "100", "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        pytest.fail(f"{' '.join(map(str, command))} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def pip(python, *arguments, check=True):
    return run(python, "-m", "pip", "--disable-pip-version-check", *arguments, check=check)


def require_registry(folder):
    """Skip when no package can be fetched at all; after it, a package that is not found is a failure."""
    done = pip(
        sys.executable, "download", "--no-deps", "--no-cache-dir", "--retries", "0", "-d", folder, PROBE, check=False
    )
    if done.returncode:
        pytest.skip(f"packages cannot be fetched: pip download {PROBE} exited {done.returncode}")


def make_environment(folder):
    """Make a virtual environment of this Python; return its interpreter."""
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def installed(python):
    """Return the distributions of an environment: name in lower case → version."""
    listed = json.loads(pip(python, "list", "--format", "json").stdout)
    return {item["name"].lower().replace("_", "-"): item["version"] for item in listed}
