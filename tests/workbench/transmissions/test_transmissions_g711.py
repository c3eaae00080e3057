"""G.711 against the values of ITU-T G.711's tables and against PyAV's decoder."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.transmissions import coders
from workbench.transmissions.coders import a_law_decode, a_law_encode, mu_law_decode, mu_law_encode

# First decision value of each segment on the 14-bit scale of the standard, and its code (table 2a, sign included).
MU_LAW = ((0, 0xFF), (31, 0xEF), (95, 0xDF), (223, 0xCF), (479, 0xBF), (991, 0xAF), (2015, 0x9F), (4063, 0x8F))
# The same on A-law's scale of 4096 (table 1a), even bits inverted.
A_LAW = ((0, 0xD5), (32, 0xC5), (64, 0xF5), (128, 0xE5), (256, 0x95), (512, 0x85), (1024, 0xB5), (2048, 0xA5))


@pytest.mark.parametrize(("value", "code"), MU_LAW)
def test_mu_law_segments_begin_where_the_standard_says(value, code):
    assert mu_law_encode(np.array([4 * value], np.int16))[0] == code
    if value:
        assert mu_law_encode(np.array([4 * value - 1], np.int16))[0] == code + 1
        assert mu_law_encode(np.array([-4 * value], np.int16))[0] == code & 0x7F


@pytest.mark.parametrize(("value", "code"), A_LAW)
def test_a_law_segments_begin_where_the_standard_says(value, code):
    assert a_law_encode(np.array([8 * value], np.int16))[0] == code
    if value:
        below = a_law_encode(np.array([8 * value - 1], np.int16))[0] ^ 0x55
        assert below == (code ^ 0x55) - 1
        assert a_law_encode(np.array([-8 * value - 1], np.int16))[0] == code ^ 0x80


def test_the_largest_values_and_silence():
    extremes = np.array([32767, -32768, 0], np.int16)
    assert mu_law_encode(extremes).tolist() == [0x80, 0x00, 0xFF]
    assert mu_law_decode(mu_law_encode(extremes)).tolist() == [32124, -32124, 0]
    assert a_law_encode(extremes).tolist() == [0xAA, 0x2A, 0xD5]
    assert a_law_decode(a_law_encode(extremes)).tolist() == [32256, -32256, 8]


@pytest.mark.parametrize(("decode", "name"), [(mu_law_decode, "pcm_mulaw"), (a_law_decode, "pcm_alaw")])
def test_every_code_decodes_as_pyav_does(decode, name):
    av = pytest.importorskip("av")
    codes = np.arange(256, dtype=np.uint8)
    context = av.CodecContext.create(name, "r")
    context.sample_rate, context.layout = 8000, "mono"
    expected = np.concatenate([frame.to_ndarray().ravel() for frame in context.decode(av.Packet(codes.tobytes()))])
    np.testing.assert_array_equal(decode(codes), expected)


@pytest.mark.parametrize(("encode", "decode"), [(mu_law_encode, mu_law_decode), (a_law_encode, a_law_decode)])
def test_codes_come_back_and_errors_stay_within_half_a_step(encode, decode):
    codes = np.arange(256, dtype=np.uint8)
    back = encode(decode(codes))
    # µ-law has two zeros; both decode to 0, which is coded as the positive one.
    np.testing.assert_array_equal(back[codes != 0x7F], codes[codes != 0x7F])
    pcm = np.arange(-32635, 32636, dtype=np.int16)
    error = np.abs(decode(encode(pcm)).astype(int) - pcm)
    assert (error <= np.maximum(np.abs(pcm.astype(int)) / 32 + 5, 8)).all()


@pytest.mark.parametrize("law", coders.COMPANDERS)
def test_the_signal_to_noise_ratio_hardly_depends_on_level(rng, law):
    """What the logarithm is for: about 38 dB at any level of speech."""
    voice = rng.laplace(0.0, 0.1, 20000).astype(np.float32).clip(-0.9, 0.9)
    for gain in (1.0, 0.1):
        noise = coders.compand(gain * voice, law) - gain * voice
        assert 34 < 10 * np.log10(np.mean((gain * voice) ** 2) / np.mean(noise**2)) < 41
