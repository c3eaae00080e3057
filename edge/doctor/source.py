"""Record an excerpt of a source and judge it: what came at all, its levels, zeros, clipping, band, rate and losses."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge.doctor.checks import Finding, Level
from edge.doctor.signal import BAND_RANGE_DB, CLIP_RUN, Signal, arrival_rate_hz, measure
from edge.service.source_address import Kind
from edge.sources.events import AudioChunk, Clock, Float, Source, StreamEnd, StreamStart, Trouble, TroubleKind

PATIENCE_S = 3.0
"""How much longer than asked a source may take: sound servers and decoders start late."""
FAINT_DBFS = -50.0
"""Speech at arm's length from an ordinary microphone lies some 20 dB above it."""
CLIPPED_SHARE = 0.001
ZERO_SHARE = 0.2
OFFSET = 0.05
"""Costs headroom; the model itself ignores what lies below 60 Hz."""
RATE_TOLERANCE = 0.03
"""Clocks of sound cards agree to 0.01 %, a wrong rate is 8 % off (44.1 for 48 kHz) or more; the rest is scheduling."""
NOT_LIVE = 1.5
TELEPHONE_HZ = 4250.0
LOST_SHARE = 0.05

_MUTED = (
    "take the mute off (alsamixer, pavucontrol, the switch on the device), and allow this program the microphone; "
    "a phone gives zeros to ordinary apps during a call, and nothing can be done there"
)
_FAINT = (
    "speak while the doctor listens; if you did, turn the gain up (alsamixer, pavucontrol), go nearer, "
    "or choose another device (edge devices)"
)
_ZEROS = (
    "look for a program or a phone that mutes now and then; silence suppression and noise gates do it too, and "
    "then it is harmless"
)
_WRONG_RATE = (
    "give the rate at which it is recorded (--rate for cmd: and -), since a voice at a wrong one is misjudged; "
    "if the rate is right, this machine is too busy, or audio is lost"
)
_NOTHING_CAME: dict[Kind, str] = {
    "rtp": "send to it while the doctor listens, for more --seconds; if you do, look at the firewall and the port",
    "audiosocket": "call it while the doctor listens, for more --seconds; if you do, look at dialplan and firewall",
}
_TROUBLE_ADVICE: dict[TroubleKind, str] = {
    "bad_data": "look at the sender's format and at the driver",
    "dropped": "end what else runs on this machine, or use a faster one",
    "overrun": "end what else runs on this machine, or use a faster one",
    "peer": "look into the log of the other side",
    "refused": "allow the sender with ?allow=ADDRESS if it is yours",
    "unsupported": "make the sender use PCMU, PCMA or G.722",
    "vanished": "plug the device in again, and look at its cable and at the kernel's log (dmesg)",
}
_ELSEWHERE = "or listen to something else: --source cmd:…, rtp://… or audiosocket://…"


@dataclass(frozen=True)
class Excerpt:
    """What a source gave.

    Attributes
    ----------
    name, kind : of the source.
    detail : where its longest stream came from.
    samples : of the longest stream [shape=(n,), range -1 to 1], without those that were lost.
    sample_rate : Hz that the stream promised; 0 where none started.
    arrival_hz : samples a second that came; None where too little came to measure it.
    streams : how many started.
    lost_samples, sent_samples : of the longest stream; the second includes the first.
    breaks : overruns, after each of which an unknown amount is missing.
    """

    name: str
    kind: Kind
    detail: str = ""
    samples: Float = field(default_factory=lambda: np.zeros(0, np.float32))
    sample_rate: int = 0
    arrival_hz: float | None = None
    streams: int = 0
    lost_samples: int = 0
    sent_samples: int = 0
    breaks: int = 0
    troubles: tuple[Trouble, ...] = ()
    ends: tuple[StreamEnd, ...] = ()


