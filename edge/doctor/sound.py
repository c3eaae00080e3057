"""Devices that record, and why there are none."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.sources.portaudio import PortAudio
from edge.tables import columns

_ELSEWHERE = "or take the audio from elsewhere: --source cmd:…, rtp://… or audiosocket://…"


@dataclass(frozen=True)
class Listed:
    """A device that can record.

    Attributes
    ----------
    name : stable name; ``mic:NAME`` chooses it.
    host : PortAudio's way to it: ALSA, Core Audio, Windows WASAPI ….
    channels : that it records.
    sample_rate_hz : its own rate, at which it is opened.
    is_default : whether ``mic`` alone takes it.
    """

    name: str
    host: str
    channels: int
    sample_rate_hz: int
    is_default: bool


@dataclass(frozen=True)
class SoundFacts:
    """What tells why a machine has no microphone.

    Attributes
    ----------
    platform : as `sys.platform`.
    termux : whether this is an Android phone.
    container : whether this runs in a container.
    raspberry : whether it is a Raspberry Pi.
    captures : device files of sound cards that record.
    readable : whether we may open one of them.
    server : whether a PulseAudio or PipeWire server runs for this user.
    """

    platform: str = "linux"
    termux: bool = False
    container: bool = False
    raspberry: bool = False
    captures: int = 0
    readable: bool = False
    server: bool = False


def list_inputs() -> list[Listed]:
    """Devices that record, as PortAudio lists them.

    Raises
    ------
    UnsupportedFormatError
        sounddevice or the PortAudio library is not installed.
    """
    devices = PortAudio().devices()
    import sounddevice

    hosts = [host["name"] for host in sounddevice.query_hostapis()]
    found: Sequence[Mapping[str, Any]] = sounddevice.query_devices()
    return [
        Listed(
            name=device.name,
            host=hosts[found[device.index]["hostapi"]],
            channels=found[device.index]["max_input_channels"],
            sample_rate_hz=device.sample_rate,
            is_default=device.is_default,
        )
        for device in devices
    ]


def text_table(devices: Sequence[Listed]) -> list[str]:
    """Lines for people; the first column can be pasted into a shell."""
    rows = [("--source", "host", "channels", "rate", "")]
    for device in devices:
        source = shlex.quote(f"mic:{device.name}")
        mark = "default" if device.is_default else ""
        rows.append((source, device.host, str(device.channels), f"{device.sample_rate_hz} Hz", mark))
    return columns(rows)


def json_facts(device: Listed) -> dict[str, Any]:
    """The device for programs."""
    return {"source": f"mic:{device.name}", **asdict(device)}


def alike(devices: Sequence[Listed]) -> list[str]:
    """Names that several devices of one host have: only the first of them can be chosen."""
    counts = Counter((device.host, device.name) for device in devices)
    return sorted({name for (_, name), count in counts.items() if count > 1})


def why_none(facts: SoundFacts) -> tuple[str, str]:
    """Why no device records, as far as can be told, and what to do; the first cause that fits."""
    linux, card = facts.platform.startswith("linux"), facts.captures > 0
    causes = [
        (
            facts.termux,
            "Termux gives programs no live microphone, and Android gives ordinary apps zeros during a call",
            "let the phone record, and run edge watch on the recorder's folder",
        ),
        (
            card and not facts.readable,
            "the kernel has a device that records and this user may not open it",
            'run: sudo usermod -aG audio "$USER", and log in again; for a service set SupplementaryGroups=audio',
        ),
        (
            facts.server,
            "a PulseAudio or PipeWire server is there, and PortAudio, which speaks to ALSA, has no way to it",
            "apt install libasound2-plugins for PulseAudio, pipewire-alsa for PipeWire",
        ),
        (
            facts.container and not card,
            "this is a container, and it was given no sound card",
            f"start it with --device /dev/snd --group-add audio, {_ELSEWHERE}",
        ),
        (
            facts.raspberry and not card,
            "a Raspberry Pi has no microphone input of its own, and none is plugged in",
            f"plug in a USB microphone or sound card (arecord -l must list it), {_ELSEWHERE}",
        ),
        (
            linux and not card,
            "the kernel has no device that records (none in /dev/snd)",
            f"plug in a microphone, {_ELSEWHERE}",
        ),
        (
            facts.platform == "darwin",
            "no device records",
            f"plug in a microphone and allow the terminal to use it in the privacy settings, {_ELSEWHERE}",
        ),
    ]
    held = "no device records, or another program holds the one that does", f"end that program, {_ELSEWHERE}"
    return next(((reason, cure) for fits, reason, cure in causes if fits), held)


def look_around(environment: Mapping[str, str]) -> SoundFacts:
    """Read from the machine what `why_none` asks."""
    captures = sorted(Path("/dev/snd").glob("pcm*c"))
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    return SoundFacts(
        platform=sys.platform,
        termux="TERMUX_VERSION" in environment,
        container=any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv"))) or "container" in environment,
        raspberry=_board().startswith("Raspberry Pi"),
        captures=len(captures),
        readable=any(os.access(path, os.R_OK | os.W_OK) for path in captures),
        server="PULSE_SERVER" in environment or bool(runtime and Path(runtime, "pulse", "native").exists()),
    )


def _board() -> str:
    try:
        return Path("/proc/device-tree/model").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
