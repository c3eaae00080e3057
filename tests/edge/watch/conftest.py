"""Models that call every voice spoof, or none; recordings that differ; a clock that tests turn."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from edge.catalog import default_model
from edge.contract import embed_contract, read_contract

# The webhook receiver of the alerts' tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alerts"))

LONG_AGO = 1_600_000_000


class TurnedClock:
    """Seconds since 1970 and monotonic seconds, moved by the test alone."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return TurnedClock()


def _judging(folder, name, spoof_below):
    shipped = default_model()
    contract = read_contract(shipped)
    thresholds = dataclasses.replace(
        contract.thresholds,
        spoof_below=spoof_below,
        bonafide_above=max(spoof_below, contract.thresholds.bonafide_above),
    )
    path = folder / f"{name}.tflite"
    path.write_bytes(embed_contract(shipped.read_bytes(), dataclasses.replace(contract, thresholds=thresholds)))
    return path


@pytest.fixture(scope="session")
def suspicious(tmp_path_factory):
    """A model that calls every voice spoof."""
    return _judging(tmp_path_factory.mktemp("models"), "suspicious", 1000.0)


@pytest.fixture(scope="session")
def trusting(tmp_path_factory):
    """A model that calls no voice spoof."""
    return _judging(tmp_path_factory.mktemp("models"), "trusting", -1000.0)


@pytest.fixture
def record(speech):
    """Write a recording of a voice; no two have the same content. ``ago_s`` sets its time back."""
    numbers = itertools.count(1)

    def make(path, seconds=2.5, ago_s=None, rate=8000):
        samples = speech(seconds, rate)
        samples[:1] = next(numbers) / 1000
        data = np.rint(samples * 32767).astype("<i2").tobytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(data)
        if ago_s is not None:
            status = path.stat()
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - int(ago_s * 1e9)))
        return path

    return make


@pytest.fixture
def age():
    """Set the time of a file or folder far back, as if it had been there for years."""

    def make(path):
        os.utime(path, (LONG_AGO, LONG_AGO))
        return path

    return make
