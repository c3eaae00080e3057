"""Read recordings block by block, in constant memory, as float32 in [-1, 1].

WAV of plain PCM by the standard library; FLAC, MP3, OGG, Opus and other WAV kinds by soundfile; what phones record
(M4A/AAC, AMR, 3GP) by PyAV. The first bytes of the file decide which, not its name.
"""

from __future__ import annotations

import os
import struct
import wave
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ChannelError, UnreadableAudioError, UnsupportedFormatError

Float = NDArray[np.float32]

MIN_SAMPLE_RATE = 8000
"""Telephone rate; below it too little of a voice is left to judge."""
MAX_AMPLITUDE = 16.0
"""24 dB above full scale: room for mixes that overshoot, not for integers that were written as floats."""
BLOCK_SAMPLES = 65536
_STREAMED_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)
# Recorders that stream write one of these, and never come back to the header.
_PLACEHOLDERS = range(0x7FFFF000, 0x100000000)
_MOST_CHUNKS = 1000
_SOUNDFILE_MAGIC = (b"fLaC", b"OggS", b"ID3", b"RIFF", b"RIFX", b"RF64", b"FORM", b".snd", b"caff")


@dataclass(frozen=True)
class AudioFile:
    """An open recording: iterate for blocks [shape=(n, channels)]."""

    path: Path
    sample_rate: int
    channels: int
    blocks: Iterator[Float]

    def __iter__(self) -> Iterator[Float]:
        try:
            for block in self.blocks:
                check_range(block, f"{self.path}: ")
                yield block
        except OSError as error:
            raise UnreadableAudioError(
                f"{self.path}: cannot be read to its end ({error.strerror or error}); copy it again"
            ) from error


@contextmanager
def open_audio(path: str | Path, *, block_samples: int = BLOCK_SAMPLES) -> Iterator[AudioFile]:
    """Open a recording.

    Raises
    ------
    UnreadableAudioError
        Missing, empty, no permission, a folder, truncated, or not audio.
    UnsupportedFormatError
        A format whose decoder is not installed, or a sample rate below 8 kHz.
    """
    path = Path(path)
    head = _head(path)
    with ExitStack() as stack:
        audio = _open(path, head, stack, block_samples)
        if audio.channels < 1:
            raise UnreadableAudioError(f"{path}: expected at least one channel, got {audio.channels}")
        if audio.sample_rate < MIN_SAMPLE_RATE:
            raise UnsupportedFormatError(
                f"{path}: {audio.sample_rate} Hz; expected at least {MIN_SAMPLE_RATE} Hz (telephone rate), "
                "below which too little of a voice is left; record at 8 kHz or more"
            )
        yield audio


def select_channels(block: Float, selection: str) -> list[tuple[str, Float]]:
    """Pick channels of a block [shape=(n, channels)] as (name, samples [shape=(n,)]).

    ``selection``: ``mix``, ``each``, ``left``, ``right`` or a channel number from 1.

    Raises
    ------
    ChannelError
        The channel does not exist.
    """
    count = block.shape[1]
    names = {1: ["mono"], 2: ["left", "right"]}.get(count, [str(index + 1) for index in range(count)])
    if selection == "mix":
        return [("mono" if count == 1 else "mix", block.mean(axis=1, dtype=np.float32))]
    if selection == "each":
        return [(name, np.ascontiguousarray(block[:, index])) for index, name in enumerate(names)]
    index = {"left": 0, "right": 1}.get(selection)
    if index is None:
        index = int(selection) - 1 if selection.isdecimal() else -1
    elif count != 2:
        raise ChannelError(
            f"channel {selection!r} asked for, but there {'is 1 channel' if count == 1 else f'are {count} channels'}; "
            "left and right need a stereo recording: use --channel each or a number"
        )
    if not 0 <= index < count:
        raise ChannelError(f"channel {selection!r} asked for; expected mix, each or a number from 1 to {count}")
    return [(names[index], np.ascontiguousarray(block[:, index]))]


