"""Recordings to score on every machine: cut from the examples, or taken from a manifest."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from edge.audio.reading import open_audio
from edge.errors import EdgeError
from edge.resampling import Resampler
from pi_check.targets import EmulationError

Float = NDArray[np.float32]

RATE = 16000
NARROW_RATE = 8000
CLIP_S, HOP_S = 1.536, 0.6
"""Little more than the least speech that is scored: there rounding is averaged least, and emulation is slow."""
CALL_S = 12.0
KINDS = ("plain", "quiet", "noisy", "narrow")
"""As it is; 20 dB softer; with noise 15 dB below; at a telephone's rate. By turns, so that clips of a kind differ."""
_QUIET_DB, _NOISE_DB = -20.0, -15.0
_FLAC_EACH = 10
_FRAME_S, _ACTIVE_DB, _LEAST_ACTIVE = 0.02, -30.0, 0.8
"""A frame is active within 30 dB of the voice's loudest; a window with fewer active ones holds too little speech."""


@dataclass(frozen=True)
class Clip:
    """A recording that was written, and its rate in Hz."""

    path: Path
    sample_rate: int


def example_clips(examples: Path, folder: Path, count: int) -> list[Clip]:
    """Write ``count`` different pieces of the examples as WAV, each tenth as FLAC; the same ones each time.

    Raises
    ------
    EmulationError
        The examples do not give so many.
    """
    rng = np.random.default_rng(0)
    windows = [window for voice in _voices(examples) for window in _windows(voice)]
    made = [(start, turn) for turn in range(len(KINDS)) for start in range(len(windows))]
    if not 1 <= count <= len(made):
        raise EmulationError(f"clips: expected 1 to {len(made)}, which the examples give; got {count}")
    clips = []
    for number, place in enumerate(np.linspace(0, len(made) - 1, count).round().astype(int).tolist()):
        window, turn = made[place]
        kind = KINDS[(window + turn) % len(KINDS)]
        samples, rate = _changed(windows[window], kind, rng)
        suffix = "flac" if number % _FLAC_EACH == 0 else "wav"
        clips.append(_write(folder / f"{window:03}-{kind}.{suffix}", samples, rate))
    return clips


def manifest_clips(manifest: Path, split: str, folder: Path, count: int) -> list[Clip]:
    """Write the middle 4 s of ``count`` clips of a split, spread evenly over it, at their own rate.

    Raises
    ------
    EmulationError
        The split does not hold so many.
    """
    # Not needed for the examples, and not there without the workbench's extra.
    from workbench.data.manifest import read_manifest

    listed = read_manifest(manifest)
    rows = listed.select(split=split).rows
    if not rows:
        raise EmulationError(f"{manifest}: holds no clips of split {split!r}; give another one")
    if not 1 <= count <= len(rows):
        raise EmulationError(f"clips: expected 1 to {len(rows)}, which {split} of {manifest} holds; got {count}")
    clips = []
    for number, index in enumerate(np.linspace(0, len(rows) - 1, count).round().astype(int).tolist()):
        samples, rate = read_mono(listed.root / rows[index].path)
        spare = max(0, len(samples) - round(4.0 * rate)) // 2
        clips.append(_write(folder / f"{number:04}.wav", samples[spare : len(samples) - spare], rate))
    return clips


def call(examples: Path, folder: Path) -> Clip:
    """A recording for `edge listen`: a real voice, then a synthetic one."""
    names = ("bonafide-librivox.flac", "spoof-kokoro.flac")
    voices = [_at_model_rate(*read_mono(examples / name))[: round(CALL_S / 2 * RATE)] for name in names]
    return _write(folder / "call.wav", np.concatenate(voices), RATE)


def read_mono(path: Path) -> tuple[Float, int]:
    """Samples [shape=(n,)] and rate in Hz; channels are averaged."""
    with open_audio(path) as audio:
        blocks = [block.mean(axis=1, dtype=np.float32) for block in audio]
        return np.concatenate(blocks), audio.sample_rate


def _voices(examples: Path) -> list[Float]:
    """The examples that can be read without further parts and hold a voice, at the model's rate."""
    voices = []
    for path in sorted(examples.glob("[bs]*-*.*")):
        try:
            samples = _at_model_rate(*read_mono(path))
        except EdgeError as error:
            raise EmulationError(f"an example cannot be read: {error}") from error
        if len(samples) > CLIP_S * RATE:
            voices.append(samples)
    if not voices:
        raise EmulationError(f"{examples}: holds no example of a voice; it is the folder examples of a checkout")
    return voices


def _windows(voice: Float) -> list[Float]:
    length, hop = round(CLIP_S * RATE), round(HOP_S * RATE)
    return [
        voice[start : start + length]
        for start, share in zip(range(0, len(voice) - length + 1, hop), _active_shares(voice, length, hop), strict=True)
        if share >= _LEAST_ACTIVE
    ]


def _active_shares(voice: Float, length: int, hop: int) -> Sequence[float]:
    """Share of loud frames in each window."""
    frame = round(_FRAME_S * RATE)
    frames = voice[: len(voice) // frame * frame].reshape(-1, frame)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    active = power > power.max() * 10 ** (_ACTIVE_DB / 10)
    starts = range(0, len(voice) - length + 1, hop)
    return [float(active[start // frame : (start + length) // frame].mean()) for start in starts]


def _changed(samples: Float, kind: str, rng: np.random.Generator) -> tuple[Float, int]:
    if kind == "quiet":
        return samples * np.float32(10 ** (_QUIET_DB / 20)), RATE
    if kind == "noisy":
        noise = rng.standard_normal(len(samples)) * samples.std() * 10 ** (_NOISE_DB / 20)
        return (samples + noise).astype(np.float32), RATE
    if kind == "narrow":
        converter = Resampler(RATE, NARROW_RATE)
        return np.concatenate([converter.feed(samples), converter.flush()]), NARROW_RATE
    return samples, RATE


def _at_model_rate(samples: Float, rate: int) -> Float:
    converter = Resampler(rate, RATE)
    return np.concatenate([converter.feed(samples), converter.flush()])


def _write(path: Path, samples: Float, rate: int) -> Clip:
    whole = np.rint(np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2")
    if path.suffix == ".flac":
        soundfile.write(path, whole, rate)
    else:
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes(whole.tobytes())
    return Clip(path, rate)
