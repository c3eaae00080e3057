"""Plan what is made: one task a clip, with a name and a seed that depend on the task alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.data.manifest import Manifest, Row
from workbench.errors import SynthesisError
from workbench.synth.engine import EngineSpec


@dataclass(frozen=True)
class Sentence:
    """A text and its language (ISO 639-1)."""

    text: str
    language: str


@dataclass(frozen=True)
class Task:
    """One clip to make.

    Attributes
    ----------
    original : row and file of the recording to copy; None for a speaking engine.
    sentence, voice : what a speaking engine reads, and by which voice; None for a copy.
    seed : of everything random in it.
    """

    engine: str
    seed: int
    file: str
    original: tuple[Row, Path] | None = None
    sentence: Sentence | None = None
    voice: str = "-"


def plan_copies(
    engines: Sequence[str],
    manifest: Manifest,
    *,
    splits: Sequence[str],
    per_clip: int,
    limit: int | None,
    seed: int,
) -> list[Task]:
    """Tasks to copy the bona fide clips of ``splits``: engine by engine, clips in a drawn order, the same for all.

    The order makes every beginning of the work a fair sample of the whole; ``limit`` keeps so many clips of it.
    """
    rows = [row for row in manifest.rows if row.label == "bonafide" and row.split in splits]
    order = np.random.default_rng(seed).permutation(len(rows))[:limit]
    return [
        _task(engine, seed, f"{rows[index].path} {draw}", original=(rows[index], manifest.root / rows[index].path))
        for engine in engines
        for draw in range(per_clip)
        for index in order
    ]


def plan_speech(
    specs: Sequence[EngineSpec], sentences: Sequence[Sentence], *, limit: int | None, seed: int
) -> list[Task]:
    """Tasks to read every sentence once by each engine that has its language, by voices in turn.

    Sentences come in a drawn order; ``limit`` keeps so many of an engine, by further rounds with other voices if
    there are fewer.
    """
    tasks = []
    for spec in specs:
        fitting = [sentence for sentence in sentences if spec.voices.get(sentence.language)]
        rng = np.random.default_rng([seed, *spec.name.encode()])
        wanted = len(fitting) if limit is None or not fitting else limit
        for number in range(wanted):
            turn, position = divmod(number, len(fitting))
            if position == 0:
                order = rng.permutation(len(fitting))
                offset = int(rng.integers(10_000))
            sentence = fitting[order[position]]
            voices = spec.voices[sentence.language]
            # Two voices in a row never read the same text, and every voice gets its share.
            voice = voices[(position + turn + offset) % len(voices)]
            identity = f"{sentence.language} {sentence.text} {voice} {turn}"
            tasks.append(_task(spec.name, seed, identity, sentence=sentence, voice=voice))
    return tasks


def _task(
    engine: str,
    seed: int,
    identity: str,
    original: tuple[Row, Path] | None = None,
    sentence: Sentence | None = None,
    voice: str = "-",
) -> Task:
    digest = hashlib.sha256(f"{seed} {engine} {identity}".encode()).hexdigest()
    return Task(engine, int(digest[16:], 16), f"{engine}/{digest[:16]}.flac", original, sentence, voice)


SHIPPED = Path(__file__).with_name("texts.tsv")


def read_texts(path: Path | None) -> list[Sentence]:
    """Read one sentence a line, perhaps with its language after a tab (English if not); None for the shipped ones.

    Raises
    ------
    SynthesisError
        Unreadable, or without a sentence.
    """
    path = path or SHIPPED
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SynthesisError(f"{path}: cannot read the sentences ({error}); give a UTF-8 text file") from error
    split = (line.partition("\t") for line in lines if line.strip())
    sentences = [Sentence(text.strip(), language.strip() or "en") for text, _, language in split]
    if not sentences:
        raise SynthesisError(f"{path}: no sentence in it; give one a line")
    return sentences