def check_range(samples: NDArray[Any], where: str = "") -> None:
    """Refuse samples that are no finite numbers, or far beyond full scale; ``where`` stands before the message.

    Raises
    ------
    UnreadableAudioError
        One of them is.
    """
    if not np.isfinite(samples).all():
        raise UnreadableAudioError(
            f"{where}samples that are NaN or infinite; expected finite values from -1 to 1; "
            "write them again from their source"
        )
    peak = float(np.abs(samples).max(initial=0.0))
    if peak > MAX_AMPLITUDE:
        raise UnreadableAudioError(
            f"{where}samples as large as {peak:.4g}; expected values from -1 to 1; scale them to full scale 1"
        )


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            head = file.read(64)
    except IsADirectoryError as error:
        raise UnreadableAudioError(f"{path}: a folder; expected a recording") from error
    except FileNotFoundError as error:
        raise UnreadableAudioError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise UnreadableAudioError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if not head:
        raise UnreadableAudioError(f"{path}: empty (0 bytes); expected a recording")
    return head


def _open(path: Path, head: bytes, stack: ExitStack, block_samples: int) -> AudioFile:
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        audio = _open_wave(path, stack, block_samples)
        if audio is not None:
            return audio
    if head.startswith(_SOUNDFILE_MAGIC) or _is_mpeg_audio(head):
        return _open_soundfile(path, stack, block_samples)
    return _open_av(path, stack)


def _is_mpeg_audio(head: bytes) -> bool:
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6)


def _open_wave(path: Path, stack: ExitStack, block_samples: int) -> AudioFile | None:
    """Open PCM by the standard library; None for the kinds that it cannot read (float, A-law, extensible)."""
    try:
        reader = stack.enter_context(wave.open(str(path), "rb"))  # noqa: SIM115 - it is one
    except wave.Error as error:
        if "unknown format" in str(error):
            return None
        raise UnreadableAudioError(f"{path}: a damaged WAV file ({error}); record or convert it again") from error
    except EOFError as error:
        raise UnreadableAudioError(f"{path}: truncated inside the WAV header; copy it again") from error
    if reader.getsampwidth() not in (1, 2, 3, 4):
        return None
    return AudioFile(path, reader.getframerate(), reader.getnchannels(), _wave_blocks(path, reader, block_samples))


