"""Everything that the doctor looks at, in order."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from edge.alerts.channels.channel import ChannelContext
from edge.doctor.alert_checks import check_alerts, check_config
from edge.doctor.finding import Finding, from_error
from edge.doctor.listening import Take, hear
from edge.doctor.machine_checks import check_clock, check_service
from edge.doctor.runtime_checks import check_decoders, check_model, check_python
from edge.doctor.sound import list_inputs, look_around, why_none
from edge.doctor.source_findings import kind_of, source_findings
from edge.errors import EdgeError, UnsupportedFormatError
from edge.live.settings import ListenSettings
from edge.model import Model
from edge.scoring import ChannelScorer
from edge.service.source_address import SourceAddress
from edge.settings import build_settings
from edge.sources.address import SourceOptions, make_source
from edge.sources.pcm import PcmFormat

_NO_SOURCE = "give one of those that edge listen takes; edge devices lists the microphones"


@dataclass(frozen=True)
class Plan:
    """What the user asked for.

    Attributes
    ----------
    source : an address as ``edge listen --source`` takes it; None: the configuration's, or the default microphone.
    seconds : of audio to hear.
    config, model : as every command takes them; None for the default.
    audio : whether a source is opened at all.
    send : whether a test goes out over every channel.
    pcm : what ``cmd:`` and ``-`` carry, by the names of `edge.live.settings.ListenSettings` (``rate``, ``encoding``,
        ``channels``, ``channel``), as far as it differs from the configuration's.
    """

    source: str | None = None
    seconds: float = 3.0
    config: Path | None = None
    model: str | None = None
    audio: bool = True
    send: bool = False
    pcm: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bedside:
    """What the examination takes from the outside.

    Attributes
    ----------
    environment : variables.
    terminal : where the terminal channel writes.
    tell : says what is done right now.
    quiet : keeps to itself what native libraries write to standard error within its block.
    """

    environment: Mapping[str, str]
    terminal: TextIO
    tell: Callable[[str], None]
    quiet: Callable[[], AbstractContextManager[None]]


def examine(plan: Plan, bedside: Bedside) -> Iterator[Finding]:
    """Yield every finding as it comes; what is wrong is a finding too, and nothing of it is raised."""
    yield check_python()
    yield check_clock(time.time())
    yield check_service(bedside.environment)
    bedside.tell("loading the model")
    with bedside.quiet():
        found = [*check_decoders()]
    yield from found
    found, tables = check_config(plan.config, bedside.environment)
    yield from found
    listen = build_settings(ListenSettings, tables.get("listen", {}), "listen")
    with bedside.quiet():
        found, model = check_model(plan.model or listen.model)
    yield from found
    if plan.audio:
        configured = listen.source if "source" in tables.get("listen", {}) else None
        yield from _source(plan, listen, plan.source or configured, bedside, model)
    if "alerts" in tables:
        bedside.tell("asking the receivers of alerts")
        # Not `present`: the running service stands for the device, and this one leaves at once.
        context = ChannelContext(bedside.environment, bedside.terminal, time.time, present=False)
        yield from check_alerts(tables["alerts"], context, send=plan.send)


def _source(
    plan: Plan, listen: ListenSettings, text: str | None, bedside: Bedside, model: Model | None
) -> Iterator[Finding]:
    wanted = text or listen.source
    bedside.tell(f"listening to {wanted} for {plan.seconds:g} s: speak")
    try:
        listen = replace(listen, **plan.pcm)
        pcm = PcmFormat(listen.rate, listen.channels, listen.encoding, listen.channel)
        # As fast as it goes: a file's pace tells nothing.
        source = make_source(SourceAddress.parse(wanted), SourceOptions(pcm=pcm, pace=math.inf, channel=listen.channel))
        with bedside.quiet():
            take = hear(source, plan.seconds)
            found = [*source_findings(take), *_speech(take, model)]
    except EdgeError as error:
        # Nobody may want a microphone: behind a PBX there is none.
        hint = "" if text else "; or name what you listen to with --source, or leave it out with --no-audio"
        finding = from_error("source", error, _NO_SOURCE, level="problem" if text else "warning")
        found = [_with_reason(finding, wanted, bedside, hint)]
    yield from found


def _with_reason(finding: Finding, wanted: str, bedside: Bedside, hint: str) -> Finding:
    """The same finding, with the reason why there is no microphone at all where that is so."""
    seen, advice = finding.seen, finding.advice
    if kind_of(wanted) == "mic" and not _inputs(bedside):
        reason, cure = why_none(look_around(bedside.environment))
        seen, advice = f"{seen}: {reason}", cure
    return Finding(finding.check, finding.level, seen, advice + hint, {"source": wanted})


def _inputs(bedside: Bedside) -> int:
    """How many devices record; 1 where that cannot be told, since the error says what is lacking."""
    try:
        with bedside.quiet():
            return len(list_inputs())
    except EdgeError:
        return 1


def _speech(take: Take, model: Model | None) -> Iterator[Finding]:
    """What the model makes of the take: its own measure of speech, through the code that scores calls."""
    if model is None or not take.samples.any():
        return
    try:
        scorer = ChannelScorer(model, take.sample_rate)
    except UnsupportedFormatError as error:
        yield from_error("speech", error, "pip install 'bonafone[edge]'")
        return
    scorer.feed(take.samples)
    decision = scorer.flush()
    # The last chunk is filled up, and counts as a whole.
    speech_s = min(decision.speech_s, len(take.samples) / take.sample_rate)
    facts = {"speech_s": speech_s, "verdict": decision.verdict}
    seen = f"the model hears {speech_s:.1f} s of speech in it"
    if decision.verdict == "no_speech":
        yield Finding("speech", "note", seen, "speak while the doctor listens to see that it hears you", facts)
    else:
        yield Finding("speech", "ok", seen, facts=facts)
