"""Small configurations and corpora on which the workbench runs in seconds."""

from __future__ import annotations

import os
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


SOLVED = {
    "patch_size": [3, 5],
    "patch_regions": 2,
    "widths": [],
    "dilations": [],
    "head_units": 0,
    "batch_norm": False,
}
"""Of a table ``[model]``: small patches and a linear head, and nothing that only descent can train."""


ENCODER = {
    "encoder_blocks": 2,
    "encoder_width": 128,
    "encoder_head_units": 8,
    "widths": [],
    "dilations": [],
    "chunk_samples": 2560,
}
"""Of a table ``[model]``: a narrow encoder, alone or beside patches."""


def tiny_config(**parts):
    """A detector of two narrow blocks; ``descent`` names fields of the table ``[train.descent]``."""
    from workbench.config import config_from_dict

    tables = {
        "name": "tiny",
        "frontend": {"n_mels": 40},
        "model": {"widths": [8, 8], "dilations": [1, 2], "head_units": 4, "dropout": 0.0},
        "train": {"batch_size": 4, "clip_s": 1.0},
    }
    descent = {"epochs": 2, "steps_per_epoch": 4, "early_stopping_epochs": 5, **parts.pop("descent", {})}
    for part, values in parts.items():
        tables.setdefault(part, {}).update(values)
    tables["train"]["descent"] = descent
    return config_from_dict(tables)


def stream_through(network, samples: np.ndarray) -> np.ndarray:
    """Raw score after each chunk of a stream, by the network's step graph."""
    step, raw_score, chunk = network.step_model(), [], network.config.model.chunk_samples
    network.step_model = lambda: step  # what a stream starts with is read from the same graph
    states = network.initial_states()
    for start in range(0, len(samples), chunk):
        outputs = step({"samples": samples[None, start : start + chunk], **states})
        raw_score.append(float(outputs["raw_score"][0]))
        states = {name: outputs[name] for name in states}
    return np.array(raw_score)


@pytest.fixture
def make_config():
    return tiny_config


def make_voice(rng: np.random.Generator, seconds: float, *, spoof: bool = False, rate: int = 16000) -> np.ndarray:
    """A harmonic tone in syllables; a "spoof" lacks everything above 3 kHz, so that even a tiny network can tell."""
    time = np.arange(round(seconds * rate)) / rate
    pitch = rng.uniform(90.0, 220.0)
    top = 3000.0 if spoof else 7000.0
    voice = sum(np.sin(2 * np.pi * pitch * k * time + rng.uniform(0, 6)) / k for k in range(1, int(top / pitch)))
    voice = voice * (0.6 + 0.4 * np.sin(2 * np.pi * 4.0 * time)) + 0.003 * rng.standard_normal(len(time))
    return (0.5 * voice / np.abs(voice).max()).astype(np.float32)


@pytest.fixture
def voice(rng):
    """Make a voice of so many seconds."""
    return lambda seconds, **options: make_voice(rng, seconds, **options)


@pytest.fixture(scope="session")
def speech():
    """Four seconds of a real voice at 16 kHz, from the examples of the repository."""
    from workbench.data.cache import decode

    example = Path(__file__).parents[2] / "examples" / "bonafide-librivox.flac"
    samples = decode(example, 16000)[16000:80000]
    # Shared by many tests: none may change it.
    samples.setflags(write=False)
    return samples


def write_voice(path: Path, samples: np.ndarray, rate: int = 16000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


@pytest.fixture(scope="session")
def shared_voices(tmp_path_factory):
    """A dozen voices of 2 s a side, in ``bonafide`` and ``spoof``: to read only."""
    root, rng = tmp_path_factory.mktemp("shared-voices"), np.random.default_rng(7)
    for label in ("bonafide", "spoof"):
        for index in range(12):
            write_voice(root / label / f"{label}{index:02}.wav", make_voice(rng, 2.0, spoof=label == "spoof"))
    return root


@pytest.fixture
def voices(shared_voices, tmp_path):
    """`shared_voices`, as a test's own."""
    shutil.copytree(shared_voices, tmp_path, dirs_exist_ok=True)
    return tmp_path / "bonafide", tmp_path / "spoof"


@pytest.fixture(scope="module")
def few_resamples():
    """For tests that ask what is reported, not how sure it is: a tenth of the resamples behind each interval."""
    from workbench.evaluate import comparison, durations, evaluate

    with pytest.MonkeyPatch.context() as patch:
        for module in (comparison, durations, evaluate):
            patch.setattr(module, "RESAMPLES", 100)
        yield


@pytest.fixture
def write_recording():
    """Write samples [range -1 to 1] as a 16-bit WAV file."""
    return write_voice


@pytest.fixture
def corpus(tmp_path):
    """Eight clips of noise, 500 ms and longer, each of another length; every second one is spoof."""
    from workbench.data.manifest import Manifest, Row

    rng = np.random.default_rng(5)
    rows = []
    for index in range(8):
        write_voice(tmp_path / f"{index}.wav", 0.3 * rng.uniform(-1, 1, 8000 + 100 * index))
        label = "spoof" if index % 2 else "bonafide"
        rows.append(Row(f"{index}.wav", label=label, attack_id="x" if index % 2 else "-"))
    return Manifest(tuple(rows), tmp_path)


@pytest.fixture
def tree(tmp_path):
    """Write recordings and text files below tmp_path."""

    def write(files=(), texts=None):
        for name in files:
            write_voice(tmp_path / name, np.zeros(16))
        for name, text in (texts or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


@pytest.fixture
def facts():
    """Map each path of a manifest to the named fields of its row."""
    return lambda manifest, *names: {row.path: tuple(getattr(row, name) for name in names) for row in manifest.rows}