def _wave_blocks(path: Path, reader: wave.Wave_read, block_samples: int) -> Iterator[Float]:
    width, channels = reader.getsampwidth(), reader.getnchannels()
    promised, read = reader.getnframes(), 0
    while data := reader.readframes(block_samples):
        data = data[: len(data) // (width * channels) * width * channels]
        if not data:
            break
        block = pcm_to_float(data, width).reshape(-1, channels)
        read += len(block)
        yield block
    # A recorder that streams cannot know the size in advance and writes a placeholder.
    if read < promised and promised * width * channels not in _placeholder_sizes(width * channels):
        raise _truncated(path, promised, read, "samples a channel")


def _placeholder_sizes(frame_bytes: int) -> set[int]:
    return {size // frame_bytes * frame_bytes for size in _STREAMED_SIZES} | {
        (0xFFFFFFFF - 36) // frame_bytes * frame_bytes
    }


def _truncated(path: str | Path, promised: int, came: int, what: str) -> UnreadableAudioError:
    return UnreadableAudioError(f"{path}: truncated: the header promises {promised} {what}, {came} came; copy it again")


def pcm_to_float(data: bytes, width: int) -> Float:
    """Samples [shape=(n,), range -1 to 1] of integers of ``width`` bytes, little-endian; one byte is unsigned."""
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:
        # 24 bits: put each sample into the upper bytes of 32.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return (wide.view("<i4").ravel() / 2147483648.0).astype(np.float32)
    integers = np.frombuffer(data, f"<i{width}")
    return (integers / float(1 << (8 * width - 1))).astype(np.float32)


def _open_soundfile(path: Path, stack: ExitStack, block_samples: int) -> AudioFile:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise UnsupportedFormatError(
            f"{path}: this format needs the soundfile package: pip install 'bonafone[edge]'"
        ) from error
    try:
        # As bytes: not every name is text.
        name = os.fsencode(path) if os.name == "posix" else str(path)
        file = stack.enter_context(soundfile.SoundFile(name))
    except soundfile.LibsndfileError as error:
        raise UnreadableAudioError(f"{path}: not audio, or damaged ({error.error_string}); convert it again") from error
    return AudioFile(path, file.samplerate, file.channels, _soundfile_blocks(path, file, block_samples))


def _soundfile_blocks(path: Path, file: Any, block_samples: int) -> Iterator[Float]:
    import soundfile

    promised, read = len(file), 0
    try:
        while len(block := file.read(block_samples, dtype="float32", always_2d=True)):
            read += len(block)
            yield block
    except soundfile.LibsndfileError as error:
        raise UnreadableAudioError(
            f"{path}: damaged after {read} samples ({error.error_string}); copy it again"
        ) from error
    # MP3 lengths are estimates; where the container counts exactly, a shortfall is damage.
    if read < promised and file.format in ("FLAC", "WAV", "WAVEX", "AIFF"):
        raise _truncated(path, promised, read, "samples a channel")


def _open_av(path: Path, stack: ExitStack) -> AudioFile:
    try:
        import av
    except ImportError as error:
        raise UnsupportedFormatError(
            f"{path}: neither WAV, FLAC, MP3, OGG nor Opus; if it is M4A, AAC, AMR or 3GP, "
            "install the decoder: pip install 'bonafone[formats]'"
        ) from error
    try:
        # Phones write titles in whatever encoding they like, and nobody reads them here.
        container = stack.enter_context(av.open(str(path), metadata_errors="ignore"))
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableAudioError(f"{path}: not audio that can be decoded ({error}); give a recording") from error
    if not container.streams.audio:
        raise UnreadableAudioError(f"{path}: holds no audio track; give a recording")
    stream = container.streams.audio[0]
    if not stream.rate:
        raise UnreadableAudioError(f"{path}: its audio track has no sample rate; give a recording")
    return AudioFile(path, int(stream.rate), int(stream.channels), _av_blocks(path, container, stream))


def _av_blocks(path: Path, container: Any, stream: Any) -> Iterator[Float]:
    import av

    first = None
    try:
        converter = av.AudioResampler(format="fltp", layout=stream.layout.name, rate=stream.rate)
        for frame in container.decode(stream):
            # The converter passes later frames on as they are: a new rate would be scored at a wrong speed.
            kind = (frame.sample_rate, len(frame.layout.channels))
            first = first or kind
            if kind != first:
                raise UnreadableAudioError(
                    f"{path}: changes from {first[0]} Hz and {first[1]} channels to {kind[0]} Hz and {kind[1]} "
                    "within the recording; expected one format; split it there"
                )
            for converted in converter.resample(frame):
                yield np.ascontiguousarray(converted.to_ndarray().T)
        for converted in converter.resample(None):
            yield np.ascontiguousarray(converted.to_ndarray().T)
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableAudioError(f"{path}: damaged ({error}); copy or convert it again") from error


def check_wave_header(path: str | Path) -> None:
    """Refuse a WAV whose header promises more than has come, or promises nothing yet; other formats pass.

    Decoders read what is there and report nothing, so a recording that is still being written would seem complete.
    Source: Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft, 1991), "Waveform Audio File
    Format"; EBU Tech 3306 for RF64.

    Raises
    ------
    UnreadableAudioError
        The header does not fit the file.
    OSError
        The file cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return
        for _ in range(_MOST_CHUNKS):
            header = file.read(8)
            if len(header) < 8:
                raise UnreadableAudioError(f"{path}: a WAV that ends before its data; copy or record it again")
            name, length = struct.unpack("<4sI", header)
            if name == b"data":
                _check_data(path, length, size - file.tell())
                return
            file.seek(length + length % 2, os.SEEK_CUR)


def _check_data(path: str | Path, promised: int, there: int) -> None:
    if promised in _PLACEHOLDERS:
        return
    if promised > there:
        raise _truncated(path, promised, there, "bytes of audio")
    if promised == 0 and there > 0:
        raise UnreadableAudioError(f"{path}: a WAV whose header is not final yet; end the recording")
