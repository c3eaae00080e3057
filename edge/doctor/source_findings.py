"""From what a source gave to findings; pure, with every threshold beside its reason."""

from __future__ import annotations

from collections.abc import Iterator

from edge.doctor.finding import Finding
from edge.doctor.listening import Take
from edge.doctor.signal import BAND_RANGE_DB, CLIP_RUN, Signal, measure
from edge.sources.events import TroubleKind

FAINT_DBFS = -50.0
"""Speech at arm's length from an ordinary microphone lies some 20 dB above it."""
CLIPPED_SHARE = 0.001
ZERO_SHARE = 0.2
OFFSET = 0.05
"""Costs headroom; the model itself hears nothing below 60 Hz."""
RATE_TOLERANCE = 0.03
"""Clocks of sound cards agree to 0.01 %, a wrong rate is 8 % off (44.1 for 48 kHz) or more; the rest is scheduling."""
NOT_LIVE = 1.5
TELEPHONE_HZ = 4250.0
LOST_SHARE = 0.05

_MUTED = (
    "take the mute off (alsamixer, pavucontrol, the switch on the device), and allow this program the microphone; "
    "a phone gives zeros to ordinary apps during a call, and nothing can be done there"
)
_NOTHING_CAME = {
    "rtp": "send to it while the doctor listens, for more --seconds; if you do, look at the firewall and the port",
    "audiosocket": "call it while the doctor listens, for more --seconds; if you do, look at dialplan and firewall",
}
_TROUBLE_ADVICE: dict[TroubleKind, str] = {
    "bad_data": "look at the sender's format and at the driver",
    "dropped": "end what else runs on this machine, or take a faster one",
    "overrun": "end what else runs on this machine, or take a faster one",
    "peer": "look into the log of the other side",
    "refused": "allow the sender with ?allow=ADDRESS if it is yours",
    "unsupported": "make the sender use PCMU, PCMA or G.722",
    "vanished": "plug the device in again, and look at its cable and at the kernel's log (dmesg)",
}


def source_findings(take: Take) -> Iterator[Finding]:
    """Everything that can be said about a take, the source itself first."""
    yield _opening(take)
    for trouble in take.troubles:
        yield Finding("source", "warning", trouble.detail, _TROUBLE_ADVICE[trouble.kind], {"trouble": trouble.kind})
    yield from _bad_ends(take)
    if not len(take.samples):
        return
    signal = measure(take.samples, take.sample_rate)
    if not take.samples.any():
        seen = f"all {signal.duration_s:.1f} s are exactly zero: the sound is muted or withheld"
        yield Finding("level", "problem", seen, _MUTED, _levels(signal))
    else:
        yield from (_level(signal), _zeros(signal), _clipping(signal), _offset(signal), _band(signal, take.sample_rate))
    yield from _rate(take)
    yield from _losses(take)


def kind_of(name: str) -> str:
    """What kind of source a name is of: ``mic``, ``cmd``, ``-``, ``file``, ``rtp`` or ``audiosocket``."""
    return name.partition(":")[0]


def _opening(take: Take) -> Finding:
    if not len(take.samples):
        kind = kind_of(take.name)
        waited = kind in _NOTHING_CAME
        seen = f"{take.name} is open and nothing came" if waited else f"{take.name} gave no audio"
        advice = _NOTHING_CAME.get(kind, "run what should give the audio by itself to see why")
        return Finding("source", "warning" if waited else "problem", seen, advice, {"source": take.name})
    named = take.name if take.name.endswith(take.detail) else f"{take.name} ({take.detail})"
    seen = f"{named}: {take.sent_samples / take.sample_rate:.1f} s at {take.sample_rate} Hz"
    if take.streams > 1:
        seen += f", the longest of {take.streams} streams"
    facts = {"source": take.name, "detail": take.detail, "sample_rate_hz": take.sample_rate, "streams": take.streams}
    return Finding("source", "ok", seen, facts={**facts, "duration_s": take.sent_samples / take.sample_rate})


def _bad_ends(take: Take) -> Iterator[Finding]:
    for end in take.ends:
        # A stream that its sender ended, or went on with under another name, ended as it should.
        if end.reason in ("finished", "replaced"):
            continue
        advice = "run what gives the audio by itself to see why; for a device, look at its cable"
        seen, _, own = (end.detail or f"the stream {end.stream} ended ({end.reason})").partition("; ")
        yield Finding("source", "problem", seen, own or advice, {"end": end.reason})


def _levels(signal: Signal) -> dict[str, float]:
    return {
        "rms_dbfs": signal.rms_dbfs,
        "peak_dbfs": signal.peak_dbfs,
        "loud_dbfs": signal.loud_dbfs,
        "quiet_dbfs": signal.quiet_dbfs,
        "zero_share": signal.zero_share,
    }


