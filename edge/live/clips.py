"""Recordings of alarms, for those who ask for them: a bounded folder, filled only around an alarm.

    feed ──► ring in memory (the last ``before_s`` seconds) ──► forgotten
      alarm ──► .part: the ring, then ``after_s`` seconds as they come ──► renamed when whole

Nothing reaches the disk but through `ClipRecorder.alarm`. All of it is used from one thread.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.live.clip import HEADER_BYTES, Clip, Pcm
from edge.live.clip_files import (
    PART,
    ClipError,
    alarm_time_s,
    explained,
    facts_text,
    is_abandoned,
    own_files,
    recording_path,
    size_of,
    write_whole,
)

__all__ = ["ClipError", "ClipFolder", "ClipRecorder"]

_DAY_S, _PRUNE_EVERY_S = 86400.0, 3600.0


class ClipFolder:
    """The folder of recordings, with its bounds. Only files that it wrote itself, known by their names, are deleted.

    Parameters
    ----------
    folder : made, with mode 0700, when it is missing; a folder that is there keeps its mode. Files have 0600.
    keep_days : age in days at which a file is deleted, looked at when the folder is opened, at each alarm and, while
        audio is fed, each hour.
    max_bytes : what all files together may take, those being written counted as if they were whole; the oldest go.
    before_s, after_s : seconds of audio kept from before an alarm, and after it.
    clock : seconds since 1970.

    Raises
    ------
    ClipError
        A value is out of range, or the folder cannot be made or read.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep_days: float,
        max_bytes: int,
        before_s: float,
        after_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        _within("keep_days", keep_days, 0.01, 3650.0)
        _within("before_s", before_s, 0.0, 600.0)
        _within("after_s", after_s, 0.0, 600.0)
        self.folder, self.before_s, self.after_s = folder, before_s, after_s
        self._keep_s, self._max_bytes, self._clock = keep_days * _DAY_S, max_bytes, clock
        self._open: dict[Clip, int] = {}
        self._pruned_at = -math.inf
        with explained(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.prune()

    def recorder(self, stream: str, sample_rate: int) -> ClipRecorder:
        """A recorder of one stream of ``sample_rate`` Hz; ``stream`` is told in errors and never written.

        Raises
        ------
        ClipError
            One recording alone would not fit into ``max_bytes``.
        """
        need = self._wav_bytes(sample_rate)
        if need > self._max_bytes:
            raise ClipError(
                f"clips of {stream}: {self.before_s + self.after_s:g} s at {sample_rate} Hz take {need} bytes, more "
                f"than max_bytes = {self._max_bytes}; raise max_bytes or ask for fewer seconds"
            )
        return ClipRecorder(self, sample_rate)

    def prune(self, room: int = 0) -> None:
        """Delete what is too old or, beginning with the oldest, too much, and what a killed process left half written.

        Parameters
        ----------
        room : bytes to leave free of what ``max_bytes`` allows.

        Raises
        ------
        ClipError
            The folder cannot be read, or a file of ours cannot be deleted.
        """
        now = self._pruned_at = self._clock()
        taken = room + self._open_bytes()
        with explained(self.folder):
            found = own_files(self.folder)
            for part in (path for path in found if path.suffix == PART):
                if is_abandoned(part):
                    part.unlink(missing_ok=True)
            whole = (path for path in found if path.suffix != PART)
            for _, alarm in groupby(whole, key=lambda path: path.stem):
                files = list(alarm)
                taken += sum(map(size_of, files))
                if taken > self._max_bytes or now - alarm_time_s(files[0]) > self._keep_s:
                    for path in files:
                        path.unlink(missing_ok=True)

    def prune_hourly(self) -> None:
        """`prune` when the last one is an hour ago: a service that never alarms must not keep files for ever."""
        if abs(self._clock() - self._pruned_at) >= _PRUNE_EVERY_S:
            self.prune()

    def open_clip(self, event_id: str, facts: Mapping[str, Any], before: Pcm, sample_rate: int) -> Clip:
        """Begin the recording of one alarm, for `ClipRecorder.alarm`; see there."""
        final = recording_path(self.folder, event_id, self._clock())
        text = facts_text(facts)
        need = self._wav_bytes(sample_rate) + len(text.encode(errors="replace"))
        if need + self._open_bytes() > self._max_bytes:
            raise ClipError(
                f"clips: {len(self._open)} recordings are being written, and one more does not fit into "
                f"max_bytes = {self._max_bytes}; raise max_bytes or ask for fewer seconds"
            )
        self.prune(need)
        with explained(self.folder):
            write_whole(final.with_suffix(".json"), text)
        clip = Clip(final, before, sample_rate, round(self.after_s * sample_rate))
        self._open[clip] = need
        return clip

    def _open_bytes(self) -> int:
        self._open = {clip: need for clip, need in self._open.items() if not clip.done}
        return sum(self._open.values())

    def _wav_bytes(self, sample_rate: int) -> int:
        return 2 * (round(self.before_s * sample_rate) + round(self.after_s * sample_rate)) + HEADER_BYTES


class ClipRecorder:
    """Remembers the last seconds of one stream and, from an alarm on, writes; `ClipFolder.recorder` makes it."""

    def __init__(self, folder: ClipFolder, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._folder = folder
        self._ring: Pcm = np.zeros(round(folder.before_s * sample_rate), np.int16)
        self._fed = 0
        self._clips: list[Clip] = []

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next audio, float32 [shape=(n,), nominal range -1 to 1]; zeros where samples were lost.

        Raises
        ------
        ClipError
            An open recording could not be written: it is deleted, and the recorder goes on. Or what is too old could
            not be deleted; that is tried again an hour later.
        """
        pcm = _to_pcm(samples)
        self._remember(pcm)
        self._each_clip(lambda clip: clip.write(pcm))
        self._folder.prune_hourly()

    def alarm(self, event_id: str, facts: Mapping[str, Any]) -> Path:
        """Record what came before and what comes now.

        Parameters
        ----------
        event_id : ``evt_`` and 32 hexadecimal digits, of `edge.alerts.event.new_event_id`.
        facts : written as JSON beside the recording, at once; as they may be stored, so redacted.

        Returns
        -------
        Path of the WAV (16-bit, mono). It is there when ``after_s`` more seconds were fed, or at `close`.

        Raises
        ------
        ClipError
            It cannot be written (a full disk, no permission, the same alarm twice), or the id is none.
        """
        clip = self._folder.open_clip(event_id, facts, self._last_samples(), self.sample_rate)
        if not clip.done:
            self._clips.append(clip)
        return clip.final

    def close(self) -> None:
        """End the stream: what was recorded until now becomes whole.

        Raises
        ------
        ClipError
            An open recording could not be written; it is deleted.
        """
        self._each_clip(lambda clip: clip.finish())

    def _each_clip(self, do: Callable[[Clip], None]) -> None:
        """Do it to every open recording, though one fails; the first failure is told."""
        failures = []
        for clip in self._clips:
            try:
                do(clip)
            except ClipError as error:
                failures.append(error)
        self._clips = [clip for clip in self._clips if not clip.done]
        if failures:
            raise failures[0]

    def _remember(self, pcm: Pcm) -> None:
        size = len(self._ring)
        if size:
            last = pcm[-size:]
            at = (self._fed + len(pcm) - len(last)) % size
            first = min(len(last), size - at)
            self._ring[at : at + first] = last[:first]
            self._ring[: len(last) - first] = last[first:]
        self._fed += len(pcm)

    def _last_samples(self) -> Pcm:
        """What the ring holds, the oldest first."""
        size = len(self._ring)
        if self._fed < size:
            return self._ring[: self._fed]
        return np.roll(self._ring, -(self._fed % size)) if size else self._ring


def _to_pcm(samples: NDArray[np.float32]) -> Pcm:
    # What is no number is silence: a damaged stream may hold any bits.
    finite = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    pcm: Pcm = np.rint(np.clip(finite, -1.0, 1.0) * 32767.0).astype(np.int16)
    return pcm


def _within(name: str, value: float, lowest: float, highest: float) -> None:
    # Written so that NaN is refused too.
    if not lowest <= value <= highest:
        raise ClipError(f"clips: {name}: expected {lowest:g} to {highest:g}, got {value:g}")
