"""Sentences for the speaking engines."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import SynthesisError
from workbench.synth.tasks import Sentence

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