def record(source: Source, kind: Kind, seconds: float, *, clock: Clock = time) -> Excerpt:
    """Read a source until ``seconds`` of audio have come, it has ended, or `PATIENCE_S` more have passed.

    Raises
    ------
    EdgeError
        The source cannot be opened.
    """
    starts: dict[str, StreamStart] = {}
    chunks: dict[str, list[tuple[float, AudioChunk]]] = {}
    troubles: list[Trouble] = []
    ends: list[StreamEnd] = []
    with source:
        started_at = clock.monotonic()
        for event in source:
            now = clock.monotonic()
            if isinstance(event, StreamStart):
                starts[event.stream], chunks[event.stream] = event, []
            elif isinstance(event, AudioChunk):
                chunks[event.stream].append((now, event))
                if event.end >= seconds * event.sample_rate:
                    break
            elif isinstance(event, Trouble):
                troubles.append(event)
            elif isinstance(event, StreamEnd):
                ends.append(event)
            if now - started_at >= seconds + PATIENCE_S:
                break
    seen: dict[str, Any] = {"troubles": tuple(troubles), "ends": tuple(ends), "streams": len(starts)}
    if not starts:
        return Excerpt(source.name, kind, **seen)
    lengths = {name: timed[-1][1].end / timed[-1][1].sample_rate if timed else 0.0 for name, timed in chunks.items()}
    longest = max(lengths, key=lambda name: lengths[name])
    timed = chunks[longest]
    pieces = [chunk.samples if chunk.lost is None else chunk.samples[~chunk.lost] for _, chunk in timed]
    return Excerpt(
        source.name,
        kind,
        detail=starts[longest].detail,
        samples=np.concatenate([np.zeros(0, np.float32), *pieces]),
        sample_rate=starts[longest].sample_rate,
        arrival_hz=arrival_rate_hz([now for now, _ in timed], [chunk.end for _, chunk in timed]),
        lost_samples=sum(chunk.lost_samples for _, chunk in timed),
        sent_samples=timed[-1][1].end if timed else 0,
        breaks=sum(chunk.broken for _, chunk in timed),
        **seen,
    )


def judge(excerpt: Excerpt) -> Iterator[Finding]:
    """Yield everything that can be said about an excerpt, the source itself first."""
    yield _opening(excerpt)
    for trouble in excerpt.troubles:
        yield Finding("source", "warning", trouble.detail, _TROUBLE_ADVICE[trouble.kind], {"trouble": trouble.kind})
    for end in excerpt.ends:
        # A stream that its sender ended, or continued under another name, ended as it should.
        if end.reason not in ("finished", "replaced"):
            advice = "run what gives the audio by itself to see why; for a device, look at its cable"
            seen = end.detail or f"the stream {end.stream} ended ({end.reason})"
            yield Finding.from_error("source", seen, advice, end=end.reason)
    if not len(excerpt.samples):
        return
    signal = measure(excerpt.samples, excerpt.sample_rate)
    yield _level(signal)
    if excerpt.samples.any():
        yield from (_zeros(signal), _clipping(signal), _offset(signal), _band(signal, excerpt.sample_rate))
    # A file is read as fast as it goes; its header says what it is.
    if excerpt.arrival_hz is not None and excerpt.kind != "file":
        yield _rate(excerpt.arrival_hz, excerpt.sample_rate)
    yield _losses(excerpt)


def _opening(excerpt: Excerpt) -> Finding:
    name, kind, seconds = excerpt.name, excerpt.kind, excerpt.sent_samples / (excerpt.sample_rate or 1)
    if not len(excerpt.samples) and kind in _NOTHING_CAME:
        return Finding("source", "warning", f"{name} is open and nothing came", _NOTHING_CAME[kind], {"source": name})
    if not len(excerpt.samples):
        advice = "run what should give the audio by itself to see why"
        return Finding("source", "problem", f"{name} gave no audio", advice, {"source": name})
    shown = name if name.endswith(excerpt.detail) else f"{name} ({excerpt.detail})"
    several = f", the longest of {excerpt.streams} streams" if excerpt.streams > 1 else ""
    return Finding.ok(
        "source",
        f"{shown}: {seconds:.1f} s at {excerpt.sample_rate} Hz{several}",
        source=name,
        detail=excerpt.detail,
        sample_rate_hz=excerpt.sample_rate,
        streams=excerpt.streams,
        duration_s=seconds,
    )


