"""The two protocols of synthesis engines, and the facts about an engine that need no loading."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Speech:
    """The output of an engine.

    Attributes
    ----------
    samples : [shape=(n,), float32]
    sample_rate : Hz; for a copy, that of the recording it copies.
    variant : the kind of processing drawn, empty for the plain one; becomes part of the attack's name.
    aligned : a copy whose every instant is the original's; not so where time was stretched.
    reach_hz : the vocoder makes nothing, or nothing that follows the original, above this frequency.
    """

    samples: Float
    sample_rate: int
    variant: str = ""
    aligned: bool = True
    reach_hz: float = math.inf


class CopyEngine(Protocol):
    """Makes a recording anew from a vocoder's description of it."""

    def copy(self, samples: Float, sample_rate: int, rng: np.random.Generator) -> Speech:
        """Copy ``samples`` [shape=(n,), range -1 to 1] at ``sample_rate`` Hz; what is random comes from ``rng``.

        Raises
        ------
        SynthesisError
            The recording gives the vocoder nothing to work with.
        """
        ...


class SpeechEngine(Protocol):
    """Reads a text aloud."""

    def speak(self, text: str, voice: str, language: str, rng: np.random.Generator) -> Speech:
        """Read ``text``, written in ``language`` (ISO 639-1), by ``voice``, one of the engine's names.

        Raises
        ------
        SynthesisError
            The engine fails or says nothing.
        """
        ...


@dataclass(frozen=True)
class EngineSpec:
    """Facts about an engine that need no loading.

    Attributes
    ----------
    name : as the command line takes it.
    attack : the stem of its ``attack_id``.
    attack_family : as in a manifest's column.
    family : engines of one family share training, code or data, and stay on one side of a split.
    licence : of the code and weights that are used.
    install : how to get it.
    modules : Python packages that it needs.
    files : what it needs in the folder of engines, relative to that.
    commands : programs that it runs.
    load : makes the engine, given the folder of engines; imports what is heavy.
    split : the side that clips of a speaking engine go to; a copy's is that of its original.
    voices : of a speaking engine: language to voice names.
    """

    name: str
    kind: Literal["copy", "tts"]
    attack: str
    attack_family: str
    family: str
    licence: str
    install: str
    load: Callable[[Path], CopyEngine | SpeechEngine]
    modules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    split: str = "train"
    voices: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def attack_id(self, variant: str) -> str:
        """Compose a manifest's ``attack_id``: the stem, the variant, and a mark of copies."""
        name = f"{self.attack} {variant}".strip()
        return f"{name} (copy-synthesis)" if self.kind == "copy" else name
