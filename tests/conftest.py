"""Fixtures of every test; where tests cache; and the path to the programs in tools/, scripts that are imported by name."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "research")]

# Before TensorFlow, Keras or matplotlib is imported, here or in a process that a test starts: each would write into the
# home folder. Git ignores .cache/.
CACHE = ROOT / ".cache"
os.environ |= {
    "XDG_CACHE_HOME": str(CACHE),
    "MPLCONFIGDIR": str(CACHE / "matplotlib"),
    "KERAS_HOME": str(CACHE / "keras"),
}


def pytest_collection_finish():
    """What importing has left stays: to look through TensorFlow's objects takes a second of every full collection."""
    gc.freeze()


@pytest.fixture
def rng():
    return np.random.default_rng(0)
