"""The microphone as a source: a device that vanishes is told, and taken up again when it is back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np

from edge.errors import EdgeError
from edge.sources.backlog import MAX_S, Backlog
from edge.sources.errors import SourceOpenError
from edge.sources.events import Clock, Float, Idle, SourceEvent
from edge.sources.portaudio import InputDevice, InputStream, PortAudio, SoundSystem, choose_device
from edge.sources.track import Track
from edge.sources.troubles import TroubleMeter

STALL_S = 2.0
"""A device that is there calls back some twenty times a second, also in a silent room."""
RETRY_S = 2.0
_TURN_S = 0.5


class Microphone:
    """Record from a sound card at its own rate; each time it is opened is a stream.

    Parameters
    ----------
    device : name, or a part of it that only one device has; empty for the default.
    sound : the machine's sound; PortAudio unless a test passes its own.
    backlog_s : seconds that may wait for the consumer before the oldest are dropped.

    Raises
    ------
    UnsupportedFormatError
        On entering: sounddevice or PortAudio is not installed.
    SourceOpenError
        On entering: no such device, or it cannot be opened.
    """

    def __init__(
        self, device: str = "", *, sound: SoundSystem | None = None, backlog_s: float = MAX_S, clock: Clock = time
    ) -> None:
        self.name = f"mic:{device}" if device else "mic"
        self._wanted = device
        self._sound = sound
        self._clock = clock
        self._backlog = Backlog(backlog_s)
        self._meter = TroubleMeter()
        self._device: InputDevice | None = None
        self._stream: InputStream | None = None
        self._track: Track | None = None
        self._opened = 0
        self._heard_at = 0.0

    @property
    def counts(self) -> Counter[str]:
        """``overrun``, ``vanished``, ``opened`` and ``dropped_samples`` since it was opened first."""
        return self._meter.counts + Counter(opened=self._opened, dropped_samples=self._backlog.dropped_samples)

    def __enter__(self) -> Self:
        """Find the device and start to record."""
        self._sound = self._sound or PortAudio()
        self._open(self._sound)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop recording."""
        self._close()
        self._sound = None

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield the streams until the source is closed; while the device is away, `Idle` and now and then `Trouble`."""
        while self._sound is not None:
            event = self._backlog.get(_TURN_S)
            if event is not None:
                yield event
                continue
            silent_s = self._clock.monotonic() - self._heard_at
            if self._stream is None:
                yield Idle(silent_s)
                self._retry()
            elif silent_s >= STALL_S or not self._stream.active:
                self._lose()
        while (event := self._backlog.get(0.0)) is not None:
            yield event

    def _open(self, sound: SoundSystem) -> None:
        self._device = choose_device(sound.devices(), self._wanted)
        self._opened += 1
        track = Track(f"mic-{self._opened}", self._device.sample_rate)
        self._backlog.put(track.start(self._device.name))
        self._track = track
        self._heard_at = self._clock.monotonic()

        def heard(samples: Float, overrun: bool) -> None:
            # In the device's thread. A late call of a device that was given up would come after its stream's end.
            if self._track is not track or not len(samples):
                return
            self._heard_at = now = self._clock.monotonic()
            troubles = []
            if overrun:
                text = "the sound card's buffer overflowed and audio is missing; this machine is too busy"
                troubles += self._meter.add("overrun", text, now, stream=track.stream)
            if np.isfinite(samples).all():
                self._backlog.put(track.audio(samples, broken=overrun))
            else:
                # One such value would stay in every running statistic for good.
                text = "the sound card gives samples that are NaN or infinite; expected -1 to 1; check its driver"
                troubles += self._meter.add("bad_data", text, now, stream=track.stream)
                for chunk in track.gap(len(samples), lost=True):
                    self._backlog.put(chunk)
            for trouble in troubles:
                self._backlog.put(trouble)

        try:
            self._stream = sound.open(self._device, heard)
        except SourceOpenError:
            self._track = None
            self._backlog.put(track.end("gone"))
            raise

    def _lose(self) -> None:
        """End the stream of a device that does not deliver any more."""
        track, device = self._track, self._device
        # First, since it waits for a callback that is under way: none may come after the end.
        self._close()
        if track is not None and device is not None:
            detail = f"the microphone {device.name!r} stopped delivering; plug it in again"
            self._tell_vanished(detail)
            self._backlog.put(track.end("gone", detail))

    def _retry(self) -> None:
        """Wait, look for the device and open it; say so when it is not there."""
        self._clock.sleep(RETRY_S)
        if self._sound is None:
            return
        try:
            self._sound.rescan()
            self._open(self._sound)
        except EdgeError as error:
            self._tell_vanished(str(error))

    def _tell_vanished(self, detail: str) -> None:
        for trouble in self._meter.add("vanished", detail, self._clock.monotonic()):
            self._backlog.put(trouble)

    def _close(self) -> None:
        self._track = None
        if self._stream is not None:
            self._stream.close()
            self._stream = None
