"""Runs on every machine, emulated or not, with nothing but the runtime: a stream in odd pieces against the whole.

Each recording is fed at once and again in pieces of one sample up to more than a chunk. What comes out must be the
same to the last bit. Prints one JSON object, with the versions of what ran.
"""

from __future__ import annotations

import json
import platform
import sys

import numpy as np
from numpy.typing import NDArray

from edge.audio.reading import open_audio
from edge.model import Model, runtime_version
from edge.resampling import Resampler
from edge.stream import StreamScorer

Float = NDArray[np.float32]

_FIRST_PIECES = (1, 1, 2, 3, 159, 160, 161)
_LARGEST_PIECE = 9001


def raw_score(model: Model, pieces: list[Float], rate: int) -> list[tuple[int, int, float, float]]:
    """Start, end, value and speech frames of every chunk."""
    converter, scorer = Resampler(rate, model.contract.frontend.sample_rate), StreamScorer(model)
    found = []
    for piece in pieces:
        found += list(scorer.feed(converter.feed(piece)))
    found += list(scorer.feed(converter.flush()))
    found += list(scorer.flush())
    return [(one.start, one.end, one.value, one.speech_frames) for one in found]


def odd_pieces(samples: Float, rng: np.random.Generator) -> list[Float]:
    """The samples cut at odd places."""
    lengths = [*_FIRST_PIECES]
    while sum(lengths) < len(samples):
        lengths.append(int(rng.integers(1, _LARGEST_PIECE)))
    return np.split(samples, np.cumsum(lengths)[np.cumsum(lengths) < len(samples)])


def main(model_path: str, *recordings: str) -> None:
    model, rng = Model.load(model_path), np.random.default_rng(0)
    chunks = unequal = 0
    for path in recordings:
        with open_audio(path) as audio:
            samples, rate = np.concatenate([block.mean(axis=1, dtype=np.float32) for block in audio]), audio.sample_rate
        whole = raw_score(model, [samples], rate)
        pieces = raw_score(model, odd_pieces(samples, rng), rate)
        chunks += len(whole)
        unequal += sum(a != b for a, b in zip(whole, pieces, strict=True))
    facts = {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "runtime": runtime_version(),
        "chunks": chunks,
        "unequal_chunks": unequal,
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    # Run by the tool inside the emulated root, with what it names; --help is for those who find it alone.
    if "--help" in sys.argv[1:] or len(sys.argv) < 2:
        print(f"usage: guest.py MODEL …, by pi_emulation.py\n\n{__doc__}\nExample: python tools/pi_emulation.py")
    else:
        main(*sys.argv[1:])