def _level(signal: Signal) -> Finding:
    names = ("rms_dbfs", "peak_dbfs", "loud_dbfs", "quiet_dbfs", "zero_share")
    facts = {name: value for name, value in asdict(signal).items() if name in names}
    if signal.peak_dbfs == -math.inf:
        seen = f"all {signal.duration_s:.1f} s are exactly zero: the sound is muted or withheld"
        return Finding("level", "problem", seen, _MUTED, facts)
    loud, quiet, peak = (f"{level:.0f}" for level in (signal.loud_dbfs, signal.quiet_dbfs, signal.peak_dbfs))
    seen = f"loud parts {loud}, quiet parts {quiet}, peak {peak} dBFS"
    if signal.loud_dbfs < FAINT_DBFS:
        return Finding("level", "warning", f"too faint for a voice: {seen}", _FAINT, facts)
    return Finding.ok("level", seen, **facts)


def _zeros(signal: Signal) -> Finding:
    seen = f"{100 * signal.zero_share:.0f} % of the samples are exact zeros in a row"
    level: Level = "warning" if signal.zero_share > ZERO_SHARE else "ok"
    return Finding("zeros", level, seen, _ZEROS, {"zero_share": signal.zero_share})


def _clipping(signal: Signal) -> Finding:
    facts = {"clipped_share": signal.clipped_share, "clipped_runs": signal.clipped_runs}
    if not signal.clipped_runs:
        return Finding.ok("clipping", f"no {CLIP_RUN} samples in a row stand at full scale", **facts)
    seen = f"{signal.clipped_runs} flat tops at full scale, {100 * signal.clipped_share:.2f} % of the samples"
    if signal.clipped_share < CLIPPED_SHARE:
        return Finding("clipping", "note", seen, facts=facts)
    return Finding("clipping", "warning", seen, "turn the gain down by 6 dB or more, or go farther away", facts)


def _offset(signal: Signal) -> Finding:
    level: Level = "warning" if abs(signal.offset) > OFFSET else "ok"
    advice = "it leaves less room for the voice: try another port or sound card"
    seen = f"the samples' mean is {signal.offset:+.4f} of full scale"
    return Finding("offset", level, seen, advice, {"offset": signal.offset})


def _band(signal: Signal, sample_rate: int) -> Finding:
    facts = {"bandwidth_hz": signal.bandwidth_hz}
    if signal.bandwidth_hz is None:
        return Finding("band", "note", "too faint to say which frequencies there are", facts=facts)
    seen = f"sound up to {signal.bandwidth_hz:.0f} Hz within {BAND_RANGE_DB:.0f} dB of the strongest band"
    if sample_rate < 12000 or signal.bandwidth_hz > TELEPHONE_HZ:
        return Finding.ok("band", seen, **facts)
    advice = "nothing, if a telephone is what you listen to; the model errs more often there"
    return Finding("band", "note", f"{seen}: a telephone's band in a stream of {sample_rate} Hz", advice, facts)


def _rate(arrival_hz: float, sample_rate: int) -> Finding:
    ratio = arrival_hz / sample_rate
    facts = {"sample_rate_hz": sample_rate, "arrival_hz": arrival_hz}
    seen = f"{arrival_hz:.0f} samples a second came, {sample_rate} were promised"
    if ratio > NOT_LIVE:
        advice = "nothing, for a recording that is piped in; for live audio the rate is wrong"
        return Finding("rate", "note", f"{ratio:.1f} times as fast as live: {seen}", advice, facts)
    return Finding("rate", "warning" if abs(ratio - 1.0) > RATE_TOLERANCE else "ok", seen, _WRONG_RATE, facts)


