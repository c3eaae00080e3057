"""Bare PCM: every encoding, however it is cut, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from edge.service.source_address import SourceSyntaxError
from edge.sources.events import BadDataError
from edge.sources.pcm import PcmDecoder, PcmFormat

VALUES = np.array([0.0, 0.5, -0.5, 0.25, -1.0], np.float32)
ENCODED = {
    "s16le": (VALUES * 32768).astype("<i2").tobytes(),
    "s32le": (VALUES.astype(np.float64) * 2**31).astype("<i4").tobytes(),
    "f32le": VALUES.astype("<f4").tobytes(),
    "u8": (VALUES * 128 + 128).astype(np.uint8).tobytes(),
}


def decode(data, pcm, size=None):
    decoder = PcmDecoder(pcm)
    size = size or max(len(data), 1)
    parts = [decoder.feed(data[begin : begin + size]) for begin in range(0, len(data), size)]
    return np.concatenate([*parts, decoder.flush()])


def test_every_encoding_gives_the_values_that_were_written():
    for encoding, data in ENCODED.items():
        np.testing.assert_array_equal(decode(data, PcmFormat(encoding=encoding)), VALUES)
    assert decode(b"\x80\xff", PcmFormat(8000, encoding="mulaw")).tolist() == [32124 / 32768, 0.0]
    assert decode(b"\xaa\xd5", PcmFormat(8000, encoding="alaw")).tolist() == [32256 / 32768, 8 / 32768]


def test_how_the_bytes_are_cut_changes_nothing(rng):
    data = rng.integers(0, 256, 4 * 300, dtype=np.uint8).tobytes()
    pcm = PcmFormat(channels=2)
    for size in (1, 2, 3, 5, 7, 1000):
        np.testing.assert_array_equal(decode(data, pcm, size), decode(data, pcm))


def test_one_channel_is_decoded():
    data = (np.array([0.5, -0.25]) * 32768).astype("<i2").tobytes()
    for channel, expected in [("mix", 0.125), ("left", 0.5), ("right", -0.25), ("2", -0.25)]:
        assert decode(data, PcmFormat(channels=2, channel=channel)).tolist() == [expected]


def test_a_file_with_a_header_is_refused_and_not_decoded_as_noise():
    header = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(20)
    for size in (1, 3, 100):
        with pytest.raises(BadDataError, match=r"a file with a header came \('RIFF'\).*arecord -t raw"):
            decode(header, PcmFormat(), size)
    for data in (b"", b"R\x00", b"RIF\x00"):
        assert len(decode(data, PcmFormat())) == len(data) // 2, "short audio that starts like a header"


def test_floats_that_are_no_audio_are_refused():
    for value in (np.nan, np.inf, 20000.0):
        with pytest.raises(BadDataError, match="f32le samples that are NaN, infinite or far beyond 1"):
            decode(np.array([0.0, value], "<f4").tobytes(), PcmFormat(encoding="f32le"))


def test_a_format_that_cannot_be_is_refused():
    for options, message in [
        ({"encoding": "s16be"}, "PCM encoding 's16be': expected one of s16le, s32le, f32le, u8, mulaw, alaw"),
        (
            {"sample_rate": 4000},
            "PCM sample rate 4000: expected 8000 to 384000 Hz; give the rate that the bytes were recorded at",
        ),
        ({"channels": 0}, "PCM with 0 channels: expected 1 to 64"),
        ({"channel": "each"}, "channel 'each': a live source takes mix, left, right or a number from 1"),
        (
            {"channels": 2, "channel": "3"},
            "PCM with 2 channels: channel '3' asked for; expected mix, each or a number from 1 to 2",
        ),
    ]:
        with pytest.raises(SourceSyntaxError) as caught:
            PcmFormat(**options)
        assert str(caught.value) == message
