"""Batches are equal halves, cut alike, repeatable from (seed, epoch, step), and made ahead by a thread that ends."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from workbench.config import AugmentConfig
from workbench.data.cache import build_cache
from workbench.data.loader import Loader, cut, fit_length
from workbench.data.sampling import BalancedSampler


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


def test_an_epoch_that_ends_or_is_left_early_stops_its_thread(loader):
    assert len(list(loader.epoch(0, 3))) == 3
    assert not [thread for thread in threading.enumerate() if thread.name == "loader"]
    epoch = loader.epoch(0, 1000)
    next(epoch)
    epoch.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "loader"]


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


def test_batches_come_before_the_error_that_follows_them(loader, monkeypatch):
    original = Loader.batch

    def breaks_at_two(self, epoch, step):
        if step == 2:
            raise OSError("disk gone")
        return original(self, epoch, step)

    monkeypatch.setattr(Loader, "batch", breaks_at_two)
    epoch = loader.epoch(0, 5)
    assert [next(epoch).labels.tolist() for _ in range(2)] == [[0, 1, 0, 1]] * 2
    with pytest.raises(OSError, match="disk gone"):
        next(epoch)
    assert not [thread for thread in threading.enumerate() if thread.name == "loader"]


def test_lengths_say_nothing_of_the_class(loader):
    """Shortened stretches are drawn alike: trailing zeros are as common behind spoof as behind bona fide."""
    padded = np.array([loader.batch(0, step).samples[:, -1] == 0.0 for step in range(150)])
    shares = padded[:, ::2].mean(), padded[:, 1::2].mean()
    assert shares[0] == pytest.approx(shares[1], abs=0.1)


def test_a_variant_repeats_itself_and_pass_0_is_the_unchanged_clip(loader):
    for index in range(4):
        np.testing.assert_array_equal(loader.variant(index, 1), loader.variant(index, 1))
        assert not np.array_equal(loader.variant(index, 1), loader.variant(index, 2))
        unchanged = loader.variant(index, 0)
        clip = loader.cache.clip(index)[: loader.clip_samples]
        np.testing.assert_array_equal(unchanged[: len(clip)], clip)
        assert not unchanged[len(clip) :].any()
