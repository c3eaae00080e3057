"""The recording of one alarm while it is being written."""

from __future__ import annotations

import os
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.live.clip_files import ClipError, claim, create, explained, part_of

Pcm = NDArray[np.int16]
HEADER_BYTES = 44
"""Of a WAV file with nothing but its format and its data."""


class Clip:
    """A WAV, 16-bit and mono, that has its name only when it is whole. Once an error was raised, nothing is left of it.

    Parameters
    ----------
    final : its path when whole.
    before : what came before the alarm, int16 [shape=(n,)].
    sample_rate : Hz.
    after : samples to come; with 0 it is whole at once.

    Raises
    ------
    ClipError
        It cannot be written. `write` and `finish` raise it too.
    """

    def __init__(self, final: Path, before: Pcm, sample_rate: int, after: int) -> None:
        self.final, self.done = final, False
        self._part, self._missing = part_of(final), after
        with explained(final.parent):
            self._file = os.fdopen(create(self._part), "wb")
        # The writer does not own the file: closing it completes the header only.
        self._writer = wave.Wave_write(self._file)
        self._writer.setparams((1, 2, sample_rate, 0, "NONE", "not compressed"))
        with self._all_or_nothing():
            claim(self._file.fileno())
            self._writer.writeframesraw(before.astype("<i2").tobytes())
        if after == 0:
            self.finish()

    def write(self, pcm: Pcm) -> None:
        """Take what comes after the alarm, int16 [shape=(n,)]; what is more than wanted is passed over."""
        wanted = pcm[: self._missing]
        with self._all_or_nothing():
            self._writer.writeframesraw(wanted.astype("<i2").tobytes())
        self._missing -= len(wanted)
        if self._missing == 0:
            self.finish()

    def finish(self) -> None:
        """Make it whole with what there is."""
        with self._all_or_nothing():
            self._writer.close()
            self._file.flush()
            # Power fails more often than disks: a name that is there must have its audio.
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.rename(self.final)
        self.done = True

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        try:
            with explained(self.final.parent):
                yield
        except ClipError:
            self.done = True
            for end in (self._writer.close, self._file.close, self._part.unlink):
                with suppress(OSError):
                    end()
            raise
