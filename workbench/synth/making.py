"""Make one clip: load its engine once a process, run it, match it, write it, and describe it as a manifest row."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.resampling import Resampler
from workbench.data.atomic_file import write_flac
from workbench.data.cache import decode
from workbench.data.manifest import Row
from workbench.errors import SynthesisError
from workbench.synth.catalog import ENGINES, find_engine
from workbench.synth.engine import CopyEngine, Speech, SpeechEngine
from workbench.synth.matching import match, on_grid
from workbench.synth.tasks import Task

Float = NDArray[np.float32]

RATE = 16000
"""Hz, of everything that is written."""
_PEAK = 0.9
_STEP = 16
"""Grid of spoken clips in 16 bits: 12 significant bits, so that none is cleaner than a real recording can be."""
_MIN_S = 0.3


def make(task: Task, folder: Path, engines: Path) -> Row:
    """Make the task's clip in ``folder`` and return its row, with a path relative to that.

    Raises
    ------
    SynthesisError, AudioError
        The engine makes nothing of it, or the original cannot be read.
    """
    engine = _engine(task.engine, engines)
    rng = np.random.default_rng(task.seed)
    if task.original is None:
        samples, row = _speak(task, engine, rng)  # type: ignore[arg-type]
    else:
        samples, row = _copy(task, engine, rng)  # type: ignore[arg-type]
    if not np.isfinite(samples).all() or not samples.any():
        raise SynthesisError(f"engine {task.engine} made no sound of it")
    if len(samples) < _MIN_S * RATE:
        raise SynthesisError(f"engine {task.engine} made only {len(samples) / RATE:.2f} s; at least {_MIN_S} s wanted")
    write_flac(folder / task.file, samples, RATE)
    return replace(row, path=task.file, duration_s=f"{len(samples) / RATE:.2f}")


@lru_cache(maxsize=4)
def _engine(name: str, engines: Path) -> CopyEngine | SpeechEngine:
    return find_engine(name, engines).load(engines)


def _copy(task: Task, engine: CopyEngine, rng: np.random.Generator) -> tuple[Float, Row]:
    assert task.original is not None
    row, path = task.original
    original = decode(path, RATE)
    speech = engine.copy(original, RATE, rng)
    spec = ENGINES[task.engine]
    described = replace(
        row,
        label="spoof",
        attack_id=spec.attack_id(speech.variant),
        attack_family=spec.attack_family,
        source_path=row.path,
        label_confidence="high",
        paired="yes",
    )
    return match(speech, original, rng), described


def _speak(task: Task, engine: SpeechEngine, rng: np.random.Generator) -> tuple[Float, Row]:
    assert task.sentence is not None
    speech = engine.speak(task.sentence.text, task.voice, task.sentence.language, rng)
    spec = ENGINES[task.engine]
    row = Row(
        path="",
        split=spec.split,
        label="spoof",
        attack_id=spec.attack_id(speech.variant),
        attack_family=spec.attack_family,
        speaker_id=f"{spec.name}_{task.voice}",
        language=task.sentence.language,
        source_sample_rate=str(speech.sample_rate),
        source_repo=f"synth-{spec.family}",
        licence=spec.licence,
        label_confidence="high",
        paired="no",
    )
    return _at_rate(speech), row


def _at_rate(speech: Speech) -> Float:
    resampler = Resampler(speech.sample_rate, RATE)
    samples = np.concatenate([resampler.feed(speech.samples), resampler.flush()])
    return on_grid(samples * np.float32(_PEAK / max(float(np.abs(samples).max(initial=0.0)), 1e-9)), _STEP)
