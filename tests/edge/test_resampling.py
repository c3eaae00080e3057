"""Changing the rate keeps a tone, in pieces as in one."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from edge.errors import UnsupportedFormatError
from edge.resampling import Resampler


def convert(samples, source, target, piece):
    resampler = Resampler(source, target)
    pieces = [resampler.feed(samples[start : start + piece]) for start in range(0, len(samples), piece)]
    return np.concatenate([*pieces, resampler.flush()])


def test_a_tone_stays_the_same_tone_and_what_lies_above_the_new_band_is_gone():
    pytest.importorskip("soxr", reason="needs the edge extra")
    for source in (8000, 11025, 22050, 44100, 48000):
        tone = np.sin(2 * np.pi * 1000.0 * np.arange(source) / source).astype(np.float32)
        found = convert(tone, source, 16000, source)
        assert abs(len(found) - 16000) <= 1
        expected = np.sin(2 * np.pi * 1000.0 * np.arange(len(found)) / 16000)
        np.testing.assert_allclose(found[1000:-1000], expected[1000:-1000], atol=1e-3)
    tone = np.sin(2 * np.pi * 12000.0 * np.arange(48000) / 48000).astype(np.float32)
    assert np.abs(convert(tone, 48000, 16000, 4800)[1000:-1000]).max() < 1e-3


def test_pieces_change_nothing(rng):
    pytest.importorskip("soxr", reason="needs the edge extra")
    samples = rng.standard_normal(4000).astype(np.float32)
    expected = convert(samples, 8000, 16000, 4000)
    for piece in (1, 160, 997):
        np.testing.assert_allclose(convert(samples, 8000, 16000, piece), expected, atol=1e-6)


def test_equal_rates_pass_through_without_soxr(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "soxr", None)
    samples = rng.standard_normal(100).astype(np.float32)
    np.testing.assert_array_equal(convert(samples, 16000, 16000, 7), samples)


def test_without_soxr_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(
        UnsupportedFormatError, match=r"8000 Hz needs resampling to 16000 Hz: pip install 'bonafone\[edge\]'"
    ):
        Resampler(8000, 16000)
