"""Clips: the audio around an alarm about a voice, kept on disk only for those who ask for it, in a bounded folder.

audio ──► the last ``before_s`` seconds in memory ──► forgotten
alarm ──► those, and ``after_s`` seconds as they come ──► a WAV and a JSON of the alarm, whole or not at all
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import wave
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.alerts.event import AlertEvent
from edge.errors import EdgeError
from edge.sources.events import AudioChunk, Float, Idle, SourceEvent, StreamEnd, StreamStart

Pcm = NDArray[np.int16]
_HEADER_BYTES = 44
_DAY_S, _PRUNE_EVERY_S = 86400.0, 3600.0
_PART = ".part"
_NAME = re.compile(rf"bonafone-\d{{8}}T\d{{6}}Z-evt_[0-9a-f]{{32}}\.(?:wav|json)(?:\{_PART})?")
_STAMP = "%Y%m%dT%H%M%SZ"


class ClipError(EdgeError):
    """A clip cannot be kept; listening can go on without it."""


class ClipFolder:
    """The folder of clips, with its bounds. Only files that it wrote itself, known by their names, are deleted.

    Parameters
    ----------
    folder : made, with mode 0700, when it is missing; a folder that is there keeps its mode. Files have 0600.
    keep_days : age in days at which a file is deleted.
    max_bytes : what all files together may take; the oldest are deleted for a new one.
    clock : seconds since 1970.

    Raises
    ------
    ClipError
        The folder cannot be made, read or written. Every method raises it too.
    """

    def __init__(self, folder: Path, *, keep_days: float, max_bytes: int, clock: Callable[[], float]) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        self._keep_s, self._clock = keep_days * _DAY_S, clock
        self._pruned_at = -math.inf
        with self._explained():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.prune()

    def write(self, event: AlertEvent, pcm: Pcm, sample_rate: int) -> Path:
        """Write the clip of an alarm [shape=(n,), int16] and the alarm, redacted, as JSON beside it.

        Returns
        -------
        Path of the WAV; its name holds the moment and the event, and nothing of the call. Both files have their names
        only when they are whole; after an error none is left.
        """
        text = json.dumps(json.loads(event.to_json()), indent=2, ensure_ascii=False) + "\n"
        files = {".json": text.encode(), ".wav": _wav(pcm, sample_rate)}
        self.prune(room=sum(map(len, files.values())))
        stamp = datetime.fromtimestamp(event.time_s, UTC).strftime(_STAMP)
        path = self.folder / f"bonafone-{stamp}-{event.id}.wav"
        with self._explained():
            try:
                for suffix, data in files.items():
                    _write_whole(path.with_suffix(suffix), data)
            except OSError:
                path.with_suffix(".json").unlink(missing_ok=True)
                raise
        return path

    def prune(self, *, room: int = 0) -> None:
        """Delete what is too old or, beginning with the oldest, too much, and what a killed process left half written.

        Parameters
        ----------
        room : bytes to leave free of what ``max_bytes`` allows.
        """
        now = self._pruned_at = self._clock()
        taken = room
        with self._explained():
            # Newest alarm first; links are not ours.
            ours = (path for path in self.folder.iterdir() if _NAME.fullmatch(path.name) and not path.is_symlink())
            for name, group in groupby(sorted(ours, reverse=True), key=lambda path: path.name.partition(".")[0]):
                files = list(group)
                for part in [path for path in files if path.suffix == _PART]:
                    files.remove(part)
                    if abs(now - part.stat().st_mtime) > _PRUNE_EVERY_S:
                        part.unlink(missing_ok=True)
                taken += sum(path.stat().st_size for path in files)
                if taken > self.max_bytes or now - _alarm_time_s(name) > self._keep_s:
                    for path in files:
                        path.unlink(missing_ok=True)

    def prune_hourly(self) -> None:
        """Prune when the last time is an hour ago: a service that never alarms must not keep files for ever."""
        if abs(self._clock() - self._pruned_at) >= _PRUNE_EVERY_S:
            self.prune()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ClipError(
                f"clips: {self.folder} cannot be used ({error.strerror or error}); make room or check its permissions"
            ) from error


@dataclass(eq=False)
class _Clip:
    event: AlertEvent
    pieces: list[Pcm]
    missing: int


class _Recorder:
    """The last seconds of one stream, and its clips that are not complete."""

    def __init__(self, sample_rate: int, before: int) -> None:
        self.sample_rate, self._before = sample_rate, before
        self._pieces: deque[Pcm] = deque()
        self._held = 0
        self.clips: list[_Clip] = []

    def feed(self, pcm: Pcm) -> None:
        self._pieces.append(pcm)
        self._held += len(pcm)
        while self._pieces and self._held - len(self._pieces[0]) >= self._before:
            self._held -= len(self._pieces.popleft())
        for clip in self.clips:
            clip.pieces.append(pcm[: clip.missing])
            clip.missing -= min(clip.missing, len(pcm))

    def last_samples(self) -> Pcm:
        held = np.concatenate([np.zeros(0, np.int16), *self._pieces])
        return held[max(0, len(held) - self._before) :]


class ClipRecorder:
    """Records the clips of all streams. What cannot be kept is passed to ``complain``; listening goes on.

    Parameters
    ----------
    before_s, after_s : seconds of audio kept from before an alarm, and after it.
    """

    def __init__(self, folder: ClipFolder, *, before_s: float, after_s: float, complain: Callable[[str], None]) -> None:
        self._folder, self._before_s, self._after_s, self._complain = folder, before_s, after_s, complain
        self._recorders: dict[str, _Recorder] = {}

    def before(self, event: SourceEvent) -> None:
        """Handle an event before it is scored, so that the audio that raises an alarm is in its clip."""
        if isinstance(event, StreamStart):
            self._start(event.stream, event.sample_rate)
        elif isinstance(event, AudioChunk) and event.stream in self._recorders:
            recorder = self._recorders[event.stream]
            recorder.feed(_pcm(event.samples))
            self._write_complete(recorder)
        if isinstance(event, AudioChunk | Idle):
            # A port without calls is idle for days, and what is kept becomes too old all the same.
            with self._complaining():
                self._folder.prune_hourly()

    def alarm(self, stream: str | None, event: AlertEvent) -> None:
        """Keep the audio around an alarm about a voice; ``event`` as it may be stored, so redacted."""
        recorder = self._recorders.get(stream or "")
        if event.kind != "spoof" or recorder is None:
            return
        recorder.clips.append(_Clip(event, [recorder.last_samples()], round(self._after_s * recorder.sample_rate)))
        self._write_complete(recorder)

    def after(self, event: SourceEvent) -> None:
        """Handle an event after it was scored: the last chunk of a stream may raise an alarm too."""
        if isinstance(event, StreamEnd):
            self._end(event.stream)

    def close(self) -> None:
        """Write what is being recorded as far as it came."""
        for stream in list(self._recorders):
            self._end(stream)

    def _start(self, stream: str, sample_rate: int) -> None:
        before, after = round(self._before_s * sample_rate), round(self._after_s * sample_rate)
        need, limit = 2 * (before + after) + _HEADER_BYTES, self._folder.max_bytes
        if need > limit:
            self._complain(
                f"clips of {stream}: {self._before_s + self._after_s:g} s at {sample_rate} Hz take {need} bytes, more "
                f"than the {limit} of clips_megabytes; raise it or ask for fewer seconds"
            )
        else:
            self._recorders[stream] = _Recorder(sample_rate, before)

    def _end(self, stream: str) -> None:
        if (recorder := self._recorders.pop(stream, None)) is not None:
            self._write_complete(recorder, all_of_them=True)

    def _write_complete(self, recorder: _Recorder, *, all_of_them: bool = False) -> None:
        complete = [clip for clip in recorder.clips if all_of_them or not clip.missing]
        recorder.clips = [clip for clip in recorder.clips if clip not in complete]
        for clip in complete:
            with self._complaining():
                self._folder.write(clip.event, np.concatenate(clip.pieces), recorder.sample_rate)

    @contextmanager
    def _complaining(self) -> Iterator[None]:
        try:
            yield
        except ClipError as error:
            self._complain(str(error))


def _alarm_time_s(name: str) -> float:
    """Return the alarm's seconds since 1970 from the name: copying a folder changes the times of its files."""
    try:
        return datetime.strptime(name.split("-")[1], _STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        # Digits that are no date: not by us, so never too old.
        return math.inf


def _write_whole(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + _PART)
    part.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            # Power fails more often than disks: a name that is there must have its audio.
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _wav(pcm: Pcm, sample_rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as writer:
        writer.setparams((1, 2, sample_rate, 0, "NONE", "not compressed"))
        writer.writeframes(pcm.astype("<i2").tobytes())
    return buffer.getvalue()


def _pcm(samples: Float) -> Pcm:
    # What is no number is silence: a damaged stream may hold any bits.
    finite = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    pcm: Pcm = np.rint(np.clip(finite, -1.0, 1.0) * 32767.0).astype(np.int16)
    return pcm
