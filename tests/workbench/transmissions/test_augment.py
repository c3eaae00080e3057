"""Augmentation does what is asked, as often as asked, by seed alone, and alike for both classes."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest

from workbench.data.cache import build_cache
from workbench.data.loader import Loader
from workbench.data.manifest import Manifest
from workbench.data.sampling import BalancedSampler
from workbench.transmissions.augment import (
    augment,
    band_limit,
    mask_features,
    set_peak,
)
from workbench.transmissions.config import CHANCES, AugmentConfig


def test_band_limit_keeps_the_band_and_removes_the_rest():
    time = np.arange(16000) / 16000
    for hz, kept in ((100.0, 0.0), (1000.0, 1.0), (3000.0, 1.0), (5000.0, 0.0)):
        tone = np.sin(2 * np.pi * hz * time).astype(np.float32)
        found = band_limit(tone, 3400.0, 300.0, 16000)
        assert np.sqrt(np.mean(found**2) / np.mean(tone**2)) == pytest.approx(kept, abs=0.01)


def test_the_peak_is_where_it_is_asked(rng):
    samples = rng.standard_normal(1000).astype(np.float32)
    assert np.abs(set_peak(samples, -20.0)).max() == pytest.approx(0.1)
    assert not set_peak(np.zeros(10, np.float32), 0.0).any()


def test_masks_blank_bands_and_spans_by_the_clips_mean_and_leave_the_input(rng):
    features = rng.standard_normal((3, 60, 1, 40)).astype(np.float32)
    before = features.copy()
    config = AugmentConfig(frequency_masks=2, frequency_mask_bands=10, time_masks=2, time_mask_frames=12)
    masked = mask_features(features, config, rng)
    np.testing.assert_array_equal(features, before)
    for clip, original in zip(masked, features, strict=True):
        changed = clip[:, 0] != original[:, 0]
        assert 0 < changed.mean() < 0.8
        np.testing.assert_allclose(clip[:, 0][changed], original.mean(), rtol=1e-5)


def test_without_augmentation_only_the_level_changes(rng):
    samples = rng.standard_normal(4000).astype(np.float32)
    config = AugmentConfig(noise=0.0, band_limit=0.0, level_db=(-6.0, -6.0))
    found, _ = augment(samples, config, rng, 16000)
    np.testing.assert_allclose(found, samples * (10 ** (-6 / 20) / np.abs(samples).max()), rtol=1e-4)


def test_levels_are_those_of_the_configuration(rng):
    config = AugmentConfig(level_db=(-20.0, -10.0))
    samples = rng.standard_normal(2000).astype(np.float32)
    peaks = [20 * np.log10(np.abs(augment(samples, config, rng, 16000)[0]).max()) for _ in range(60)]
    assert -20.01 < min(peaks) < -18
    assert -12 < max(peaks) < -9.99


def test_masks_as_large_as_the_features_leave_no_hole(rng):
    features = rng.standard_normal((2, 5, 1, 4)).astype(np.float32)
    config = AugmentConfig(frequency_masks=3, frequency_mask_bands=100, time_masks=3, time_mask_frames=100)
    assert np.isfinite(mask_features(features, config, rng)).all()


RATE = 16000
OFF = AugmentConfig(noise=0.0, band_limit=0.0, level_db=(-6.0, -6.0))
ALL = replace(OFF, **{name: 0.5 for name in CHANCES if name != "clean"})
NAMES = {
    "room": "room",
    "noise": "noise",
    "cut_join": "cut",
    "microphone": "microphone",
    "hum": "hum",
    "clip": "clipping",
    "noise_suppression": "noise suppression",
    "agc": "gain control",
    "band_limit": "band limit",
    "transmission": "transmission",
    "recording_format": "codec",
    "rawboost": "rawboost",
}


def describe(clip, config, seed):
    return augment(clip, config, np.random.default_rng(seed), RATE)


def names(steps):
    return [step.name for step in steps]


def test_augment_cannot_see_a_label():
    """What it is given: samples, configuration, generator, rate and recordings that belong to no class."""
    assert list(inspect.signature(augment).parameters) == [
            "samples", "config", "rng", "sample_rate", "noises", "rooms"
        ]  # fmt: skip


def test_what_is_drawn_does_not_depend_on_the_clip(speech):
    """Neither the numbers of the steps nor the state left for the next clip."""
    for seed in range(12):
        outcomes = []
        for clip in (speech[:24000], speech[40000:64000] * 0.1, np.zeros(24000, np.float32)):
            rng = np.random.default_rng(seed)
            steps = augment(clip, ALL, rng, RATE)[1]
            outcomes.append((steps, rng.bit_generator.state))
        assert outcomes[0] == outcomes[1] == outcomes[2]


def test_swapping_the_labels_swaps_the_clips_and_nothing_else(corpus, tmp_path):
    """Whole batches: the clip that comes first is disturbed alike, whichever class it is filed under."""
    lone = Manifest(tuple(corpus.rows[:2]), corpus.root)
    swapped = Manifest(
        tuple(replace(row, label=other.label) for row, other in zip(lone.rows, lone.rows[::-1], strict=True)),
        corpus.root,
    )
    # The same recording on both sides, so that only the label can make a difference.
    (corpus.root / lone.rows[1].path).write_bytes((corpus.root / lone.rows[0].path).read_bytes())
    cache = build_cache(lone, tmp_path / "cache", RATE, 30.0)

    def batch(manifest):
        return Loader(cache, BalancedSampler.of(manifest.rows, 0.0), ALL, 4, 6000, RATE, seed=3).batch(0, 0)

    np.testing.assert_array_equal(batch(lone).samples, batch(swapped).samples)


@pytest.mark.parametrize("chance", NAMES)
def test_each_transform_happens_when_it_must_and_never_when_it_must_not(speech, chance):
    clip = speech[:16000]
    always = describe(clip, replace(OFF, **{chance: 1.0}), 1)
    never = describe(clip, OFF, 1)
    assert NAMES[chance] in names(always[1])
    assert names(never[1]) == ["level"]
    assert np.abs(always[0]).max() == pytest.approx(10 ** (-6 / 20), rel=1e-4)
    assert always[0].shape != never[0].shape or not np.allclose(always[0], never[0], atol=1e-3)


def test_transforms_happen_as_often_as_asked(speech):
    config = replace(OFF, hum=0.25, clip=0.75, clean=0.4)
    drawn = [names(describe(speech[:400], config, seed)[1]) for seed in range(600)]
    assert np.mean(["hum" in steps for steps in drawn]) == pytest.approx(0.6 * 0.25, abs=0.04)
    assert np.mean(["clipping" in steps for steps in drawn]) == pytest.approx(0.6 * 0.75, abs=0.05)


def test_a_clean_clip_gets_its_level_and_nothing_else(speech):
    found, steps = describe(speech, replace(ALL, clean=1.0), 0)
    assert names(steps) == ["level"]
    np.testing.assert_allclose(found, speech * (10 ** (-6 / 20) / np.abs(speech).max()), rtol=1e-4)


def test_the_seed_decides(speech):
    clip = speech[:32000]
    first, again, other = (describe(clip, ALL, seed)[0] for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_numbers_lie_in_their_ranges(speech):
    config = replace(
        OFF,
        room=1.0, room_rt60_s=(0.2, 0.3), cut_join=1.0, cut_s=(0.1, 0.2), clip=1.0, clip_share=(0.01, 0.02),
        agc=1.0, agc_target_db=(-20.0, -19.0), recording_format=1.0, recording_kbps=(20.0, 50.0),
        rawboost=1.0, rawboost_snr_db=(30.0, 31.0), hum=1.0, hum_db=(-50.0, -49.0),
    )  # fmt: skip
    ranges = {
        ("room", "rt60_s"): (0.2, 0.3),
        ("cut", "length_s"): (0.0999, 0.2001),
        ("clipping", "share"): (0.01, 0.02),
        ("gain control", "target_db"): (-20.0, -19.0),
        ("codec", "kbps"): (24.0, 48.0),
        ("rawboost", "snr_db"): (30.0, 31.0),
        ("hum", "level_db"): (-50.0, -49.0),
    }
    seen = set()
    for seed in range(12):
        for step in describe(speech[:16000], config, seed)[1]:
            for (name, value), (low, high) in ranges.items():
                if step.name == name and value in step.values:
                    assert low <= step.values[value] <= high
                    seen.add(name)
    assert seen == {name for name, _ in ranges}


def test_only_a_cut_changes_the_length(speech):
    clip = speech[:20000]
    for seed in range(6):
        assert len(describe(clip, replace(ALL, cut_join=0.0), seed)[0]) == 20000
    found, steps = describe(clip, replace(OFF, cut_join=1.0), 2)
    assert len(found) == 20000 - round(steps[0].values["length_s"] * RATE)


def test_the_transmission_is_one_of_those_named(speech):
    config = replace(OFF, transmission=1.0, transmissions=("g711-a", "gsm"))
    drawn = {describe(speech[:4000], config, seed)[1][0].values["name"] for seed in range(20)}
    assert drawn == {"g711-a", "gsm"}


def test_rooms_are_drawn_from_those_given(speech):
    echo = np.zeros(3000, np.float32)
    echo[[0, 2500]] = 1.0, 0.9
    kinds = set()
    for seed in range(16):
        _, steps = augment(speech, replace(OFF, room=1.0), np.random.default_rng(seed), RATE, (), [echo])
        kinds.add(steps[0].values["kind"])
    assert kinds == {"made", "recorded"}


def test_short_and_empty_clips_survive_everything(rng):
    everything = replace(ALL, **{name: 1.0 for name in CHANCES if name != "clean"})
    for length in (0, 1, 50):
        clip = rng.standard_normal(length).astype(np.float32)
        found, _ = augment(clip, everything, np.random.default_rng(0), RATE)
        assert len(found) <= length
        assert np.isfinite(found).all()
