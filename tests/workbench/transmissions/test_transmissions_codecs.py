"""Every codec gives back a clip of the same length, in the same place, that sounds like what went in."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from workbench.errors import CodecError
from workbench.transmissions import coders
from workbench.transmissions.codecs import CODECS, resample, round_trip
from workbench.transmissions.coders import a_law_decode, a_law_encode, mu_law_decode, mu_law_encode

RATE = 16000
NARROW = [name for name, codec in CODECS.items() if codec.rate_hz == 8000]
# The least correlation with the original between 300 and 3400 Hz; waveform coders come close, vocoders do not.
LIKENESS = {
    "g711-mu": 0.999,
    "g711-a": 0.999,
    "gsm": 0.92,
    "amr-nb": 0.84,
    "g722": 0.99,
    "g723.1": 0.92,
    "g726": 0.96,
    "opus-nb": 0.75,
    "opus-wb": 0.92,
    "speex": 0.82,
    "mp3": 0.96,
    "aac": 0.96,
}


def needs(name):
    if CODECS[name].program and shutil.which(CODECS[name].program) is None:
        pytest.skip(f"{name} needs the {CODECS[name].program} program, which is not on PATH")


def telephone_band(samples):
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    return np.fft.irfft(spectrum, len(samples))


def lag_of(before, after):
    """Samples by which ``after`` comes later, from the peak of the cross-correlation."""
    length = 2 * len(before)
    product = np.conj(np.fft.rfft(before, length)) * np.fft.rfft(after, length)
    peak = int(np.argmax(np.fft.irfft(product, length)))
    return peak if peak < length // 2 else peak - length


@pytest.mark.parametrize("name", CODECS)
def test_length_place_and_likeness_at_every_bit_rate(speech, name):
    needs(name)
    before = telephone_band(speech)
    for bitrate_bps in CODECS[name].bitrates_bps:
        found = round_trip(speech, RATE, name, bitrate_bps)
        assert (found.shape, found.dtype) == (speech.shape, np.float32)
        after = telephone_band(found)
        assert abs(lag_of(before, after)) <= 2
        assert np.corrcoef(before, after)[0, 1] > LIKENESS[name]


@pytest.mark.parametrize("name", ["amr-nb", "g726", "mp3", "aac", "opus-wb"])
def test_more_bits_come_closer(speech, name):
    rates = sorted(CODECS[name].bitrates_bps)
    errors = [
        np.mean((telephone_band(round_trip(speech, RATE, name, rate)) - telephone_band(speech)) ** 2)
        for rate in (rates[0], rates[-1])
    ]
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize("name", NARROW)
def test_narrow_band_codecs_leave_nothing_above_4_khz(rng, name):
    needs(name)
    noise = (0.1 * rng.standard_normal(RATE)).astype(np.float32)
    power = np.abs(np.fft.rfft(round_trip(noise, RATE, name))) ** 2
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    assert power[hz > 4100].sum() < 1e-5 * power.sum()
    assert power[(hz > 500) & (hz < 3300)].sum() > 0.5 * power.sum()


@pytest.mark.parametrize("name", ["g722", "opus-wb", "mp3"])
def test_wide_band_codecs_keep_what_lies_above(rng, name):
    needs(name)
    noise = (0.1 * rng.standard_normal(RATE)).astype(np.float32)
    power = np.abs(np.fft.rfft(round_trip(noise, RATE, name))) ** 2
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    assert power[(hz > 4500) & (hz < 6500)].sum() > 0.05 * power.sum()


@pytest.mark.parametrize("name", CODECS)
def test_short_clips_silence_and_other_rates(rng, name):
    needs(name)
    for length in (0, 1, 159, 161, 700):
        clip = (0.2 * rng.standard_normal(length)).astype(np.float32)
        found = round_trip(clip, RATE, name)
        assert found.shape == clip.shape
        assert np.isfinite(found).all()
    assert np.abs(round_trip(np.zeros(4000, np.float32), RATE, name)).max() < 1e-3
    assert round_trip(np.ones(4410, np.float32), 44100, name).shape == (4410,)


def test_what_lies_beyond_full_scale_is_clipped_before_coding(speech):
    clipped = resample(20 * speech, RATE, 8000).clip(-1, 1)
    coded = coders.compand(clipped, "a-law")
    assert np.abs(coded).max() <= 1.0
    np.testing.assert_allclose(round_trip(20 * speech, RATE, "g711-a"), resample(coded, 8000, RATE), atol=1e-6)


def test_the_same_input_gives_the_same_output(speech):
    for name in ("amr-nb", "opus-nb", "mp3"):
        np.testing.assert_array_equal(round_trip(speech, RATE, name), round_trip(speech, RATE, name))


def test_unknown_codecs_and_rates_say_what_is_known(speech):
    with pytest.raises(CodecError, match=r"codec 'evs': unknown; expected one of g711-mu, g711-a, gsm"):
        round_trip(speech, RATE, "evs")
    with pytest.raises(CodecError, match="g726: 8000 bit/s is not one of its rates; expected one of 16000, 24000"):
        round_trip(speech, RATE, "g726", 8000)


def test_without_ffmpeg_speex_says_so_and_the_others_work(speech, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert [name for name, codec in CODECS.items() if codec.program] == ["speex"]
    with pytest.raises(CodecError, match=r"libspeex: .*no ffmpeg program on PATH; install ffmpeg"):
        round_trip(speech, RATE, "speex")
    assert len(round_trip(speech, RATE, "gsm")) == len(speech)


def test_an_ffmpeg_that_lacks_the_encoder_is_named(speech, monkeypatch, tmp_path):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho first >&2\necho \"Unknown encoder 'libspeex'\" >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program))
    with pytest.raises(CodecError, match=r"ffmpeg failed \(Unknown encoder 'libspeex'\)"):
        round_trip(speech, RATE, "speex")


def test_pcm_is_rounded_and_clipped():
    values = np.array([0.0, 0.5, -1.0, 1.0, 3.0, 1.4 / 32768], np.float32)
    assert coders.to_pcm(values).tolist() == [0, 16384, -32768, 32767, 32767, 1]
    assert coders.from_pcm(np.array([-32768, 16384], np.int16)).tolist() == [-1.0, 0.5]


def test_resampling_moves_nothing():
    clip = np.zeros(8000, np.float32)
    clip[4000] = 1.0
    assert int(np.argmax(resample(resample(clip, 16000, 8000), 8000, 16000))) == 4000
    np.testing.assert_array_equal(resample(clip, 16000, 16000), clip)


# First decision value of each segment on the 14-bit scale of the standard, and its code (table 2a, sign included).
MU_LAW = ((0, 0xFF), (31, 0xEF), (95, 0xDF), (223, 0xCF), (479, 0xBF), (991, 0xAF), (2015, 0x9F), (4063, 0x8F))
# The same on A-law's scale of 4096 (table 1a), even bits inverted.
A_LAW = ((0, 0xD5), (32, 0xC5), (64, 0xF5), (128, 0xE5), (256, 0x95), (512, 0x85), (1024, 0xB5), (2048, 0xA5))


def test_mu_law_segments_begin_where_the_standard_says():
    for value, code in MU_LAW:
        assert mu_law_encode(np.array([4 * value], np.int16))[0] == code
        if value:
            assert mu_law_encode(np.array([4 * value - 1], np.int16))[0] == code + 1
            assert mu_law_encode(np.array([-4 * value], np.int16))[0] == code & 0x7F


def test_a_law_segments_begin_where_the_standard_says():
    for value, code in A_LAW:
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
