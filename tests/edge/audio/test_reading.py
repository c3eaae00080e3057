"""Every format that is promised is read; whatever is wrong with a file is said, with what to do."""

from __future__ import annotations

import os
import struct
import sys

import numpy as np
import pytest

from edge.audio.reading import AudioFile, open_audio, select_channels
from edge.errors import ChannelError, UnreadableAudioError, UnsupportedFormatError
from tests.edge.conftest import write_wav


def read(path, **options):
    with open_audio(path, **options) as audio:
        return audio.sample_rate, np.concatenate(list(audio))


def tone(rate=16000, seconds=1.0):
    return (0.5 * np.sin(2 * np.pi * 440.0 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav_of_any_pcm_width(tmp_path, width):
    rate, samples = read(write_wav(tmp_path / "a.wav", tone(), width=width))
    assert rate == 16000
    np.testing.assert_allclose(samples[:, 0], tone(), atol=1.01 / 2 ** (8 * width - 1))


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_sample_rates_from_telephone_up(tmp_path, rate):
    found, samples = read(write_wav(tmp_path / "a.wav", tone(rate), rate))
    assert (found, len(samples)) == (rate, rate)


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


def test_the_content_decides_not_the_name(tmp_path):
    write_wav(tmp_path / "really.wav", tone())
    (tmp_path / "really.wav").rename(tmp_path / "call.mp3")
    assert len(read(tmp_path / "call.mp3")[1]) == 16000


def test_the_block_size_changes_nothing(tmp_path):
    path = write_wav(tmp_path / "a.wav", np.stack([tone(), -tone()], axis=1))
    np.testing.assert_array_equal(read(path, block_samples=777)[1], read(path)[1])


def _assert_refused(path, kind, message):
    with pytest.raises(kind) as caught:
        read(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_missing_file(tmp_path):
    _assert_refused(tmp_path / "a.wav", UnreadableAudioError, "no such file; check the path")


def test_an_empty_file(tmp_path):
    (tmp_path / "a.wav").touch()
    _assert_refused(tmp_path / "a.wav", UnreadableAudioError, "empty (0 bytes); expected a recording")


def test_a_folder(tmp_path):
    _assert_refused(tmp_path, UnreadableAudioError, "a folder; expected a recording")


def test_a_wav_cut_in_its_samples(tmp_path):
    path = write_wav(tmp_path / "a.wav", tone())
    path.write_bytes(path.read_bytes()[:10044])
    message = "truncated: the header promises 16000 samples a channel, 5000 came; copy it again"
    _assert_refused(path, UnreadableAudioError, message)


@pytest.mark.parametrize("length", [13, 20, 30])
def test_a_wav_cut_in_its_header(tmp_path, length):
    path = write_wav(tmp_path / "a.wav", tone())
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UnreadableAudioError, match=r"truncated|damaged"):
        read(path)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_streamed_wav_without_a_known_length_is_read_to_its_end(tmp_path, size):
    """Recorders that write to a pipe put a placeholder where the length belongs."""
    path = write_wav(tmp_path / "a.wav", tone())
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", size)
    path.write_bytes(bytes(data))
    assert len(read(path)[1]) == 16000


def test_a_flac_cut_in_the_middle(tmp_path, rng):
    soundfile = pytest.importorskip("soundfile", reason="needs the edge extra")
    path = tmp_path / "a.flac"
    soundfile.write(path, 0.1 * rng.standard_normal(160000), 16000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableAudioError, match=r"truncated|damaged"):
        read(path)


@pytest.mark.parametrize("content", [b"this is text, not sound" * 50, bytes(range(256)) * 20])
def test_what_is_not_audio(tmp_path, content):
    pytest.importorskip("av", reason="needs the formats extra")
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(UnreadableAudioError, match=r"not audio|no audio track"):
        read(tmp_path / "a.wav")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_not_numbers(tmp_path, bad):
    soundfile = pytest.importorskip("soundfile", reason="needs the edge extra")
    samples = tone()
    samples[5000] = bad
    soundfile.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(UnreadableAudioError, match="samples that are NaN or infinite; expected finite values"):
        read(tmp_path / "a.wav")


@pytest.mark.parametrize(("scale", "refused"), [(4.0, False), (32767.0, True), (1e38, True)])
def test_integers_written_as_floats_are_refused_and_an_overshoot_is_not(tmp_path, scale, refused):
    """Far beyond full scale the sums of the front end overflow, and what came out would be no score."""
    soundfile = pytest.importorskip("soundfile", reason="needs the edge extra")
    soundfile.write(tmp_path / "a.wav", 2.0 * scale * tone(), 16000, subtype="FLOAT")
    if refused:
        with pytest.raises(UnreadableAudioError, match=r"samples as large as .*; expected values from -1 to 1; scale"):
            read(tmp_path / "a.wav")
    else:
        assert np.abs(read(tmp_path / "a.wav")[1]).max() == pytest.approx(scale, rel=0.01)


def test_a_medium_that_fails_in_the_middle(tmp_path):
    def blocks():
        yield np.zeros((10, 1), np.float32)
        raise OSError(5, "Input/output error")

    audio = AudioFile(tmp_path / "a.wav", 16000, 1, blocks())
    with pytest.raises(UnreadableAudioError) as caught:
        list(audio)
    assert str(caught.value) == f"{tmp_path}/a.wav: cannot be read to its end (Input/output error); copy it again"


@pytest.mark.parametrize(
    ("name", "codec", "rate"), [("a.m4a", "aac", 16000), ("a.aac", "aac", 44100), ("a.amr", "libopencore_amrnb", 8000)]
)
def test_a_phone_recording_cut_in_the_middle(tmp_path, name, codec, rate):
    av = pytest.importorskip("av", reason="needs the formats extra")
    path = encode(av, tmp_path / name, codec, rate)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableAudioError, match=r"damaged|not audio that can be decoded"):
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
    message = (
        "changes from 16000 Hz and 1 channels to 44100 Hz and 1 within the recording; "
        "expected one format; split it there"
    )
    _assert_refused(path, UnreadableAudioError, message)


def test_less_than_telephone_rate(tmp_path):
    path = write_wav(tmp_path / "a.wav", tone(4000), 4000)
    with pytest.raises(UnsupportedFormatError, match="4000 Hz; expected at least 8000 Hz"):
        read(path)


def test_without_soundfile_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    (tmp_path / "a.flac").write_bytes(b"fLaC" + bytes(100))
    _assert_refused(
        tmp_path / "a.flac",
        UnsupportedFormatError,
        "this format needs the soundfile package: pip install 'bonafone[edge]'",
    )


def test_without_pyav_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x18ftypM4A " + bytes(100))
    with pytest.raises(UnsupportedFormatError, match=r"install the decoder: pip install 'bonafone\[formats\]'"):
        read(tmp_path / "a.m4a")


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
