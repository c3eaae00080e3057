"""A WAV whose header is not final is told from one that is whole, in every encoding."""

from __future__ import annotations

import struct

import pytest

from edge.audio.reading import check_wave_header
from edge.errors import UnreadableAudioError


def wav(promised, there, extra=b"", encoding=7):
    form = struct.pack("<HHIIHH", encoding, 1, 8000, 8000, 1, 8)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + extra + b"data" + struct.pack("<I", promised)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + promised & 0xFFFFFFFF) + b"WAVE" + chunks + b"\x55" * there


ODD = b"LIST" + struct.pack("<I", 3) + b"abc\0"


@pytest.mark.parametrize(
    "content",
    [
        wav(100, 100), wav(100, 120), wav(100, 100, ODD), wav(0, 0),
        wav(0xFFFFFFFF, 50), wav(0x7FFFFFFF, 50), wav(0xFFFFFFFF - 36, 50), b"ID3 no wave at all", b"",
    ],
)  # fmt: skip
def test_a_whole_or_streamed_wav_and_other_formats_pass(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    check_wave_header(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (wav(100, 99), "truncated: the header promises 100 bytes of audio, 99 came"),
        (wav(100, 40, ODD), "truncated"),
        (wav(0, 40), "header is not final yet"),
        (wav(100, 0)[:30], "ends before its data"),
    ],
)
def test_a_wav_under_way_is_refused(tmp_path, content, said):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(UnreadableAudioError, match=said):
        check_wave_header(path)
