"""From clips to batches: decoded once, drawn in balance, cut and augmented alike for both classes, repeatable."""

from __future__ import annotations

import threading
import wave
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from workbench.audio_cache import build_cache, decode
from workbench.augment import add_noise, augment, band_limit, draw_noise, mask_features, set_peak
from workbench.config import AugmentConfig
from workbench.errors import ManifestError, TrainingError
from workbench.loader import Loader, cut, fit_length
from workbench.manifest import Manifest, Row
from workbench.sampling import BalancedSampler


def write(path, samples, rate=16000):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.asarray(samples) * 32767).astype("<i2").tobytes())


# -- sampling --------------------------------------------------------------------------------------------------------

ROWS = (
    *(Row(f"big{i}", label="spoof", attack_id="big", source_repo="one") for i in range(90)),
    *(Row(f"small{i}", label="spoof", attack_id="small", source_repo="two") for i in range(2)),
    *(Row(f"one{i}", source_repo="one", speaker_id="ann") for i in range(50)),
    *(Row(f"two{i}", source_repo="two", speaker_id="bob") for i in range(3)),
    *(Row(f"lone{i}", source_repo="three", speaker_id=f"s{i % 2}") for i in range(20)),
)


def draws(paired_share, count=4000):
    sampler, rng = BalancedSampler.of(ROWS, paired_share), np.random.default_rng(0)
    return [tuple(ROWS[index] for index in sampler.draw_pair(rng)) for _ in range(count)]


def test_attacks_are_drawn_alike_however_many_clips_each_has():
    counts = Counter(spoof.attack_id for spoof, _ in draws(0.5))
    assert counts["big"] / 4000 == pytest.approx(0.5, abs=0.03)


def test_sources_are_drawn_alike_without_pairing():
    counts = Counter(bonafide.source_repo for _, bonafide in draws(0.0))
    assert all(count / 4000 == pytest.approx(1 / 3, abs=0.03) for count in counts.values())
    assert len(counts) == 3


def test_pairs_come_from_the_spoof_clips_own_source():
    pairs = draws(1.0)
    assert all(spoof.source_repo == bonafide.source_repo for spoof, bonafide in pairs)
    assert all((spoof.label, bonafide.label) == ("spoof", "bonafide") for spoof, bonafide in pairs)


def test_one_class_alone_is_refused():
    with pytest.raises(TrainingError, match="the train split has no spoof clip"):
        BalancedSampler.of([Row("a")], 0.5)


# -- cache -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(5)
    rows = []
    for index in range(8):
        write(tmp_path / f"{index}.wav", 0.3 * rng.uniform(-1, 1, 8000 + 100 * index))
        label = "spoof" if index % 2 else "bonafide"
        rows.append(Row(f"{index}.wav", label=label, attack_id="x" if index % 2 else "-"))
    return Manifest(tuple(rows), tmp_path)


def test_a_cached_clip_is_the_decoded_clip(corpus, tmp_path):
    cache = build_cache(corpus, tmp_path / "cache", 16000, 30.0)
    assert len(cache) == 8
    for index, row in enumerate(corpus.rows):
        np.testing.assert_allclose(cache.clip(index), decode(corpus.root / row.path, 16000), atol=1 / 32768)


def test_the_cache_is_made_once_and_anew_for_another_manifest(corpus, tmp_path):
    seen = []
    watch = lambda rows: (seen.append(len(rows)), rows)[1]  # noqa: E731
    for manifest in (corpus, corpus, replace(corpus, rows=corpus.rows[:3])):
        build_cache(manifest, tmp_path / "cache", 16000, 30.0, watch)
    assert seen == [8, 3]


def test_long_clips_are_cut_and_other_rates_converted(tmp_path):
    write(tmp_path / "a.wav", 0.1 * np.ones(48000), 48000)
    assert len(decode(tmp_path / "a.wav", 16000)) == pytest.approx(16000, abs=1)
    assert len(decode(tmp_path / "a.wav", 16000, 0.25)) == 4000


