"""Every format that is promised is read; a file that is damaged or unsupported is refused with what to do."""

from __future__ import annotations

import os
import re
import struct
import sys

import numpy as np
import pytest

from edge.audio.reading import AudioFile, check_wave_header, open_audio, select_channels
from edge.errors import ChannelError, UnreadableAudioError, UnsupportedFormatError
from tests.edge.conftest import write_wav


def read(path, **options):
    with open_audio(path, **options) as audio:
        return audio.sample_rate, np.concatenate(list(audio))


def tone(rate=16000, seconds=1.0):
    return (0.5 * np.sin(2 * np.pi * 440.0 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def test_wav_of_any_pcm_width_and_any_rate_from_the_telephones_up(tmp_path):
    for width in (1, 2, 3, 4):
        rate, samples = read(write_wav(tmp_path / "a.wav", tone(), width=width))
        assert rate == 16000
        np.testing.assert_allclose(samples[:, 0], tone(), atol=1.01 / 2 ** (8 * width - 1))
    for rate in (8000, 11025, 22050, 44100, 48000, 96000):
        found, samples = read(write_wav(tmp_path / "a.wav", tone(rate), rate))
        assert (found, len(samples)) == (rate, rate)
    with pytest.raises(UnsupportedFormatError, match="4000 Hz; expected at least 8000 Hz"):
        read(write_wav(tmp_path / "a.wav", tone(4000), 4000))


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.flac", {}, 1e-4),
        ("a.wav", {"subtype": "FLOAT"}, 1e-6),
        ("a.wav", {"subtype": "ALAW"}, 0.03),
        ("a.wav", {"subtype": "ULAW"}, 0.03),
        ("a.aiff", {}, 1e-4),
        ("a.ogg", {}, 0.05),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}, 0.1),
        ("a.mp3", {}, 0.1),
    ],
)
def test_formats_of_soundfile(tmp_path, name, options, tolerance):
    soundfile = pytest.importorskip("soundfile", reason="needs the edge extra")
    soundfile.write(tmp_path / name, tone(), 16000, **options)
    rate, samples = read(tmp_path / name)
    # Opus is always decoded at 48 kHz; lossy formats may add a little at the end.
    step = rate // 16000
    found = samples[::step, 0][: len(tone())]
    assert len(found) == len(tone())
    middle = slice(2000, 14000)
    np.testing.assert_allclose(_aligned(found, tone())[middle], tone()[middle], atol=tolerance)


def _aligned(found, expected):
    """Lossy codecs may delay by less than a frame: shift to the best match."""
    lags = range(-1400, 1401)
    best = max(lags, key=lambda lag: float(np.dot(np.roll(found, lag)[2000:6000], expected[2000:6000])))
    return np.roll(found, best)


def encode(av, path, codec, rate, title=""):
    """Write a second of the tone as a phone would."""
    with av.open(str(path), "w") as container:
        container.metadata["title"] = title
        try:
            stream = container.add_stream(codec, rate=rate, layout="mono")
        except ValueError as error:
            pytest.skip(f"this PyAV has no encoder to make the file with: {error}")
        frame = av.AudioFrame.from_ndarray((tone(rate) * 32767).astype("<i2")[None, :], "s16", "mono")
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.m4a", "aac", 16000),
        ("a.aac", "aac", 44100),
        ("a.3gp", "libopencore_amrnb", 8000),
        ("a.amr", "libopencore_amrnb", 8000),
    ],
)
def test_formats_that_phones_record(tmp_path, name, codec, rate):
    av = pytest.importorskip("av", reason="needs the formats extra")
    path = encode(av, tmp_path / name, codec, rate)
    found, samples = read(path)
    assert found == rate
    assert abs(len(samples) - rate) <= 3072
    spectrum = np.abs(np.fft.rfft(samples[:, 0]))
    assert np.argmax(spectrum) * rate / len(samples) == pytest.approx(440.0, abs=3.0)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.m4a"])
def test_a_name_that_is_no_text_is_read_all_the_same(tmp_path, name):
    path = tmp_path / name
    if path.suffix == ".m4a":
        encode(pytest.importorskip("av", reason="needs the formats extra"), path, "aac", 16000)
    elif path.suffix == ".flac":
        pytest.importorskip("soundfile", reason="needs the edge extra").write(path, tone(), 16000)
    else:
        write_wav(path, tone())
    expected = read(path)[1]
    named = path.with_name(os.fsdecode(b"caf\xe9") + path.suffix)
    try:
        path.rename(named)
    except OSError as error:
        pytest.skip(f"this file system takes no such name: {error}")
    np.testing.assert_array_equal(read(named)[1], expected)


