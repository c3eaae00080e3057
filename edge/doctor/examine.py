"""Everything that the doctor checks, in order."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from edge.alerts.channels.channel import ChannelContext
from edge.alerts.settings import settings_from_table
from edge.doctor import checks
from edge.doctor.checks import Finding
from edge.doctor.source import Excerpt, SoundFacts, judge, record, why_no_microphone
from edge.errors import EdgeError, UnsupportedFormatError
from edge.model import Model
from edge.native_stderr import hold_stderr
from edge.scoring import ChannelScorer
from edge.service.source_address import SourceAddress
from edge.sources.address import SourceOptions, make_source
from edge.sources.microphone import PortAudio
from edge.sources.pcm import PcmFormat

_NO_SOURCE = "give a source that edge listen takes, such as --source file:PATH or --source rtp://:5004"
_UNASKED = "; where there is no audio to examine, use --no-audio"


@dataclass(frozen=True)
class Plan:
    """What the user asked for, and the parts of this machine that the checks use.

    Attributes
    ----------
    listen : builds the settings of ``edge listen`` (`edge.live.settings.ListenSettings`) from its table, with the
        user's options in place of the table's.
    environment, terminal : variables, and where the terminal channel writes.
    has_source : whether the user named a source.
    seconds : of audio to record.
    config : path of the configuration; None: where it is looked for.
    audio : whether a source is opened at all.
    send : whether a test goes out over every channel.
    readers : by the name of a table of the configuration, what checks it.
    progress : shows what is done at the moment.
    """

    listen: Callable[[Mapping[str, Any]], Any]
    environment: Mapping[str, str]
    terminal: TextIO
    has_source: bool = False
    seconds: float = 3.0
    config: Path | None = None
    audio: bool = True
    send: bool = False
    readers: Mapping[str, checks.Reader] = field(default_factory=dict)
    progress: Callable[[str], None] = lambda _text: None


class Examination:
    """One run of the checks; what one of them loads, the next ones use."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tables: Mapping[str, Any] = {}
        self.model: Model | None = None

    def machine(self) -> Iterator[Finding]:
        """Check Python, the clock and the service manager."""
        yield from checks.check_python()
        yield from checks.check_clock(time.time())
        yield from checks.check_service(self.plan.environment)

    def config(self) -> Iterable[Finding]:
        """Read the configuration."""
        found, self.tables = checks.check_config(self.plan.config, self.plan.environment, self.plan.readers)
        return found

    def runtime(self) -> Iterable[Finding]:
        """Load decoders and model."""
        self.plan.progress("loading the model")
        with hold_stderr():
            found, self.model = checks.check_model(self._listen().model)
            return [*checks.check_decoders(), *found]

    def source(self) -> Iterable[Finding]:
        """Record an excerpt of the source, judge it, and score it."""
        plan, listen = self.plan, self._listen()
        if not plan.audio:
            return []
        plan.progress(f"listening to {listen.source} for {plan.seconds:g} s: speak")
        is_microphone = False
        try:
            address = SourceAddress.parse(listen.source)
            is_microphone = address.kind == "mic"
            pcm = PcmFormat(listen.rate, listen.channels, listen.encoding, listen.channel)
            # As fast as it goes: the pace of a file means nothing here.
            source = make_source(address, SourceOptions(pcm=pcm, pace=math.inf, channel=listen.channel))
            with hold_stderr():
                excerpt = record(source, address.kind, plan.seconds)
                return [*judge(excerpt), *_speech(excerpt, self.model)]
        except EdgeError as error:
            return [self._unusable(listen.source, error, is_microphone=is_microphone)]

    def alerts(self) -> Iterable[Finding]:
        """Check the outbox and every alert channel that is on."""
        if "alerts" not in self.tables:
            return []
        self.plan.progress("asking the receivers of alerts")
        # Not `present`: the running service stands for the device, and this process ends at once.
        context = ChannelContext(self.plan.environment, self.plan.terminal, time.time, present=False)
        return checks.check_alerts(settings_from_table(self.tables["alerts"]), context, send=self.plan.send)

    def _listen(self) -> Any:
        return self.plan.listen(self.tables.get("listen", {}))

    def _unusable(self, text: str, error: EdgeError, *, is_microphone: bool) -> Finding:
        """A source that cannot be opened is a problem, also the default microphone: `edge listen` would fail alike."""
        is_named = self.plan.has_source or "source" in self.tables.get("listen", {})
        found = Finding.from_error("source", error, _NO_SOURCE)
        seen, advice = found.seen, found.advice
        if is_microphone and _no_device_records():
            reason, advice = why_no_microphone(SoundFacts.read(self.plan.environment))
            seen = f"{seen}: {reason}"
        return Finding("source", "problem", seen, advice + ("" if is_named else _UNASKED), {"source": text})


def examine(plan: Plan) -> Iterator[Finding]:
    """Run every check and yield its findings; what is wrong is a finding too, and nothing of it is raised."""
    examination = Examination(plan)
    for check in (examination.machine, examination.config, examination.runtime, examination.source, examination.alerts):
        yield from check()


def _no_device_records() -> bool:
    """Whether PortAudio lists no device; False where it cannot list any, since its error says what is missing."""
    try:
        with hold_stderr():
            return not PortAudio().devices()
    except EdgeError:
        return False


def _speech(excerpt: Excerpt, model: Model | None) -> Iterator[Finding]:
    """Score an excerpt by the code that scores calls, and report how much of it the model counts as speech."""
    if model is None or not excerpt.samples.any():
        return
    try:
        scorer = ChannelScorer(model, excerpt.sample_rate)
    except UnsupportedFormatError as error:
        yield Finding.from_error("speech", error, "pip install 'bonafone[edge]'")
        return
    scorer.feed(excerpt.samples)
    decision = scorer.flush()
    # The last chunk is filled up, and counts as a whole.
    speech_s = min(decision.speech_s, len(excerpt.samples) / excerpt.sample_rate)
    facts = {"speech_s": speech_s, "verdict": decision.verdict}
    seen = f"the model finds {speech_s:.1f} s of speech in it"
    if decision.verdict == "no_speech":
        yield Finding("speech", "note", seen, "speak while the doctor listens", facts)
    else:
        yield Finding.ok("speech", seen, **facts)
