"""Build a small real data set to practise `workbench train` on: telephone prompts, and synthetic speech beside them.

Real: prompts that five voice talents recorded for Asterisk in five languages (Debian, CC-BY-SA 3.0). Synthetic: the
voices of Flite reading sentences, and copies of some prompts through a mel spectrogram and Griffin-Lim's algorithm
(librosa), which differ from their originals in nothing else. It shows the way, and a detector trained on it is good
for nothing else: no modern synthesis is in it.

Fetches some 60 MB through apt-get, so it needs a Debian system. One folder a speaker, one a synthesis system.

Example: python tools/build_practice_set.py practice
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import librosa
import numpy as np
import soundfile as sf
from example_sources import Float, Sources, unpack_debian
from tqdm import tqdm

RATE = 16000
LANGUAGES = ("en", "es", "fr", "it", "ru")
PROMPTS_EACH = 60
COPIES_EACH = 25
FLITE_VOICES = ("awb", "kal16", "rms", "slt")
MIN_S, MAX_S = 2.0, 6.0
PEAK = 0.7

OPENINGS = (
    "Good morning, this is the front desk",
    "Hello, I am calling from the bank",
    "Please stay on the line",
    "Your order left the warehouse yesterday",
    "The doctor will see you on Tuesday",
    "We tried to reach you this afternoon",
    "Thank you for waiting",
    "The meeting was moved to the small room",
)
ENDINGS = (
    "and we will be with you in a moment.",
    "so please have your number ready.",
    "but nobody was at home.",
    "because the train from the coast is late.",
    "and there is nothing else to pay.",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to put bonafide/ and spoof/; must not exist yet")
    folder = parser.parse_args().folder
    if folder.exists():
        print(f"{folder} exists already; give another folder, or remove it", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        for name, samples in tqdm(
            clips(Path(temporary)), total=total(), file=sys.stderr, disable=not sys.stderr.isatty()
        ):
            path = folder / f"{name}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            sf.write(path, PEAK * samples / np.abs(samples).max(), RATE)
    for label in ("bonafide", "spoof"):
        parts = {part.name: len(list(part.iterdir())) for part in sorted((folder / label).iterdir())}
        print(f"{folder / label}: " + ", ".join(f"{name} {count}" for name, count in parts.items()))
    return 0


def total() -> int:
    """Number of clips that `clips` yields."""
    return len(LANGUAGES) * (PROMPTS_EACH + COPIES_EACH) + len(FLITE_VOICES) * len(OPENINGS) * len(ENDINGS)


def clips(temporary: Path) -> Iterator[tuple[str, Float]]:
    """Yield the name and the samples [shape=(n,), 16 kHz] of every clip."""
    for language in LANGUAGES:
        package = unpack_debian([f"asterisk-core-sounds-{language}-g722"], temporary / language)
        prompts = list(long_prompts(package))
        for name, samples in prompts:
            yield f"bonafide/{language}/{name}", samples
        for name, samples in prompts[:COPIES_EACH]:
            yield f"spoof/griffin-lim/{language}-{name}", griffin_lim_copy(samples)
    sources = Sources(temporary)
    for voice in FLITE_VOICES:
        for number, text in enumerate(f"{opening}, {ending}" for opening in OPENINGS for ending in ENDINGS):
            samples, rate = sources.flite(text, voice)
            yield f"spoof/flite-{voice}/{number:02}", librosa.resample(samples, orig_sr=rate, target_sr=RATE)


def long_prompts(package: Path) -> Iterator[tuple[str, Float]]:
    """Yield the first prompts, by name, that are long enough to hold a sentence."""
    found = 0
    for path in sorted(package.rglob("*.g722")):
        samples = decode_g722(path)
        if MIN_S * RATE <= len(samples) <= MAX_S * RATE and found < PROMPTS_EACH:
            found += 1
            yield path.stem, samples


def decode_g722(path: Path) -> Float:
    """Decode headerless G.722 [shape=(n,)]."""
    with av.open(str(path), format="g722") as container:
        frames = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
    return (np.concatenate(frames) / 32768.0).astype(np.float32) if frames else np.zeros(0, np.float32)


def griffin_lim_copy(samples: Float) -> Float:
    """Send a recording through 80 mels and back, with phases from Griffin and Lim's algorithm (1984)."""
    mel = librosa.feature.melspectrogram(y=samples, sr=RATE, n_fft=1024, hop_length=256, n_mels=80)
    copy = librosa.feature.inverse.mel_to_audio(mel, sr=RATE, n_fft=1024, hop_length=256, n_iter=32)
    return np.asarray(copy, np.float32)


if __name__ == "__main__":
    sys.exit(main())
