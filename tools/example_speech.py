"""Speech without an end for measurements: the WAV examples one after another, each time at another level."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.audio.reading import open_audio
from edge.resampling import Resampler

Float = NDArray[np.float32]

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
_LEAST_S = 1.0
_GAIN_DB = (-30.0, 0.0)
_PAUSE_S = (0.1, 1.5)
_NOISE = 1e-4
"""Standard deviation of what stands for a line's noise, -80 dB of full scale."""


def example_voices(sample_rate: int) -> list[Float]:
    """The examples that hold speech, mono [shape=(n,)], at ``sample_rate`` Hz; by name."""
    voices = []
    for path in sorted(EXAMPLES.glob("*.wav")):
        with open_audio(path) as audio:
            samples = np.concatenate([block.mean(axis=1) for block in audio]).astype(np.float32)
            converter = Resampler(audio.sample_rate, sample_rate)
        samples = np.concatenate([converter.feed(samples), converter.flush()])
        if len(samples) >= _LEAST_S * sample_rate and samples.any():
            voices.append(samples)
    return voices


def endless_speech(sample_rate: int, seed: int = 1) -> Iterator[Float]:
    """Pieces [shape=(n,), range -1 to 1] in a drawn order and at drawn levels, with pauses; never exactly silent."""
    voices, rng = example_voices(sample_rate), np.random.default_rng(seed)
    while True:
        for index in rng.permutation(len(voices)).tolist():
            pause = np.zeros(round(rng.uniform(*_PAUSE_S) * sample_rate))
            piece = np.concatenate([10 ** (rng.uniform(*_GAIN_DB) / 20) * voices[index], pause])
            noisy = piece + _NOISE * rng.standard_normal(len(piece))
            yield np.clip(noisy, -1.0, 1.0).astype(np.float32)


def pcm16(samples: Float) -> bytes:
    """16-bit, little-endian."""
    return np.rint(samples * 32767.0).astype("<i2").tobytes()


def speech_pcm16(samples: int, sample_rate: int, seed: int = 1) -> Iterator[bytes]:
    """Exactly so many samples of `endless_speech`, piece by piece."""
    for piece in endless_speech(sample_rate, seed):
        yield pcm16(piece[:samples])
        samples -= min(samples, len(piece))
        if samples == 0:
            return