def test_every_clip_that_cannot_be_decoded_is_listed_and_nothing_is_left(corpus, tmp_path):
    (tmp_path / "1.wav").write_bytes(b"")
    (tmp_path / "5.wav").unlink()
    with pytest.raises(ManifestError) as caught:
        build_cache(corpus, tmp_path / "cache", 16000, 30.0)
    message = str(caught.value)
    assert message.startswith("2 of 8 clips cannot be decoded; mend or remove their rows:")
    assert "1.wav: empty (0 bytes)" in message
    assert "5.wav: no such file" in message
    assert list((tmp_path / "cache").iterdir()) == []


# -- loader ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def loader(corpus, tmp_path):
    return Loader(
        cache=build_cache(corpus, tmp_path / "cache", 16000, 30.0),
        sampler=BalancedSampler.of(corpus.rows, 0.5),
        augmentation=AugmentConfig(),
        batch_size=4,
        clip_samples=6000,
        sample_rate=16000,
        seed=3,
    )


def test_a_batch_depends_on_seed_epoch_and_step_alone(loader):
    batches = list(loader.epoch(2, 3))
    for step, batch in enumerate(batches):
        np.testing.assert_array_equal(batch.samples, loader.batch(2, step).samples)
    assert not np.array_equal(batches[0].samples, batches[1].samples)
    assert not np.array_equal(batches[0].samples, loader.batch(1, 0).samples)
    assert not np.array_equal(batches[0].samples, replace(loader, seed=4).batch(2, 0).samples)


def test_a_batch_is_half_of_each_class_and_of_one_length(loader):
    batch = loader.batch(0, 0)
    assert batch.samples.shape == (4, 6000)
    assert batch.samples.dtype == np.float32
    assert batch.labels.tolist() == [0, 1, 0, 1]


def test_an_epoch_left_early_stops_its_thread(loader):
    epoch = loader.epoch(0, 1000)
    next(epoch)
    epoch.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "loader"]


def test_an_error_in_the_thread_reaches_the_trainer(loader, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("from the loader")

    monkeypatch.setattr(Loader, "_clip", broken)
    with pytest.raises(ZeroDivisionError, match="from the loader"):
        list(loader.epoch(0, 2))


def test_only_a_few_batches_are_made_ahead(loader, monkeypatch):
    made, original = [], Loader.batch
    monkeypatch.setattr(Loader, "batch", lambda self, e, s: (made.append(s), original(self, e, s))[1])
    epoch = loader.epoch(0, 100)
    next(epoch)
    threading.Event().wait(0.5)
    epoch.close()
    # One taken, four in the queue, one in the making, and one more may slip in while it is closed.
    assert len(made) <= 8


def test_cutting_never_pads_and_fitting_pads_at_the_end(rng):
    samples = rng.standard_normal(5000).astype(np.float32)
    for _ in range(50):
        piece = cut(samples, 4000, 16000, rng)
        assert len(piece) <= 4000
    assert len(cut(samples[:100], 4000, 16000, rng)) <= 100
    padded = fit_length(samples[:10], 20)
    np.testing.assert_array_equal(padded, np.r_[samples[:10], np.zeros(10)])


# -- augmentation ----------------------------------------------------------------------------------------------------


def test_noise_has_the_asked_ratio(rng):
    signal, noise = rng.standard_normal((2, 16000)).astype(np.float32)
    mixed = add_noise(0.1 * signal, noise, 12.0)
    ratio = np.mean((0.1 * signal) ** 2) / np.mean((mixed - 0.1 * signal) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(12.0, abs=0.01)


def test_noise_leaves_silence_alone_and_survives_a_silent_recording(rng):
    noise = rng.standard_normal(100).astype(np.float32)
    assert not add_noise(np.zeros(100, np.float32), noise, 0.0).any()
    np.testing.assert_array_equal(add_noise(noise, np.zeros(100, np.float32), 0.0), noise)


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


def test_a_short_noise_recording_is_repeated(rng):
    recording = np.arange(1, 6, dtype=np.float32)
    for _ in range(20):
        noise = draw_noise(100, [recording], rng)
        assert noise.shape == (100,)


def test_what_is_drawn_does_not_depend_on_the_clip():
    """The same generator state draws the same transforms for any clip: nothing can differ between the classes."""
    states = []
    for seed in (1, 2):
        rng = np.random.default_rng(9)
        augment(np.random.default_rng(seed).standard_normal(4000).astype(np.float32), AugmentConfig(), rng, 16000)
        states.append(rng.bit_generator.state)
    assert states[0] == states[1]


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
