"""Fixtures of every test, and the way to the programs in tools/: scripts, not a package, imported by name."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))


@pytest.fixture
def rng():
    return np.random.default_rng(0)
