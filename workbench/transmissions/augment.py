"""Augmentation: what happens to a voice on its way, its level, and SpecAugment masks.

NumPy and codecs with a passed-in Generator. Every transform is drawn alike for both classes: whatever a model could
read from level, bandwidth, noise floor or codec must say nothing about the label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.transmissions import Step, apply_transmission, draws
from workbench.transmissions.config import AugmentConfig
from workbench.transmissions.noise import add_noise, draw_noise

Float = NDArray[np.float32]


def augment(
    samples: Float,
    config: AugmentConfig,
    rng: np.random.Generator,
    sample_rate: int,
    noises: Sequence[Float] = (),
    rooms: Sequence[Float] = (),
) -> tuple[Float, tuple[Step, ...]]:
    """Draw and apply waveform augmentation to one clip.

    Parameters
    ----------
    samples : [shape=(n,), range -1 to 1]
    rng : the only source of chance; the same state gives the same result, where the same codecs are available.
    sample_rate : Hz.
    noises : recordings [shape=(m,), m >= 1] to draw backgrounds from; without any, coloured noise is made.
    rooms : impulse responses [shape=(m,)] at ``sample_rate`` to draw rooms from; without any, they are made.

    Returns
    -------
    samples [shape=(n,)], fewer where a stretch was cut out, and the steps in their order
    """
    steps: list[Step] = []
    if not _happens(config.clean, rng):
        samples = _disturbed(samples, config, rng, sample_rate, noises, rooms, steps)
    peak_db = rng.uniform(*config.level_db)
    return set_peak(samples, peak_db), (*steps, Step("level", {"peak_db": peak_db}))


def _disturbed(
    samples: Float,
    config: AugmentConfig,
    rng: np.random.Generator,
    rate: int,
    noises: Sequence[Float],
    rooms: Sequence[Float],
    steps: list[Step],
) -> Float:
    """Everything but the level, in the order in which a voice meets it."""
    if not len(samples):
        return samples

    def apply(chance: float, draw: Callable[[Float, np.random.Generator], draws.Drawn]) -> None:
        nonlocal samples
        if _happens(chance, rng):
            # A generator of its own: how much a transform draws must not change what the next one draws.
            samples, step = draw(samples, np.random.default_rng(rng.integers(2**63)))
            steps.append(step)

    apply(config.room, lambda x, r: draws.room(x, rate, r, rooms, config.room_rt60_s, config.room_direct_db))
    if rng.random() < config.noise:
        snr_db = rng.uniform(*config.noise_snr_db)
        samples = add_noise(samples, draw_noise(len(samples), noises, rng), snr_db)
        steps.append(Step("noise", {"snr_db": snr_db}))
    apply(config.cut_join, lambda x, r: draws.cut(x, rate, r, config.cut_s))
    apply(config.microphone, lambda x, r: draws.microphone(x, rate, r))
    apply(config.hum, lambda x, r: draws.hum(x, rate, r, config.hum_db))
    apply(config.clip, lambda x, r: draws.clipping(x, r, config.clip_share))
    apply(config.noise_suppression, lambda x, r: draws.noise_suppression(x, rate, r))
    apply(config.agc, lambda x, r: draws.gain_control(x, rate, r, config.agc_target_db))
    if rng.random() < config.band_limit:
        high_hz, low_hz = rng.uniform(*config.band_limit_hz), rng.uniform(20.0, 300.0)
        samples = band_limit(samples, high_hz, low_hz, rate)
        steps.append(Step("band limit", {"low_hz": low_hz, "high_hz": high_hz}))
    if _happens(config.transmission, rng):
        name = config.transmissions[int(rng.integers(len(config.transmissions)))]
        samples, passed = apply_transmission(name, samples, rate, rng, noises, rooms)
        steps += [Step("transmission", {"name": name}), *passed]
    apply(config.recording_format, lambda x, r: draws.recording_format(x, rate, r, config.recording_kbps))
    apply(config.rawboost, lambda x, r: draws.raw_boost(x, rate, r, config.rawboost_snr_db))
    return samples


def _happens(chance: float, rng: np.random.Generator) -> bool:
    # A chance of 0 draws nothing, so that a configuration trains as it did before a transform was added.
    return chance > 0.0 and bool(rng.random() < chance)


def set_peak(samples: Float, peak_db: float) -> Float:
    """Scale so that the largest magnitude is ``peak_db`` re full scale; silence stays silence."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    return samples if peak == 0.0 else (samples * np.float32(10.0 ** (peak_db / 20.0) / peak)).astype(np.float32)


def band_limit(samples: Float, high_hz: float, low_hz: float, sample_rate: int) -> Float:
    """Keep ``low_hz`` to ``high_hz`` by a zero-phase filter with raised-cosine edges of 15 % width."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1.0 / sample_rate)
    upper = np.clip((high_hz * 1.15 - hz) / (high_hz * 0.15), 0.0, 1.0)
    lower = np.clip((hz - low_hz * 0.85) / (low_hz * 0.15), 0.0, 1.0)
    gain = np.sin(0.5 * np.pi * upper) ** 2 * np.sin(0.5 * np.pi * lower) ** 2
    return np.fft.irfft(spectrum * gain, len(samples)).astype(np.float32)


def mask_features(features: Float, config: AugmentConfig, rng: np.random.Generator) -> Float:
    """SpecAugment (Park et al. 2019) without warping: blank bands and spans of features [B, T, 1, M] by their mean.

    Works on a copy; each clip draws its own masks.
    """
    features = features.copy()
    frames, bands = features.shape[1], features.shape[3]
    for clip in features:
        mean = clip.mean()
        for _ in range(config.frequency_masks):
            width = int(rng.integers(0, min(config.frequency_mask_bands, bands) + 1))
            start = int(rng.integers(0, bands - width + 1))
            clip[:, :, start : start + width] = mean
        for _ in range(config.time_masks):
            width = int(rng.integers(0, min(config.time_mask_frames, frames) + 1))
            start = int(rng.integers(0, frames - width + 1))
            clip[start : start + width] = mean
    return features