def _losses(excerpt: Excerpt) -> Finding:
    share = excerpt.lost_samples / excerpt.sent_samples
    facts = {"lost_share": share, "overruns": excerpt.breaks}
    if not excerpt.lost_samples and not excerpt.breaks:
        return Finding.ok("loss", "nothing was lost", **facts)
    overflowed = f", and the device overflowed {excerpt.breaks} times" if excerpt.breaks else ""
    level: Level = "warning" if share > LOST_SHARE or excerpt.breaks else "note"
    advice = "look at the network, and at what else runs on this machine" if level == "warning" else ""
    return Finding("loss", level, f"{100 * share:.1f} % of the audio was lost{overflowed}", advice, facts)


@dataclass(frozen=True)
class SoundFacts:
    """What decides why a machine has no microphone.

    Attributes
    ----------
    platform : as `sys.platform`.
    termux, container, raspberry : whether this is Termux on Android, a container, a Raspberry Pi.
    captures : device files of sound cards that record.
    readable : whether this user may open one of them.
    server : whether a PulseAudio or PipeWire server runs for this user.
    """

    platform: str = "linux"
    termux: bool = False
    container: bool = False
    raspberry: bool = False
    captures: int = 0
    readable: bool = False
    server: bool = False

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> SoundFacts:
        """Read them from this machine."""
        captures = list(Path("/dev/snd").glob("pcm*c"))
        runtime, board = environment.get("XDG_RUNTIME_DIR", ""), Path("/proc/device-tree/model")
        return cls(
            platform=sys.platform,
            termux="TERMUX_VERSION" in environment,
            container=any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv"))) or "container" in environment,
            raspberry=os.access(board, os.R_OK) and board.read_bytes().startswith(b"Raspberry Pi"),
            captures=len(captures),
            readable=any(os.access(path, os.R_OK | os.W_OK) for path in captures),
            server="PULSE_SERVER" in environment or bool(runtime and Path(runtime, "pulse", "native").exists()),
        )


def why_no_microphone(facts: SoundFacts) -> tuple[str, str]:
    """Return the most likely reason why no device records, and what to do."""
    no_card = not facts.captures
    causes = [
        (
            facts.termux,
            "Termux gives programs no live microphone, and Android gives ordinary apps zeros during a call",
            "let the phone record, and run edge watch on the recorder's folder",
        ),
        (
            facts.captures and not facts.readable,
            "the kernel has a device that records and this user may not open it",
            'run: sudo usermod -aG audio "$USER", and log in again; for a service set SupplementaryGroups=audio',
        ),
        (
            facts.server,
            "a PulseAudio or PipeWire server is there, and PortAudio, which speaks to ALSA, has no way to it",
            "apt install libasound2-plugins for PulseAudio, pipewire-alsa for PipeWire",
        ),
        (
            facts.container and no_card,
            "this is a container, and it was given no sound card",
            f"start it with --device /dev/snd --group-add audio, {_ELSEWHERE}",
        ),
        (
            facts.raspberry and no_card,
            "a Raspberry Pi has no microphone input of its own, and none is plugged in",
            f"plug in a USB microphone or sound card (arecord -l must list it), {_ELSEWHERE}",
        ),
        (
            facts.platform.startswith("linux") and no_card,
            "the kernel has no device that records (none in /dev/snd)",
            f"plug in a microphone, {_ELSEWHERE}",
        ),
        (
            facts.platform == "darwin",
            "no device records",
            f"plug in a microphone and allow the terminal to use it in the privacy settings, {_ELSEWHERE}",
        ),
        (
            True,
            "no device records, or another program holds the one that does",
            f"end that program, {_ELSEWHERE}",
        ),
    ]
    return next((reason, advice) for fits, reason, advice in causes if fits)
