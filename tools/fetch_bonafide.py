"""Fetch recordings of real people from Debian packages and cut them into clips with a manifest, for training.

Telephone prompts in five languages, dialogue of a game in Czech and Dutch, and words and letters in many languages,
which are joined, a speaker at a time, into clips of some seconds. Mono FLAC of 16 kHz, 1.5 to 8 s. Besides
manifest.tsv, which lists all, train.tsv and dev.tsv list those to train with and those to calibrate on, with no speaker
on both sides. The packages keep their licences, which the manifest names; see each package's copyright file before you
pass anything on.

Fetches some 310 MB through apt-get, so it needs a Debian system.

Example: python tools/fetch_bonafide.py bonafide
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile as sf
from example_sources import Float, unpack_debian
from tqdm import tqdm

from edge.errors import AudioError
from edge.resampling import Resampler
from workbench.data.cache import decode
from workbench.data.manifest import Manifest, Row, write_manifest
from workbench.synth.matching import on_grid, speech_frames

RATE = 16000
MIN_S, MAX_S, JOINED_S = 1.5, 8.0, 4.0
EDGE_S = 0.1
FADE_S = 0.01
PEAK = 0.9
GRID = 16
HEADERLESS = {".g722": ("g722", 16000), ".gsm": ("gsm", 8000)}
NO_SPEECH = re.compile(r"beep|tone|monkeys|silence|/music|riding|vm-dialout")


@dataclass(frozen=True)
class Source:
    """A Debian package of speech.

    ``speaker`` gives speaker and language of a file by its path below the package's root, or None to leave it out.
    """

    package: str
    suffix: str
    licence: str
    speaker: Callable[[str], tuple[str, str] | None]
    split: str = "train"


def fixed(speaker: str, language: str) -> Callable[[str], tuple[str, str]]:
    """Every file is of one speaker."""
    return lambda path: (speaker, language)


def fillets(language: str) -> Callable[[str], tuple[str, str] | None]:
    """The two fish are one voice each; other parts are of unknown voices, a voice a level at best."""

    def speaker(path: str) -> tuple[str, str] | None:
        part = re.search(rf"/sound/(\w+)/{language}/\w+-([mv])-", path)
        if part is not None:
            return f"fillets_{language}_{part.group(2)}", language
        level = re.search(rf"/sound/(\w+)/{language}/", path)
        return None if level is None else (f"fillets_{language}_{level.group(1)}", language)

    return speaker


def tuxpaint(path: str) -> tuple[str, str] | None:
    """The spoken descriptions, one voice a language; the other sounds are of animals and things."""
    found = re.search(r"_desc_([a-z]{2})\.ogg$", path)
    return None if found is None else (f"tuxpaint_{found.group(1)}", found.group(1))


def klettres(path: str) -> tuple[str, str] | None:
    """One voice a language."""
    found = re.search(r"/klettres/([a-z]{2,3})(?:_[A-Z]{2})?/", path)
    return None if found is None else (f"klettres_{found.group(1)}", found.group(1))


PROMPTS = "CC-BY-SA-3.0"
SOURCES = (
    Source("asterisk-core-sounds-en-g722", ".g722", PROMPTS, fixed("asterisk_allison", "en")),
    Source("asterisk-core-sounds-es-g722", ".g722", PROMPTS, fixed("asterisk_allison", "es")),
    Source("asterisk-core-sounds-fr-g722", ".g722", PROMPTS, fixed("asterisk_fr", "fr"), "dev"),
    Source("asterisk-core-sounds-it-g722", ".g722", PROMPTS, fixed("asterisk_it", "it")),
    Source("asterisk-core-sounds-ru-g722", ".g722", PROMPTS, fixed("asterisk_ru", "ru"), "dev"),
    Source("asterisk-prompt-it-menardi-wav", ".wav", "CC-BY-SA-3.0 or LGPL-2.1", fixed("menardi", "it"), "dev"),
    Source("asterisk-prompt-fr-armelle", ".gsm", "GPL-2", fixed("armelle", "fr"), "dev"),
    Source("asterisk-prompt-es-co", ".gsm", "GPL-2", fixed("asterisk_es_co", "es")),
    Source("fillets-ng-data-cs", ".ogg", "GPL-2", fillets("cs")),
    Source("fillets-ng-data-nl", ".ogg", "GPL-2", fillets("nl"), "dev"),
    Source("tuxpaint-stamps-default", ".ogg", "GPL-2", tuxpaint),
    Source("klettres-data", ".ogg", "GPL-2+", klettres, "dev"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to put clips and manifest.tsv; must not exist yet")
    parser.add_argument("--only", action="append", choices=[source.package for source in SOURCES], help="one package")
    parser.add_argument("--per-speaker", type=int, default=150, help="clips of a speaker at most (default: 150)")
    arguments = parser.parse_args()
    if arguments.folder.exists():
        print(f"{arguments.folder} exists already; give another folder, or remove it", file=sys.stderr)
        return 2
    rows: list[Row] = []
    failed = 0
    for source in SOURCES:
        if arguments.only and source.package not in arguments.only:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            try:
                package = unpack_debian([source.package], Path(temporary) / source.package)
            except subprocess.CalledProcessError as error:
                failed += 1
                print(f"{source.package}: cannot be fetched ({error})", file=sys.stderr)
                continue
            made = list(write_clips(source, package, arguments.folder, arguments.per_speaker))
        rows += made
        print(f"{source.package}: {len(made)} clips of {len({row.speaker_id for row in made})} speakers")
    if rows:
        write_manifests(rows, arguments.folder)
    return 1 if failed or not rows else 0


def write_manifests(rows: Sequence[Row], folder: Path) -> None:
    """``manifest.tsv`` of all rows, and one of each split: training can have its side and calibration its own."""
    write_manifest(Manifest(tuple(rows), folder), folder / "manifest.tsv")
    for split in sorted({row.split for row in rows}):
        chosen = tuple(row for row in rows if row.split == split)
        write_manifest(Manifest(chosen, folder), folder / f"{split}.tsv")


def write_clips(source: Source, package: Path, folder: Path, per_speaker: int) -> Iterator[Row]:
    """Write the clips of a package, at most ``per_speaker`` of each, and yield their rows."""
    archive = next(package.glob("*.deb")).name
    version = archive.split("_")[1].replace("%3a", ":")
    voices: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in sorted(package.rglob(f"*{source.suffix}")):
        relative = f"/{path.relative_to(package).as_posix()}"
        voice = None if NO_SPEECH.search(relative) else source.speaker(relative)
        if voice is not None:
            voices[voice].append(path)
    for (speaker, language), paths in tqdm(voices.items(), file=sys.stderr, disable=not sys.stderr.isatty()):
        # A drawn order: a speaker's first files are one letter of the alphabet.
        order = np.random.default_rng([*speaker.encode()]).permutation(len(paths))
        recordings = ((paths[index], *read(paths[index])) for index in order)
        for number, (path, rate, samples) in enumerate(cut_clips(recordings)):
            if number == per_speaker:
                break
            name = f"{source.package}/{speaker}-{number:04}.flac"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            sf.write(folder / name, samples, RATE)
            yield Row(
                path=name,
                split=source.split,
                attack_family="human",
                speaker_id=speaker,
                language=language,
                source_sample_rate=str(rate),
                duration_s=f"{len(samples) / RATE:.2f}",
                source_repo=source.package,
                source_commit=version,
                source_path=path.relative_to(package).as_posix(),
                licence=source.licence,
                label_confidence="high",
                paired="no",
            )


def read(path: Path) -> tuple[int, Float]:
    """Decode a recording to (its own rate in Hz, samples at 16 kHz [shape=(n,)]); what cannot be decoded is empty."""
    if path.suffix in HEADERLESS:
        format_name, rate = HEADERLESS[path.suffix]
        with av.open(str(path), format=format_name) as container:
            frames = [frame.to_ndarray().ravel() for frame in container.decode(audio=0)]
        samples = np.concatenate(frames).astype(np.float32) / 32768.0 if frames else np.zeros(0, np.float32)
        resampler = Resampler(rate, RATE)
        return rate, np.concatenate([resampler.feed(samples), resampler.flush()])
    try:
        return sf.info(path).samplerate, decode(path, RATE)
    except (AudioError, sf.LibsndfileError):
        return 0, np.zeros(0, np.float32)


def cut_clips(recordings: Iterable[tuple[Path, int, Float]]) -> Iterator[tuple[Path, int, Float]]:
    """Yield clips of 1.5 to 8 s: long recordings are cut where it is quiet, short ones of equal rate are joined."""
    short: dict[int, list[tuple[Path, Float]]] = defaultdict(list)
    for path, rate, samples in recordings:
        trimmed = trim(samples)
        if len(trimmed) >= MIN_S * RATE:
            for piece in split_long(trimmed):
                yield path, rate, finish(piece)
        elif len(trimmed) > 0:
            waiting = short[rate]
            waiting.append((path, trimmed))
            if sum(len(part) for _, part in waiting) >= JOINED_S * RATE:
                yield waiting[0][0], rate, finish(join([part for _, part in waiting]))
                waiting.clear()


def trim(samples: Float) -> Float:
    """Leave 100 ms before the first and after the last speech; nothing if there is none."""
    if len(samples) < EDGE_S * RATE or not samples.any():
        return samples[:0]
    loud = np.flatnonzero(speech_frames(samples, RATE))
    if not len(loud):
        return samples[:0]
    hop, edge = 256, round(EDGE_S * RATE)
    return samples[max(0, loud[0] * hop - edge) : (loud[-1] + 2) * hop + edge]


def split_long(samples: Float) -> list[Float]:
    """Cut into pieces of at most 8 s, at the quietest 50 ms of the second half of each."""
    pieces = []
    longest = round(MAX_S * RATE)
    while len(samples) > longest:
        half = longest // 2
        power = np.convolve(samples[half:longest] ** 2, np.ones(800), mode="same")
        cut = half + int(power.argmin())
        pieces.append(samples[:cut])
        samples = samples[cut:]
    return [piece for piece in (*pieces, samples) if len(piece) >= MIN_S * RATE]


def join(parts: Sequence[Float]) -> Float:
    """Put recordings one after another; each keeps its own quiet edges and fades where they meet."""
    ramp = np.linspace(0.0, 1.0, round(FADE_S * RATE), dtype=np.float32)
    faded = []
    for part in parts:
        copy = part / np.abs(part).max()
        copy[: len(ramp)] *= ramp
        copy[-len(ramp) :] *= ramp[::-1]
        faded.append(copy)
    return np.concatenate(faded)


def finish(samples: Float) -> Float:
    """Peak 0.9, 12 significant bits."""
    return on_grid(samples * np.float32(PEAK / np.abs(samples).max()), GRID)


if __name__ == "__main__":
    sys.exit(main())
