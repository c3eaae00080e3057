"""From the events of a source to updates and alerts. No device, no disk, no network; the clock is passed in.

StreamStart ──► a session            AudioChunk ──► steps ──► StreamUpdate, Alarm spoof, Alarm silenced
StreamEnd   ──► its last steps ──► StreamEnded, Alarm source_lost        first audio again ──► Alarm source_back
Idle        ──► what time alone tells: blind, gone        Trouble ──► Notice
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from edge.alerts.event import AlertEvent, new_event_id
from edge.live.reports import Alarm, Notice, Report, StreamBegan, StreamEnded
from edge.live.session import Session, Step
from edge.live.settings import ListenSettings
from edge.live.stream_watch import BLIND_S, StreamWatch
from edge.live.subject import Subject, is_unpaced
from edge.sources.events import AudioChunk, Idle, SourceEvent, StreamEnd, StreamStart, Trouble

_LOOK_S = 1.0
_SLOW_REPEAT_S = 60.0
_ABORTED = ("gone", "bad_data")


class LiveClock(Protocol):
    """What the monitor asks of the module ``time``."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""

    def time(self) -> float:
        """Seconds since 1970."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class Monitor:
    """Follows all streams of one source.

    Parameters
    ----------
    open_session : makes the session of a new stream.
    model : the model's name, for alerts.
    hide : makes a text of the source fit to be shown.
    observe : is told every step, for metrics.
    """

    def __init__(
        self,
        subject: Subject,
        settings: ListenSettings,
        open_session: Callable[[StreamStart], Session],
        *,
        model: str,
        hide: Callable[[str], str],
        clock: LiveClock,
        observe: Callable[[str, Step, Session], None] | None = None,
    ) -> None:
        self.spoof_found = False
        self.failed = False
        """Whether the last stream that ended broke off, rather than ended."""
        self._subject, self._settings = subject, settings
        self._open_session, self._model, self._hide, self._clock = open_session, model, hide, clock
        self._observe = observe
        self._watches: dict[str, StreamWatch] = {}
        self._looked_at = clock.monotonic()
        # In seconds of the clock; None while the source is there.
        self._lost_at: float | None = None
        self._heard = False
        self._slow_told_at: float | None = None

    def take(self, event: SourceEvent, *, waited: bool = False) -> list[Report]:
        """Take the next event; ``waited``: the source had nothing before it came."""
        now = self._clock.monotonic()
        reports: list[Report] = []
        if isinstance(event, AudioChunk):
            reports = self._hear(event, now, waited=waited)
        elif isinstance(event, StreamStart):
            reports = [self._begin(event, now)]
        elif isinstance(event, StreamEnd):
            reports = self._end(event, now)
        elif isinstance(event, Trouble):
            reports = [Notice(event.kind, self._hide(event.detail), event.stream, event.count)]
        elif isinstance(event, Idle):
            reports = self._wait(event.waited_s, now)
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            reports += self._look(now)
        return reports

    def finish(self) -> list[Report]:
        """End every stream, because we were asked to stop."""
        return [report for stream in list(self._watches) for report in self._close(stream, "stopped", "")]

    def _begin(self, start: StreamStart, now: float) -> Report:
        watch = StreamWatch(start, self._open_session(start), self._subject, self._settings, now)
        self._watches[start.stream] = watch
        return StreamBegan(start.stream, start.sample_rate, watch.call_id, self._hide(start.detail))

    def _hear(self, chunk: AudioChunk, now: float, *, waited: bool) -> list[Report]:
        watch = self._watches[chunk.stream]
        watch.heard_at = now
        self._heard = True
        reports: list[Report] = []
        if self._lost_at is not None:
            reports.append(self._alarm("source_back", watch, f"after {now - self._lost_at:.0f} s"))
            self._lost_at = None
        steps = watch.session.feed(chunk, waited=waited)
        # Once more, since the model has run.
        return reports + self._judge(watch, steps, self._clock.monotonic()) if steps else reports

    def _judge(self, watch: StreamWatch, steps: Iterable[Step], now: float) -> list[Report]:
        reports: list[Report] = []
        for step in steps:
            watch.take(step)
            if self._observe is not None:
                self._observe(watch.start.stream, step, watch.session)
            if step.state.alarm:
                self.spoof_found = True
                reports.append(self._alarm("spoof", watch))
            if (note := watch.silence_alert()) is not None:
                reports.append(self._alarm("silenced", watch, note))
            if watch.due(now):
                reports += [watch.update(now), *self._complain(watch, now)]
        return reports

    def _end(self, end: StreamEnd, now: float) -> list[Report]:
        watch, detail = self._watches[end.stream], self._hide(end.detail)
        reports = self._close(end.stream, end.reason, detail)
        self.failed = end.reason in _ABORTED
        if self.failed and self._subject.can_vanish and self._lost_at is None:
            self._lost_at = now
            # An alert names its source anyway.
            note = self._hide(end.detail.removeprefix(f"{self._subject.name}: "))
            reports.append(self._alarm("source_lost", watch, note))
        return reports

    def _close(self, stream: str, reason: str, detail: str) -> list[Report]:
        watch = self._watches.pop(stream)
        now = self._clock.monotonic()
        reports = self._judge(watch, watch.session.finish(), now)
        last = watch.update(now, final=True) if watch.session.position else None
        return [*reports, StreamEnded(stream, reason, detail, watch.alarms, last)]

    def _wait(self, waited_s: float, now: float) -> list[Report]:
        """Hear that nothing came: from a device that is a fault, from a port it is not."""
        limit_s = self._settings.silent_alert_s
        is_fault = self._subject.is_device or (self._subject.can_vanish and self._heard)
        if not is_fault or self._lost_at is not None or not limit_s or waited_s < limit_s:
            return []
        self._lost_at = now - waited_s
        watch = next(iter(self._watches.values()), None)
        return [self._alarm("source_lost", watch, f"nothing came for {waited_s:.0f} s")]

    def _look(self, now: float) -> list[Report]:
        """Tell of the streams of which nothing comes; once a second, since no chunk of theirs would."""
        silent = (watch for watch in self._watches.values() if now - watch.heard_at >= BLIND_S)
        return [watch.update(now) for watch in silent]

    def _complain(self, watch: StreamWatch, now: float) -> list[Report]:
        """Say that this machine is too slow, now and then."""
        factor = watch.session.realtime_factor
        told_at = self._slow_told_at
        if factor < 1.0 or is_unpaced(self._subject) or (told_at is not None and now - told_at < _SLOW_REPEAT_S):
            return []
        self._slow_told_at = now
        return [
            Notice(
                "slow",
                f"not fast enough: a second of audio takes {factor:.1f} s of computing, so that audio will be lost; "
                "end other programs, or listen to fewer calls",
                watch.start.stream,
            )
        ]

    def _alarm(self, kind: str, watch: StreamWatch | None, note: str = "") -> Alarm:
        subject, live = self._subject, None if watch is None else watch.live
        is_verdict = live is not None and kind == "spoof"
        key = None
        if subject.key is not None and live is not None:
            key = f"listen|{subject.key}|{kind}|{live.end}"
        event = AlertEvent(
            id=new_event_id(key),
            kind=kind,
            time_s=self._clock.time(),
            source=subject.name,
            verdict="spoof" if is_verdict else "silenced" if kind == "silenced" else None,
            p_bonafide=live.p_bonafide if live is not None and is_verdict else None,
            cm_score=live.cm_score if live is not None and is_verdict else None,
            speech_s=live.speech_s if live is not None and is_verdict else None,
            position_s=None if watch is None else watch.heard_s,
            model=self._model if is_verdict else None,
            call_id=None if watch is None else watch.call_id,
            note=note,
        )
        topic = ""
        if watch is not None and subject.has_calls:
            # One call must not silence another's alert.
            topic = f"{kind}|{subject.name}|{watch.call_id}|{watch.start.peer}"
        return Alarm(event, None if watch is None else watch.start.stream, topic)
