"""The bytes of every bridge are the same samples."""

from __future__ import annotations

import array

import numpy as np
import pytest

from android_bridge.errors import PcmError
from android_bridge.pcm import as_bytes, check_rate, decode_pcm16

RAW = np.array([0, 1, -1, 32767, -32768, 258], "<i2").tobytes()


class Buffer:
    """Hands its bytes over as Chaquopy's and JPype's arrays of signed bytes do."""

    def __init__(self, data):
        self._signed = np.frombuffer(data, np.int8)

    def __array__(self, dtype=None, copy=None):
        return self._signed if dtype is None else self._signed.astype(dtype)


@pytest.mark.parametrize(
    "data",
    [
        RAW,
        bytearray(RAW),
        memoryview(RAW),
        np.frombuffer(RAW, np.int8),
        np.frombuffer(RAW, np.uint8),
        np.frombuffer(RAW, np.int8).tolist(),
        list(RAW),
        array.array("b", RAW),
        Buffer(RAW),
    ],
    ids=["bytes", "bytearray", "memoryview", "int8", "uint8", "signed list", "unsigned list", "array", "object"],
)
def test_bytes_are_bytes_however_a_bridge_hands_them_over(data):
    assert as_bytes(data) == RAW


@pytest.mark.parametrize(
    "data", ["text", None, 7, [1.5], [300], [-129], [[1, 2]], np.zeros(4, np.float32), {1: 2}, ["a"]], ids=repr
)
def test_what_is_no_bytes_is_refused(data):
    with pytest.raises(PcmError, match=f"expected the bytes of PCM16 mono, got {type(data).__name__}"):
        as_bytes(data)


@pytest.mark.parametrize("data", [b"", [], np.zeros(0, np.int8)], ids=["bytes", "list", "array"])
def test_nothing_is_no_samples(data):
    assert decode_pcm16(data, 16000).shape == (0,)


def test_samples_are_little_endian_and_full_scale_is_one():
    assert decode_pcm16(RAW, 8000).tolist() == [0.0, 2**-15, -(2**-15), 1.0 - 2**-15, -1.0, 258 / 32768]


@pytest.mark.parametrize("rate", [True, None, "16000", 16000.0, 7999, 96000, 10**9])
def test_a_rate_that_no_phone_records_at_is_refused(rate):
    with pytest.raises(PcmError, match="expected one of 8000, 11025,"):
        check_rate(rate)
