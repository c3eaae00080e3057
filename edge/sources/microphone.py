"""The microphone as a source: a device that vanishes is reported, and opened again when it is back.

Sound cards are reached through sounddevice (PortAudio), which the extra ``mic`` installs.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.audio.reading import MAX_AMPLITUDE
from edge.errors import EdgeError, UnsupportedFormatError
from edge.sources.backlog import MAX_S, Backlog, TroubleMeter
from edge.sources.events import Clock, Float, Idle, Source, SourceEvent, SourceOpenError, Track

STALL_S = 5.0
"""A device that is there calls back some twenty times a second, also in a silent room; but Bluetooth's hands-free
profile takes seconds to come up, and closing it meanwhile would restart that."""
RETRY_S = 2.0
_TURN_S = 0.5
Deliver = Callable[[Float, bool], None]
"""Called with samples [shape=(n,)] and whether the device lost some before them, in the device's own thread."""
_NUMBERS = re.compile(r"\s*[:,]?\s*\(?(?:plug)?hw:\d+(?:,\d+)?\)?")


class Microphone(Source):
    """Record from a sound card at its own rate; each time it starts to deliver is a stream.

    Parameters
    ----------
    device : name, or a part of it that only one device has; empty for the default.
    sound : the machine's sound; PortAudio unless a test passes its own.

    Raises
    ------
    UnsupportedFormatError
        On opening: sounddevice or PortAudio is not installed.
    SourceOpenError
        On opening: no such device, or it cannot be opened.
    """

    def __init__(self, device: str = "", *, sound: PortAudio | None = None, clock: Clock = time) -> None:
        self.name = f"mic:{device}" if device else "mic"
        self._wanted = device
        self._sound = sound
        self._clock = clock
        self._backlog = Backlog(MAX_S)
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


@dataclass(frozen=True)
class InputDevice:
    """A device that can record.

    Attributes
    ----------
    index : PortAudio's number; it changes whenever something is plugged in, so nothing but opening uses it.
    name : stable name, without the numbers that ALSA adds.
    sample_rate : the device's own rate in Hz.
    is_default : whether ``mic`` alone opens it.
    host : PortAudio's name of the sound system that it belongs to: ALSA, Core Audio, Windows WASAPI ….
    channels : how many it records.
    """

    index: int
    name: str
    sample_rate: int
    is_default: bool = False
    host: str = ""
    channels: int = 1


class PortAudio:
    """The sound cards of this machine.

    Raises
    ------
    UnsupportedFormatError
        sounddevice or the PortAudio library is not installed.
    """

    def __init__(self) -> None:
        try:
            import sounddevice
        except ImportError as error:
            raise UnsupportedFormatError(
                "the microphone needs sounddevice, which is not installed; run: pip install 'bonafone[mic]'"
            ) from error
        except OSError as error:
            # The wheel for Linux has no library in it.
            raise UnsupportedFormatError(
                "the microphone needs the PortAudio library, which is not installed; "
                "on Debian and Raspberry Pi OS run: apt install libportaudio2"
            ) from error
        self._sd: Any = sounddevice

    def devices(self) -> list[InputDevice]:
        """Devices that can record, as PortAudio saw them when it looked last.

        Raises
        ------
        SourceOpenError
            PortAudio cannot list them.
        """
        default = self._sd.default.device[0]
        try:
            if default < 0:
                default = self._sd.query_devices(kind="input")["index"]
        except (self._sd.PortAudioError, ValueError):
            default = -1
        with self._explained():
            listed = list(self._sd.query_devices())
            hosts = [host["name"] for host in self._sd.query_hostapis()]
        return [
            InputDevice(
                index,
                stable_name(found["name"]),
                round(found["default_samplerate"]),
                index == default,
                hosts[found["hostapi"]],
                found["max_input_channels"],
            )
            for index, found in enumerate(listed)
            if found["max_input_channels"] > 0
        ]

    def open(self, device: InputDevice, deliver: Deliver) -> Any:
        """Start to record mono at the device's own rate; return sounddevice's stream (``active``, ``close``).

        Raises
        ------
        SourceOpenError
            It is in use, gone, or does not take its own rate.
        """

        def callback(indata: Float, _frames: int, _time: object, status: Any) -> None:
            # PortAudio reuses the memory as soon as this returns.
            deliver(np.array(indata[:, 0], np.float32), bool(status.input_overflow))

        stream: Any = None
        try:
            stream = self._sd.InputStream(
                device=device.index, samplerate=device.sample_rate, channels=1, dtype="float32", callback=callback
            )
            stream.start()
        except self._sd.PortAudioError as error:
            if stream is not None:
                # It holds the device, which nobody else could open then.
                stream.close()
            raise SourceOpenError(
                f"the microphone {device.name!r} cannot be opened at {device.sample_rate} Hz ({error}); "
                "close the program that uses it, or choose another"
            ) from error
        return stream

    def rescan(self) -> None:
        """Look for devices again.

        Raises
        ------
        SourceOpenError
            PortAudio does not start; it may do so at the next call.
        """
        # PortAudio lists devices only when it starts.
        with contextlib.suppress(self._sd.PortAudioError):
            # Where it did not start the last time there is nothing to end.
            self._sd._terminate()
        with self._explained():
            self._sd._initialize()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._sd.PortAudioError as error:
            raise SourceOpenError(
                f"the sound system cannot be used ({error}); is the sound server running, or the card in order?"
            ) from error


def stable_name(name: str) -> str:
    """Return a device's name without ALSA's card numbers, which depend on the order of plugging in."""
    return _NUMBERS.sub("", name).strip() or name


def choose_device(devices: list[InputDevice], wanted: str) -> InputDevice:
    """Return the device that ``wanted`` names: exactly, or by a part that only one has; empty for the default.

    Raises
    ------
    SourceOpenError
        None, or more than one.
    """
    names = ", ".join(repr(device.name) for device in devices) or "none at all"
    if not wanted:
        default = next((device for device in devices if device.is_default), None)
        if default is None:
            raise SourceOpenError(f"no default microphone; plug one in, or name one as mic:NAME (there are: {names})")
        return default
    exact = [device for device in devices if device.name == wanted]
    # The same device may come through several host interfaces; the first is PortAudio's own preference.
    found = exact[:1] or [device for device in devices if wanted.lower() in device.name.lower()]
    if not found:
        raise SourceOpenError(f"no microphone named {wanted!r}; plug it in, or choose one that there is: {names}")
    if len({device.name for device in found}) > 1:
        several = ", ".join(repr(device.name) for device in found)
        raise SourceOpenError(f"{wanted!r} names more than one microphone: {several}; give more of the name")
    return found[0]
