"""Recordings, models and processes for the runtime's tests."""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.catalog import default_model
from edge.contract import embed_contract, read_contract
from edge.model import Model
from tests.edge.harness import Clock, Running

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"


@pytest.fixture(scope="session")
def model():
    """The shipped model; what it answers is pinned in test_shipped_model.py alone."""
    return Model.load(default_model())


def with_contract(path, **changes):
    """Write the shipped network with other values in its contract."""
    shipped = default_model()
    path.write_bytes(embed_contract(shipped.read_bytes(), replace(read_contract(shipped), **changes)))
    return path


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def receiver():
    # Not every environment of the tests has what the receiver verifies with.
    from tests.edge.alert_receiver import SECRET, Receiver

    with Receiver(SECRET, check_time=True) as running:
        yield running


@pytest.fixture
def start_edge(tmp_path):
    """Start `edge` with these arguments; whatever still runs at the end is killed."""
    running = []

    def start(*arguments, env, **options):
        running.append(Running(arguments, tmp_path / f"process-{len(running)}", env, **options))
        return running[-1]

    yield start
    for process in running:
        process.close()


@pytest.fixture
def speech(rng):
    """Make what the speech measure counts as speech: syllables of harmonics and a little noise."""

    def make(seconds, rate=16000):
        time = np.arange(round(seconds * rate)) / rate
        tone = sum(np.sin(2 * np.pi * 130.0 * k * time) / k for k in range(1, 30) if 130.0 * k < 0.45 * rate)
        voice = 0.15 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4.0 * time)) + 0.002 * rng.standard_normal(len(time))
        return voice.astype(np.float32)

    return make


def write_wav(path, samples, rate=16000, width=2):
    """Write float samples [shape=(n,) or (n, channels)] as PCM of ``width`` bytes."""
    samples = np.asarray(samples, np.float64)
    samples = samples[:, None] if samples.ndim == 1 else samples
    scaled = np.rint(samples * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    if width == 1:
        data = (scaled + 128).astype(np.uint8).tobytes()
    else:
        data = scaled.astype("<i8").view(np.uint8).reshape(*scaled.shape, 8)[..., :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path
