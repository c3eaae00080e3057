"""Every engine by name, what it needs, and whether that is here."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import SynthesisError
from workbench.synth.catalog import COPY_ENGINES, SPEECH_ENGINES
from workbench.synth.engine import CopyEngine, EngineSpec, SpeechEngine

ENGINES = {spec.name: spec for spec in (*COPY_ENGINES, *SPEECH_ENGINES)}


def find_engine(name: str, engines: Path) -> EngineSpec:
    """The engine of this name, if all that it needs is here; ``engines`` is the folder that fetch_engines.py fills.

    Raises
    ------
    SynthesisError
        There is none, or something of it is missing; with how to get it.
    """
    if name not in ENGINES:
        raise SynthesisError(f"there is no engine {name!r}; expected one of {', '.join(ENGINES)}")
    spec = ENGINES[name]
    reason = why_missing(spec, engines)
    if reason is not None:
        raise SynthesisError(f"engine {name} cannot run: {reason}; install it: {spec.install}")
    return spec


def choose_engines(names: Sequence[str], engines: Path) -> list[EngineSpec]:
    """The engines of these names, once each; every copy engine that can run if there are none."""
    if names:
        return [find_engine(name, engines) for name in dict.fromkeys(names)]
    return [spec for spec in COPY_ENGINES if why_missing(spec, engines) is None]


def why_missing(spec: EngineSpec, engines: Path) -> str | None:
    """What of an engine is not here, or None; nothing is imported to find out."""
    missing = [f"Python package {name}" for name in spec.modules if importlib.util.find_spec(name) is None]
    missing += [f"program {name}" for name in spec.commands if shutil.which(name) is None]
    missing += [str(engines / name) for name in spec.files if not (engines / name).exists()]
    return f"{' and '.join(missing)} missing" if missing else None


def load_engine(name: str, engines: Path) -> CopyEngine | SpeechEngine:
    """Load the engine; see `find_engine`."""
    return find_engine(name, engines).load(engines)
