"""The bytes of every bridge are the same samples; the converter in NumPy is held against soxr."""

from __future__ import annotations

import array
import itertools

import numpy as np
import pytest
from call_parts import BONAFIDE, SPOOF, pcm16

from android_bridge.audio import SAMPLE_RATES, PolyphaseResampler, as_bytes, check_rate, decode_pcm16
from android_bridge.errors import PcmError
from edge.resampling import Resampler
from edge.scoring import ChannelScorer

TARGET = 16000
# Measured 0.08 at most on all the examples: the two filters end a little apart below the Nyquist frequency. The bounds
# of a verdict are more than 3 nats apart.
TOLERANCE_NATS = 0.15
RAW = np.array([0, 1, -1, 32767, -32768, 258], "<i2").tobytes()


class Buffer:
    """Hands its bytes over as Chaquopy's and JPype's arrays of signed bytes do."""

    def __init__(self, data):
        self._signed = np.frombuffer(data, np.int8)

    def __array__(self, dtype=None, copy=None):
        return self._signed if dtype is None else self._signed.astype(dtype)


def test_bytes_are_bytes_however_a_bridge_passes_them():
    signed = np.frombuffer(RAW, np.int8)
    same = (RAW, bytearray(RAW), memoryview(RAW), signed, signed.view(np.uint8), signed.tolist(), list(RAW))
    for data in (*same, array.array("b", RAW), Buffer(RAW)):
        assert as_bytes(data) == RAW, type(data)


def test_what_is_no_bytes_is_refused():
    for data in ("text", None, 7, [1.5], [300], [-129], [[1, 2]], np.zeros(4, np.float32), {1: 2}, ["a"]):
        with pytest.raises(PcmError, match=f"expected the bytes of PCM16 mono, got {type(data).__name__}"):
            as_bytes(data)


def test_nothing_is_no_samples():
    for data in (b"", [], np.zeros(0, np.int8)):
        assert decode_pcm16(data, 16000).shape == (0,)


def test_samples_are_little_endian_and_full_scale_is_one():
    assert decode_pcm16(RAW, 8000).tolist() == [0.0, 2**-15, -(2**-15), 1.0 - 2**-15, -1.0, 258 / 32768]


def test_a_rate_that_no_phone_records_at_is_refused():
    for rate in (True, None, "16000", 16000.0, 7999, 96000, 10**9):
        with pytest.raises(PcmError, match="expected one of 8000, 11025,"):
            check_rate(rate)


def convert(resampler, samples, cuts=()):
    parts = [resampler.feed(part) for part in np.split(samples, cuts)]
    return np.concatenate([*parts, resampler.flush()])


def tone(frequency_hz, rate, seconds=1.0):
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def test_the_length_is_the_duration_at_the_other_rate(rng):
    for rate, samples in itertools.product(SAMPLE_RATES, (1, 2, 441, 5000)):
        length = len(convert(PolyphaseResampler(rate, TARGET), rng.standard_normal(samples).astype(np.float32)))
        assert length == (samples if rate == TARGET else -(-samples * TARGET // rate)), (rate, samples)


def test_how_the_stream_is_cut_does_not_change_a_bit(rng):
    for rate in SAMPLE_RATES:
        samples = rng.standard_normal(rate).astype(np.float32)
        whole = convert(PolyphaseResampler(rate, TARGET), samples)
        cuts = np.sort(rng.integers(0, len(samples), 200))
        assert np.array_equal(convert(PolyphaseResampler(rate, TARGET), samples, cuts), whole), rate


def test_a_tone_keeps_its_frequency_place_and_strength():
    """The delay is compensated, so that a tone comes out where a tone of the other rate lies."""
    middle = slice(2000, -2000)
    for rate in SAMPLE_RATES:
        found = convert(PolyphaseResampler(rate, TARGET), tone(1000.0, rate))
        assert np.abs(found - tone(1000.0, TARGET)[: len(found)])[middle].max() < 1e-4, rate


def test_what_the_target_rate_cannot_hold_is_gone():
    for rate in (22050, 44100, 48000):
        found = convert(PolyphaseResampler(rate, TARGET), tone(9000.0, rate))
        assert np.abs(found[2000:-2000]).max() < 1e-4, rate


def test_a_telephone_band_has_no_mirror():
    spectrum = np.abs(np.fft.rfft(convert(PolyphaseResampler(8000, TARGET), tone(3000.0, 8000))[2000:14000]))
    mirror = round(5000.0 / TARGET * 12000)
    assert spectrum[mirror - 20 : mirror + 20].max() < 1e-4 * spectrum.max()


def test_zeros_stay_exactly_zero():
    for rate in SAMPLE_RATES:
        assert not convert(PolyphaseResampler(rate, TARGET), np.zeros(rate, np.float32)).any(), rate


@pytest.mark.parametrize("example", [BONAFIDE, SPOOF], ids=["bonafide", "spoof"])
def test_the_score_is_that_of_soxr_within_the_stated_bound(model, example):
    data, own_rate = pcm16(example)
    samples = np.frombuffer(data, "<i2").astype(np.float32) / 32768
    for rate in (8000, 44100, 48000):
        converted, found = convert(Resampler(own_rate, rate), samples), []
        for make_converter in (Resampler, PolyphaseResampler):
            scorer = ChannelScorer(model, rate, make_converter=make_converter)
            scorer.feed(converted)
            found.append(scorer.flush())
        assert found[0].cm_score == pytest.approx(found[1].cm_score, abs=TOLERANCE_NATS)
        assert found[0].speech_s == pytest.approx(found[1].speech_s, abs=0.05)
