"""From the events of a source to updates and alarms. No device, no disk, no network; the clock is passed in.

StreamStart ──► a session            AudioChunk ──► steps ──► StreamUpdate, Alarm spoof, Alarm silenced
StreamEnd   ──► its last steps ──► StreamEnded, Alarm source_lost        first audio again ──► Alarm source_back
Idle        ──► what time alone shows: blind, gone        Trouble ──► Notice
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from edge.alerts.event import AlertEvent, new_event_id
from edge.decision import LiveDecider, LiveState
from edge.live.reports import Alarm, Notice, Report, StreamBegan, StreamEnded, StreamState, StreamUpdate
from edge.live.session import Session, Step
from edge.live.settings import ListenSettings
from edge.service.source_address import SourceAddress
from edge.sources.events import AudioChunk, Clock, Idle, SourceEvent, StreamEnd, StreamStart, Trouble

BLIND_S = 2.0
"""Seconds without audio, or with too little of it, after which the verdict is no longer about the present."""
UPDATE_S = 1.0
_LOOK_S = 1.0
_SLOW_REPEAT_S = 60.0
_ABORTED = ("gone", "bad_data")
_NOTHING = LiveState(end=0, speech_s=0.0, cm_score=None, p_bonafide=None, verdict="no_speech")


class LiveClock(Clock, Protocol):
    """What live listening uses of the module ``time``."""

    def time(self) -> float:
        """Seconds since 1970."""


class LiveStream:
    """The state of one stream between two of its chunks, and which alerts were raised already.

    Parameters
    ----------
    now : seconds of the clock; when the stream began.
    """

    def __init__(
        self, start: StreamStart, session: Session, address: SourceAddress, settings: ListenSettings, now: float
    ) -> None:
        self.start, self.session = start, session
        self.last_audio_at = now
        self.decision = _NOTHING
        self.alarms = 0
        self._address, self._settings = address, settings
        self._level_db = -math.inf
        self._zero_s = self._quiet_s = self._blind_s = self._since_update_s = 0.0
        self._had_audio = self._alarmed = False
        self._zeros_reported = self._quiet_reported = False
        self._reported: tuple[str, str] | None = None

    @property
    def scored_s(self) -> float:
        """Seconds from the start of the stream to the end of what was scored."""
        return self.decision.end / self.session.model_rate

    def add(self, step: Step) -> None:
        """Add the next step of the session."""
        stats = step.stats
        self.decision = step.state
        self.alarms += step.state.alarm
        self._alarmed = self._alarmed or step.state.alarm
        self._since_update_s += step.seconds
        self._level_db = stats.level_db
        self._zero_s = self._zero_s + step.seconds if stats.all_zero else 0.0
        is_blind = stats.broken or stats.lost_share > LiveDecider.MAX_LOST_SHARE
        self._blind_s = self._blind_s + step.seconds if is_blind else 0.0
        is_quiet = stats.all_zero or (not is_blind and stats.level_db < self._settings.quiet_level_db)
        self._quiet_s = self._quiet_s + step.seconds if is_quiet else 0.0
        self._had_audio = self._had_audio or not (stats.all_zero or is_blind)
        # A stretch is over with its first sample that is none; the next one is news again.
        self._zeros_reported = self._zeros_reported and stats.all_zero
        self._quiet_reported = self._quiet_reported and is_quiet

    def silence_alert(self) -> str | None:
        """Return the note of an alert that is due now, once a stretch of silence."""
        limit_s = self._settings.silent_alert_s
        if limit_s and self._zero_s >= limit_s and not self._zeros_reported:
            self._zeros_reported = self._quiet_reported = True
            # In the middle of a call senders leave pauses out; a call that never held anything is no call.
            if not (self._address.is_network and self._had_audio):
                return f"nothing but zeros for {self._zero_s:.0f} s"
        if self._is_quiet() and not self._quiet_reported:
            self._quiet_reported = True
            return (
                f"next to nothing for {self._quiet_s:.0f} s ({self._level_db:.0f} dB of full scale): muted or dead; "
                "look at its switch, its plug and the mixer"
            )
        return None

    def is_due(self, now: float) -> bool:
        """Whether an update is due: each second of audio, and at each change."""
        return self._since_update_s >= UPDATE_S or self._is_changed(now)

    def update(self, now: float, *, final: bool = False) -> StreamUpdate:
        """Return the state at ``now`` seconds of the clock; the next one is due a second later.

        ``final`` is about the whole stream and not about the present: what came before it fell silent counts.
        """
        state, decision, changed = self._state(now), self.decision, self._is_changed(now)
        self._reported, self._since_update_s, self._alarmed = (state, decision.verdict), 0.0, False
        scored = decision.verdict != "silenced" and (final or state in ("listening", "quiet"))
        return StreamUpdate(
            stream=self.start.stream,
            call_id=self.start.call_id,
            state=state,
            verdict=decision.verdict,
            cm_score=decision.cm_score if scored else None,
            p_bonafide=decision.p_bonafide if scored else None,
            speech_s=decision.speech_s,
            position_s=self.session.position_s,
            lost_s=self.session.lost_s,
            level_db=self._level_db,
            lag_s=self.session.lag.pop_worst(),
            realtime_factor=self.session.realtime_factor,
            changed=changed,
        )

    def _state(self, now: float) -> StreamState:
        if self._blind_s >= BLIND_S or (now - self.last_audio_at >= BLIND_S and self._address.kind != "file"):
            return "blind"
        if self.decision.verdict == "silenced":
            return "silenced"
        return "quiet" if self._is_quiet() else "listening"

    def _is_changed(self, now: float) -> bool:
        return self._alarmed or self._reported != (self._state(now), self.decision.verdict)

    def _is_quiet(self) -> bool:
        limit_s = self._settings.quiet_alert_s
        return _is_device(self._address) and bool(limit_s) and self._quiet_s >= limit_s


class Monitor:
    """Follows all streams of one source.

    Parameters
    ----------
    address : of the source.
    open_session : makes the session of a new stream.
    model : the model's name, for alerts.
    hide : makes a text of the source fit to be shown.
    pace : of a recording, seconds of audio a second of the clock brings; infinity for as fast as possible.
    observe : is called with each step, for metrics.
    """

    def __init__(
        self,
        address: SourceAddress,
        settings: ListenSettings,
        open_session: Callable[[StreamStart], Session],
        *,
        model: str,
        hide: Callable[[str], str],
        clock: LiveClock,
        pace: float = 1.0,
        observe: Callable[[str, Step, Session], None] = lambda *_: None,
    ) -> None:
        self.spoof_found = False
        self.failed = False
        """Whether the last stream that ended broke off, rather than ended."""
        self._address, self._settings, self._pace = address, settings, pace
        self._recording = _recording_key(Path(address.target)) if address.kind == "file" else None
        self._open_session, self._model, self._hide, self._clock = open_session, model, hide, clock
        self._observe = observe
        self._streams: dict[str, LiveStream] = {}
        self._looked_at = clock.monotonic()
        # In seconds of the clock; None while the source is there.
        self._lost_at: float | None = None
        self._had_audio = False
        self._slow_reported_at = -math.inf

    def feed(self, event: SourceEvent, *, waited: bool = False) -> list[Report]:
        """Handle the next event; ``waited``: the source had nothing before it came."""
        now = self._clock.monotonic()
        reports: list[Report] = []
        if isinstance(event, AudioChunk):
            reports = self._feed_audio(event, now, waited=waited)
        elif isinstance(event, StreamStart):
            reports = [self._start(event, now)]
        elif isinstance(event, StreamEnd):
            reports = self._end(event, now)
        elif isinstance(event, Trouble):
            reports = [Notice(event.kind, self._hide(event.detail), event.stream, event.count)]
        elif isinstance(event, Idle):
            reports = self._check_silence(event.waited_s, now)
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            # Streams that get no audio; no chunk of theirs would report it.
            silent = (stream for stream in self._streams.values() if now - stream.last_audio_at >= BLIND_S)
            reports += [stream.update(now) for stream in silent]
        return reports

    def flush(self) -> list[Report]:
        """End every stream, because we were asked to stop."""
        return [report for name in list(self._streams) for report in self._close(name, "stopped", "")]

    def _start(self, start: StreamStart, now: float) -> Report:
        session = self._open_session(start)
        self._streams[start.stream] = LiveStream(start, session, self._address, self._settings, now)
        return StreamBegan(start.stream, start.sample_rate, start.call_id, self._hide(start.detail))

    def _feed_audio(self, chunk: AudioChunk, now: float, *, waited: bool) -> list[Report]:
        stream = self._streams[chunk.stream]
        stream.last_audio_at = now
        self._had_audio = True
        reports: list[Report] = []
        if self._lost_at is not None:
            reports.append(self._alarm("source_back", stream, f"after {now - self._lost_at:.0f} s"))
            self._lost_at = None
        steps = stream.session.feed(chunk, waited=waited)
        # The time again, since the model has run.
        return reports + self._add(stream, steps, self._clock.monotonic()) if steps else reports

    def _add(self, stream: LiveStream, steps: Iterable[Step], now: float) -> list[Report]:
        reports: list[Report] = []
        for step in steps:
            stream.add(step)
            self._observe(stream.start.stream, step, stream.session)
            if step.state.alarm:
                self.spoof_found = True
                reports.append(self._alarm("spoof", stream))
            if (note := stream.silence_alert()) is not None:
                reports.append(self._alarm("silenced", stream, note))
            if stream.is_due(now):
                reports += [stream.update(now), *self._check_speed(stream, now)]
        return reports

    def _end(self, end: StreamEnd, now: float) -> list[Report]:
        stream = self._streams[end.stream]
        reports = self._close(end.stream, end.reason, self._hide(end.detail))
        self.failed = end.reason in _ABORTED
        if self.failed and self._can_vanish and self._lost_at is None:
            self._lost_at = now
            # An alert names its source anyway.
            note = self._hide(end.detail.removeprefix(f"{self._address.text}: "))
            reports.append(self._alarm("source_lost", stream, note))
        return reports

    def _close(self, name: str, reason: str, detail: str) -> list[Report]:
        stream = self._streams.pop(name)
        now = self._clock.monotonic()
        reports = self._add(stream, stream.session.flush(), now)
        last = stream.update(now, final=True) if stream.session.position else None
        return [*reports, StreamEnded(name, reason, detail, stream.alarms, last)]

    @property
    def _can_vanish(self) -> bool:
        """Whether a stream that breaks off means that the source is gone."""
        return _is_device(self._address) or self._address.kind == "stdin"

    def _check_silence(self, waited_s: float, now: float) -> list[Report]:
        """Alert when nothing came for too long: of a device that is a fault, of a port it is not."""
        limit_s = self._settings.silent_alert_s
        is_fault = _is_device(self._address) or (self._can_vanish and self._had_audio)
        if not is_fault or self._lost_at is not None or not limit_s or waited_s < limit_s:
            return []
        self._lost_at = now - waited_s
        stream = next(iter(self._streams.values()), None)
        return [self._alarm("source_lost", stream, f"nothing came for {waited_s:.0f} s")]

    def _check_speed(self, stream: LiveStream, now: float) -> list[Report]:
        """Report now and then that this machine is too slow."""
        factor = stream.session.realtime_factor
        if factor < 1.0 or math.isinf(self._pace) or now - self._slow_reported_at < _SLOW_REPEAT_S:
            return []
        self._slow_reported_at = now
        text = (
            f"not fast enough: a second of audio takes {factor:.1f} s of computing, so that audio will be lost; "
            "end other programs, or listen to fewer calls"
        )
        return [Notice("slow", text, stream.start.stream)]

    def _alarm(self, kind: str, stream: LiveStream | None, note: str = "") -> Alarm:
        source, decision, start = self._address.text, None, None
        if stream is not None:
            decision, start = stream.decision, stream.start
        scored = decision if kind == "spoof" else None
        key = None
        if self._recording is not None and decision is not None:
            key = f"listen|{self._recording}|{kind}|{decision.end}"
        event = AlertEvent(
            id=new_event_id(key),
            kind=kind,
            time_s=self._clock.time(),
            source=source,
            verdict=kind if kind in ("spoof", "silenced") else None,
            p_bonafide=scored.p_bonafide if scored else None,
            cm_score=scored.cm_score if scored else None,
            speech_s=scored.speech_s if scored else None,
            position_s=stream.scored_s if stream else None,
            model=self._model if scored else None,
            call_id=start.call_id if start else None,
            note=note,
        )
        # One call must not hold back another's alert.
        topic = f"{kind}|{source}|{start.call_id}|{start.peer}" if start and self._address.is_network else ""
        return Alarm(event, start.stream if start else None, topic)


def _is_device(address: SourceAddress) -> bool:
    """Whether it should give audio for as long as it is open, so that nothing, or next to nothing, is a fault."""
    return address.kind in ("mic", "cmd")


def _recording_key(path: Path) -> str:
    """Return the same text whenever the same recording is listened to again, so that its alerts keep their ids."""
    try:
        found = path.stat()
    except OSError:
        # It cannot be opened either, which its source reports.
        return str(path)
    return f"{path.resolve()}|{found.st_size}|{found.st_mtime_ns}"
