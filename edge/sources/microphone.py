"""The microphone as a source: a device that vanishes is reported, and opened again when it is back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from edge.audio.reading import MAX_AMPLITUDE
from edge.errors import EdgeError
from edge.sources.backlog import MAX_S, Backlog, TroubleMeter
from edge.sources.events import Clock, Float, Idle, Source, SourceEvent, SourceOpenError, Track
from edge.sources.portaudio import InputDevice, PortAudio, choose_device

STALL_S = 5.0
"""A device that is there calls back some twenty times a second, also in a silent room; but Bluetooth's hands-free
profile takes seconds to come up, and closing it meanwhile would restart that."""
RETRY_S = 2.0
_TURN_S = 0.5


class Microphone(Source):
    """Record from a sound card at its own rate; each time it starts to deliver is a stream.

    Parameters
    ----------
    device : name, or a part of it that only one device has; empty for the default.
    sound : the machine's sound; PortAudio unless a test passes its own.
    backlog_s : seconds that may wait for the consumer before the oldest are dropped.

    Raises
    ------
    UnsupportedFormatError
        On opening: sounddevice or PortAudio is not installed.
    SourceOpenError
        On opening: no such device, or it cannot be opened.
    """

    def __init__(
        self, device: str = "", *, sound: PortAudio | None = None, backlog_s: float = MAX_S, clock: Clock = time
    ) -> None:
        self.name = f"mic:{device}" if device else "mic"
        self._wanted = device
        self._sound = sound
        self._clock = clock
        self._backlog = Backlog(backlog_s)
        self._meter = TroubleMeter()
        self._device: InputDevice | None = None
        self._stream: Any | None = None
        self._track: Track | None = None
        self._opened = self._started = 0
        self._opened_at = self._audio_at = 0.0

    @property
    def counts(self) -> Counter[str]:
        """``overrun``, ``vanished``, ``opened`` and ``dropped_samples`` since it was opened first."""
        return self._meter.counts + Counter(opened=self._opened, dropped_samples=self._backlog.dropped_samples)

    def open(self) -> None:
        """Find the device and start to record."""
        self._sound = self._sound or PortAudio()
        self._audio_at = self._clock.monotonic()
        self._open(self._sound)

    def close(self) -> None:
        """Stop recording."""
        self._close()
        self._sound = None

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield the streams until the source is closed; while nothing comes, `Idle` and now and then `Trouble`."""
        while self._sound is not None:
            event = self._backlog.get(_TURN_S)
            if event is not None:
                yield event
                continue
            now = self._clock.monotonic()
            # Also while the device may only be slow: the consumer must have its turn.
            yield Idle(now - self._audio_at)
            if self._stream is None:
                self._retry()
            elif now - max(self._opened_at, self._audio_at) >= STALL_S or not self._stream.active:
                self._lose()
        while (event := self._backlog.get(0.0)) is not None:
            yield event

    def _open(self, sound: PortAudio) -> None:
        device = self._device = choose_device(sound.devices(), self._wanted)
        self._opened += 1
        self._opened_at = self._clock.monotonic()
        # The stream starts with the first samples: a device that is dead or in use is none, however often it is tried.
        track = self._track = Track(f"mic-{self._started + 1}", device.sample_rate)

        def deliver(samples: Float, overrun: bool) -> None:
            # In the device's thread. A device that was given up may still call, after the end of its stream.
            if self._track is track and len(samples):
                self._record(track, device, samples, overrun=overrun)

        try:
            self._stream = sound.open(device, deliver)
        except SourceOpenError:
            self._track = None
            raise

    def _record(self, track: Track, device: InputDevice, samples: Float, *, overrun: bool) -> None:
        """Put what the device delivers in the backlog; called in its own thread."""
        self._audio_at = now = self._clock.monotonic()
        if not track.position:
            self._started += 1
            self._backlog.put(track.start(device.name))
        troubles = []
        if overrun:
            text = "the sound card's buffer overflowed and audio is missing; this machine is too busy"
            troubles += self._meter.add("overrun", text, now, stream=track.stream)
        # NaN compares false, so this also refuses it.
        if float(np.abs(samples).max()) <= MAX_AMPLITUDE:
            self._backlog.put(track.audio(samples, broken=overrun))
        else:
            # One such value would stay in every running statistic.
            text = (
                "the sound card gives samples that are NaN, infinite or far beyond 1; expected -1 to 1; "
                "check its driver"
            )
            troubles += self._meter.add("bad_data", text, now, stream=track.stream)
            for chunk in track.gap(len(samples), lost=True):
                self._backlog.put(chunk)
        for trouble in troubles:
            self._backlog.put(trouble)

    def _lose(self) -> None:
        """Close a device that has stopped delivering, or never did, and end its stream."""
        track, device = self._track, self._device
        # First, since closing waits for a running callback: none may come after the end.
        self._close()
        if track is None or device is None:
            return
        if not track.position:
            self._report_vanished(
                f"the microphone {device.name!r} is open and delivers nothing; "
                "wake it or plug it in again, or choose another"
            )
            return
        detail = f"the microphone {device.name!r} stopped delivering; plug it in again"
        self._report_vanished(detail)
        self._backlog.put(track.end("gone", detail))

    def _retry(self) -> None:
        """Wait, look for the device and open it; report that it is not there."""
        self._clock.sleep(RETRY_S)
        if self._sound is None:
            return
        try:
            self._sound.rescan()
            self._open(self._sound)
        except EdgeError as error:
            self._report_vanished(str(error))

    def _report_vanished(self, detail: str) -> None:
        for trouble in self._meter.add("vanished", detail, self._clock.monotonic()):
            self._backlog.put(trouble)

    def _close(self) -> None:
        self._track = None
        if self._stream is not None:
            self._stream.close()
            self._stream = None
