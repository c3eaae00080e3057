"""Sound cards through sounddevice (PortAudio), which the extra ``mic`` installs: their names and callbacks."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.errors import UnsupportedFormatError
from edge.sources.events import Float, SourceOpenError

Deliver = Callable[[Float, bool], None]
"""Called with samples [shape=(n,)] and whether the device lost some before them, in the device's own thread."""
_NUMBERS = re.compile(r"\s*[:,]?\s*\(?(?:plug)?hw:\d+(?:,\d+)?\)?")


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
