"""The resampler in NumPy, held against soxr and against what a resampler must be."""

from __future__ import annotations

import numpy as np
import pytest
from call_parts import BONAFIDE, SPOOF, pcm16

from android_bridge.pcm import SAMPLE_RATES
from android_bridge.polyphase import PolyphaseResampler
from android_bridge.recording import RecordingScorer
from edge.resampling import Resampler

TARGET = 16000
# Measured 0.08 at most on all the examples: the two filters end a little apart below the Nyquist frequency. The bounds
# of a verdict are more than 3 nats apart.
TOLERANCE_NATS = 0.15


def convert(resampler, samples, cuts=()):
    parts = [resampler.feed(part) for part in np.split(samples, cuts)]
    return np.concatenate([*parts, resampler.flush()])


def tone(frequency_hz, rate, seconds=1.0):
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("samples", [1, 2, 441, 5000])
def test_the_length_is_the_duration_at_the_other_rate(rate, samples, rng):
    length = len(convert(PolyphaseResampler(rate, TARGET), rng.standard_normal(samples).astype(np.float32)))
    assert length == (samples if rate == TARGET else -(-samples * TARGET // rate))


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_how_the_stream_is_cut_does_not_change_a_bit(rate, rng):
    samples = rng.standard_normal(rate).astype(np.float32)
    whole = convert(PolyphaseResampler(rate, TARGET), samples)
    cuts = np.sort(rng.integers(0, len(samples), 200))
    assert np.array_equal(convert(PolyphaseResampler(rate, TARGET), samples, cuts), whole)


@pytest.mark.parametrize("rate", [rate for rate in SAMPLE_RATES if rate != TARGET])
def test_a_tone_keeps_its_frequency_place_and_strength(rate):
    """The delay is compensated, so that a tone comes out where a tone of the other rate lies."""
    found = convert(PolyphaseResampler(rate, TARGET), tone(1000.0, rate))
    expected = tone(1000.0, TARGET)[: len(found)]
    middle = slice(2000, -2000)
    assert np.abs(found - expected)[middle].max() < 1e-4


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_what_the_target_rate_cannot_hold_is_gone(rate):
    found = convert(PolyphaseResampler(rate, TARGET), tone(9000.0, rate))
    assert np.abs(found[2000:-2000]).max() < 1e-4


def test_the_mirror_of_a_telephone_band_is_not_heard():
    spectrum = np.abs(np.fft.rfft(convert(PolyphaseResampler(8000, TARGET), tone(3000.0, 8000))[2000:14000]))
    mirror = round(5000.0 / TARGET * 12000)
    assert spectrum[mirror - 20 : mirror + 20].max() < 1e-4 * spectrum.max()


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_zeros_stay_exactly_zero(rate):
    assert not convert(PolyphaseResampler(rate, TARGET), np.zeros(rate, np.float32)).any()


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
@pytest.mark.parametrize("example", [BONAFIDE, SPOOF], ids=["bonafide", "spoof"])
def test_the_score_is_that_of_soxr_within_the_stated_bound(model, rate, example):
    data, own_rate = pcm16(example)
    samples = np.frombuffer(data, "<i2").astype(np.float32) / 32768
    samples = convert(Resampler(own_rate, rate), samples)
    found = []
    for make_converter in (Resampler, PolyphaseResampler):
        scorer = RecordingScorer(model, rate, make_converter)
        scorer.feed(samples)
        found.append(scorer.finish())
    assert found[0]["cm_score"] == pytest.approx(found[1]["cm_score"], abs=TOLERANCE_NATS)
    assert found[0]["speech_s"] == pytest.approx(found[1]["speech_s"], abs=0.05)