def test_the_content_decides_not_the_name_and_the_block_size_changes_nothing(tmp_path):
    path = write_wav(tmp_path / "call.mp3", np.stack([tone(), -tone()], axis=1))
    np.testing.assert_array_equal(read(path, block_samples=777)[1], read(path)[1])


def cut_wav(path, length):
    write_wav(path, tone())
    path.write_bytes(path.read_bytes()[:length])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such file; check the path"),
        (lambda path: path.touch(), r"empty \(0 bytes\); expected a recording"),
        (lambda path: path.mkdir(), "a folder; expected a recording"),
        (
            lambda path: cut_wav(path, 10044),
            "truncated: the header promises 16000 samples a channel, 5000 came; copy it again",
        ),
        *((lambda path, length=length: cut_wav(path, length), r".*(truncated|damaged)") for length in (13, 20, 30)),
    ],
)
def test_what_is_no_whole_wav_is_refused(tmp_path, make, message):
    path = tmp_path / "a.wav"
    make(path)
    with pytest.raises(UnreadableAudioError, match=f"^{re.escape(str(path))}: {message}"):
        read(path)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_streamed_wav_without_a_known_length_is_read_to_its_end(tmp_path, size):
    """Recorders that write to a pipe put a placeholder where the length belongs."""
    path = write_wav(tmp_path / "a.wav", tone())
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", size)
    path.write_bytes(bytes(data))
    assert len(read(path)[1]) == 16000


@pytest.mark.parametrize("content", [b"this is text, not sound" * 50, bytes(range(256)) * 20])
def test_what_is_not_audio(tmp_path, content):
    pytest.importorskip("av", reason="needs the formats extra")
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(UnreadableAudioError, match=r"not audio|no audio track"):
        read(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda samples: np.where(np.arange(16000) == 5000, np.nan, samples),
            "NaN or infinite; expected finite values",
        ),
        (
            lambda samples: np.where(np.arange(16000) == 5000, np.inf, samples),
            "NaN or infinite; expected finite values",
        ),
        (lambda samples: 65534.0 * samples, "samples as large as .*; expected values from -1 to 1; scale"),
        (lambda samples: 2e38 * samples, "samples as large as .*; expected values from -1 to 1; scale"),
    ],
)
def test_samples_that_are_no_audio_are_refused_and_an_overshoot_is_not(tmp_path, change, message):
    """Far beyond full scale the sums of the front end overflow, and what came out would be no score."""
    soundfile = pytest.importorskip("soundfile", reason="needs the edge extra")
    soundfile.write(tmp_path / "a.wav", change(tone()).astype(np.float32), 16000, subtype="FLOAT")
    with pytest.raises(UnreadableAudioError, match=message):
        read(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.wav", 8.0 * tone(), 16000, subtype="FLOAT")
    assert np.abs(read(tmp_path / "a.wav")[1]).max() == pytest.approx(4.0, rel=0.01)


def test_a_medium_that_fails_in_the_middle(tmp_path):
    def blocks():
        yield np.zeros((10, 1), np.float32)
        raise OSError(5, "Input/output error")

    audio = AudioFile(tmp_path / "a.wav", 16000, 1, blocks())
    with pytest.raises(UnreadableAudioError) as caught:
        list(audio)
    assert str(caught.value) == f"{tmp_path}/a.wav: cannot be read to its end (Input/output error); copy it again"


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.m4a", "aac", 16000), ("a.aac", "aac", 44100), ("a.amr", "libopencore_amrnb", 8000), ("a.flac", None, 16000),
    ],
)  # fmt: skip
def test_a_recording_cut_in_the_middle(tmp_path, rng, name, codec, rate):
    path = tmp_path / name
    if codec is None:
        soundfile = pytest.importorskip("soundfile", reason="needs the edge extra")
        soundfile.write(path, 0.1 * rng.standard_normal(160000), rate)
    else:
        encode(pytest.importorskip("av", reason="needs the formats extra"), path, codec, rate)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableAudioError, match=r"truncated|damaged|not audio that can be decoded"):
        read(path)