def _level(signal: Signal) -> Finding:
    seen = (
        f"loud parts {_db(signal.loud_dbfs)}, quiet parts {_db(signal.quiet_dbfs)}, peak {_db(signal.peak_dbfs)} dBFS"
    )
    if signal.loud_dbfs < FAINT_DBFS:
        advice = (
            "speak while the doctor listens; if you did, turn the gain up (alsamixer, pavucontrol), go nearer, "
            "or choose another device (edge devices)"
        )
        return Finding("level", "warning", f"too faint for a voice: {seen}", advice, _levels(signal))
    return Finding("level", "ok", seen, facts=_levels(signal))


def _zeros(signal: Signal) -> Finding:
    seen = f"{100 * signal.zero_share:.0f} % of the samples are exact zeros in a row"
    facts = {"zero_share": signal.zero_share}
    if signal.zero_share > ZERO_SHARE:
        advice = (
            "look for a program or a phone that mutes now and then; silence suppression and noise gates do it too, and "
            "then it is harmless"
        )
        return Finding("zeros", "warning", seen, advice, facts)
    return Finding("zeros", "ok", seen, facts=facts)


def _clipping(signal: Signal) -> Finding:
    facts = {"clipped_share": signal.clipped_share, "clipped_runs": signal.clipped_runs}
    if not signal.clipped_runs:
        return Finding("clipping", "ok", f"no {CLIP_RUN} samples in a row stand at full scale", facts=facts)
    seen = f"{signal.clipped_runs} flat tops at full scale, {100 * signal.clipped_share:.2f} % of the samples"
    if signal.clipped_share < CLIPPED_SHARE:
        return Finding("clipping", "note", seen, facts=facts)
    return Finding("clipping", "warning", seen, "turn the gain down by 6 dB or more, or go farther away", facts)


def _offset(signal: Signal) -> Finding:
    seen = f"the samples' mean is {signal.offset:+.4f} of full scale"
    facts = {"offset": signal.offset}
    if abs(signal.offset) > OFFSET:
        advice = "it takes room from the voice: try another port or sound card"
        return Finding("offset", "warning", seen, advice, facts)
    return Finding("offset", "ok", seen, facts=facts)


def _band(signal: Signal, sample_rate: int) -> Finding:
    facts = {"bandwidth_hz": signal.bandwidth_hz}
    if signal.bandwidth_hz is None:
        return Finding("band", "note", "too faint to tell which frequencies there are", facts=facts)
    seen = f"sound up to {signal.bandwidth_hz:.0f} Hz within {BAND_RANGE_DB:.0f} dB of the strongest band"
    if sample_rate >= 12000 and signal.bandwidth_hz <= TELEPHONE_HZ:
        seen += f": a telephone's band in a stream of {sample_rate} Hz"
        advice = "nothing, if a telephone is what you listen to; the model errs more often there"
        return Finding("band", "note", seen, advice, facts)
    return Finding("band", "ok", seen, facts=facts)


def _rate(take: Take) -> Iterator[Finding]:
    # A file is read as fast as it goes; its header says what it is.
    if take.arrival_hz is None or kind_of(take.name) == "file":
        return
    ratio = take.arrival_hz / take.sample_rate
    facts = {"sample_rate_hz": take.sample_rate, "arrival_hz": take.arrival_hz}
    seen = f"{take.arrival_hz:.0f} samples a second came, {take.sample_rate} were promised"
    if ratio > NOT_LIVE:
        advice = "nothing, for a recording that is piped in; for live audio the rate is wrong"
        yield Finding("rate", "note", f"{ratio:.1f} times as fast as live: {seen}", advice, facts)
    elif abs(ratio - 1.0) > RATE_TOLERANCE:
        advice = (
            "give the rate at which it is recorded (--rate for cmd: and -), since a voice at a wrong one is misjudged; "
            "if the rate is right, this machine is too busy, or audio is lost"
        )
        yield Finding("rate", "warning", seen, advice, facts)
    else:
        yield Finding("rate", "ok", seen, facts=facts)


def _losses(take: Take) -> Iterator[Finding]:
    share = take.lost_samples / take.sent_samples
    facts = {"lost_share": share, "overruns": take.breaks}
    if not take.lost_samples and not take.breaks:
        yield Finding("loss", "ok", "nothing was lost", facts=facts)
        return
    seen = f"{100 * share:.1f} % of the audio was lost"
    if take.breaks:
        seen += f", and the device overflowed {take.breaks} times"
    if share > LOST_SHARE or take.breaks:
        advice = "look at the network, and at what else runs on this machine"
        yield Finding("loss", "warning", seen, advice, facts)
    else:
        yield Finding("loss", "note", seen, facts=facts)


def _db(level: float) -> str:
    return f"{level:.0f}"
