"""Whether the header of a WAV is final: decoders take what is there and say nothing.

Source: Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft, 1991), "Waveform Audio File
Format"; EBU Tech 3306 for RF64.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from edge.errors import UnreadableAudioError

# What recorders write that stream, and never come back to the header.
_PLACEHOLDERS = range(0x7FFFF000, 0x100000000)
_MOST_CHUNKS = 1000


def check_wave_header(path: str | Path) -> None:
    """Refuse a WAV whose header promises more than has come, or promises nothing yet; other formats pass.

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
        raise UnreadableAudioError(
            f"{path}: truncated: the header promises {promised} bytes of audio, {there} came; copy it again"
        )
    if promised == 0 and there > 0:
        raise UnreadableAudioError(f"{path}: a WAV whose header is not final yet; end the recording")