def test_a_title_in_another_encoding_is_no_obstacle(tmp_path):
    """The tag's letter u becomes Latin-1's u with dots, a byte that is no UTF-8."""
    av = pytest.importorskip("av", reason="needs the formats extra")
    path = encode(av, tmp_path / "a.m4a", "aac", 16000, title="Gruesse")
    data = path.read_bytes()
    assert data.count(b"Gruesse") == 1
    path.write_bytes(data.replace(b"Gruesse", b"Gr\xfcesse"))
    assert abs(len(read(path)[1]) - 16000) <= 3072


def test_a_rate_that_changes_within_the_recording(tmp_path):
    """ADTS frames may follow each other in any rate, as when two recordings are joined byte by byte."""
    av = pytest.importorskip("av", reason="needs the formats extra")
    parts = [encode(av, tmp_path / f"{rate}.aac", "aac", rate).read_bytes() for rate in (16000, 44100)]
    path = tmp_path / "joined.aac"
    path.write_bytes(b"".join(parts))
    with pytest.raises(UnreadableAudioError, match="changes from 16000 Hz and 1 channels to 44100 Hz and 1 within"):
        read(path)


@pytest.mark.parametrize(
    ("package", "content", "message"),
    [
        ("soundfile", b"fLaC", r"this format needs the soundfile package: pip install 'bonafone\[edge\]'"),
        ("av", b"\0\0\0\x18ftypM4A ", r"install the decoder: pip install 'bonafone\[formats\]'"),
    ],
)
def test_without_a_decoder_the_error_names_the_extra(tmp_path, monkeypatch, package, content, message):
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "a").write_bytes(content + bytes(100))
    with pytest.raises(UnsupportedFormatError, match=message):
        read(tmp_path / "a")


def test_plain_wav_needs_neither(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    monkeypatch.setitem(sys.modules, "av", None)
    assert len(read(write_wav(tmp_path / "a.wav", tone()))[1]) == 16000


STEREO = np.array([[1.0, 0.0], [1.0, 0.5]], np.float32)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("mix", {"mix": [0.5, 0.75]}),
        ("left", {"left": [1.0, 1.0]}),
        ("right", {"right": [0.0, 0.5]}),
        ("each", {"left": [1.0, 1.0], "right": [0.0, 0.5]}),
        ("2", {"right": [0.0, 0.5]}),
    ],
)
def test_channels_of_a_stereo_call(selection, expected):
    assert {name: samples.tolist() for name, samples in select_channels(STEREO, selection)} == expected


@pytest.mark.parametrize(
    ("selection", "channels", "message"),
    [
        ("right", 1, "channel 'right' asked for, but there is 1 channel; left and right need a stereo recording"),
        ("left", 3, "but there are 3 channels"),
        ("3", 2, "channel '3' asked for; expected mix, each or a number from 1 to 2"),
        ("0", 2, "expected mix, each or a number from 1 to 2"),
    ],
)
def test_a_channel_that_is_not_there(selection, channels, message):
    with pytest.raises(ChannelError, match=message):
        select_channels(np.zeros((4, channels), np.float32), selection)


def wav(promised, there, extra=b"", encoding=7):
    form = struct.pack("<HHIIHH", encoding, 1, 8000, 8000, 1, 8)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + extra + b"data" + struct.pack("<I", promised)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + promised & 0xFFFFFFFF) + b"WAVE" + chunks + b"\x55" * there


ODD = b"LIST" + struct.pack("<I", 3) + b"abc\0"


def test_the_header_of_a_whole_or_streamed_wav_and_other_formats_pass(tmp_path):
    path = tmp_path / "a.wav"
    for content in (
        wav(100, 100), wav(100, 120), wav(100, 100, ODD), wav(0, 0),
        wav(0xFFFFFFFF, 50), wav(0x7FFFFFFF, 50), wav(0xFFFFFFFF - 36, 50), b"ID3 no wave at all", b"",
    ):  # fmt: skip
        path.write_bytes(content)
        check_wave_header(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (wav(100, 99), "truncated: the header promises 100 bytes of audio, 99 came"),
        (wav(100, 40, ODD), "truncated"),
        (wav(0, 40), "header is not final yet"),
        (wav(100, 0)[:30], "ends before its data"),
    ],
)
def test_a_wav_under_way_is_refused(tmp_path, content, message):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(UnreadableAudioError, match=message):
        check_wave_header(path)
