"""Clips are decoded once, found by their row, and never mistaken for another's."""

from __future__ import annotations

import wave
from dataclasses import replace

import numpy as np
import pytest

from workbench.data.cache import build_cache, decode
from workbench.errors import ManifestError


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


def test_the_same_clips_in_another_order_are_found_by_their_row(corpus, tmp_path):
    """Each clip has a length of its own; a cache of the first order must not serve the second."""
    build_cache(corpus, tmp_path / "cache", 16000, 30.0)
    backwards = replace(corpus, rows=corpus.rows[::-1])
    cache = build_cache(backwards, tmp_path / "cache", 16000, 30.0)
    assert [len(cache.clip(index)) for index in range(8)] == [8700 - 100 * index for index in range(8)]


def test_a_cache_that_lost_its_samples_is_made_anew(corpus, tmp_path):
    build_cache(corpus, tmp_path / "cache", 16000, 30.0)
    for file in (tmp_path / "cache").glob("*.pcm"):
        file.unlink()
    assert len(build_cache(corpus, tmp_path / "cache", 16000, 30.0).clip(0)) == 8000


def test_stereo_is_mixed_down(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.tile(np.array([8192, -4096], "<i2"), 100).tobytes())
    np.testing.assert_allclose(decode(tmp_path / "a.wav", 16000), np.full(100, 2048 / 32768), atol=1e-6)


def test_long_clips_are_cut_and_other_rates_converted(tmp_path, write_recording):
    write_recording(tmp_path / "a.wav", 0.1 * np.ones(48000), 48000)
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
