"""What is known of one stream between two of its chunks: its state, and which alerts were raised already."""

from __future__ import annotations

from edge.decision import LiveDecider, LiveState
from edge.live.reports import StreamState, StreamUpdate
from edge.live.session import Session, Step
from edge.live.settings import ListenSettings
from edge.live.subject import Subject
from edge.sources.events import StreamStart

BLIND_S = 2.0
"""Seconds without audio, or with too little of it, after which the verdict is no longer about the present."""
UPDATE_S = 1.0
_NOTHING = LiveState(end=0, speech_s=0.0, cm_score=None, p_bonafide=None, verdict="no_speech")


class StreamWatch:
    """One stream; pure but for the session in it.

    Parameters
    ----------
    now : seconds of the clock; when the stream began.
    """

    def __init__(
        self, start: StreamStart, session: Session, subject: Subject, settings: ListenSettings, now: float
    ) -> None:
        self.start, self.session = start, session
        self.call_id = start.call_id
        self.heard_at = now
        self.live = _NOTHING
        self.alarms = 0
        self._subject, self._settings = subject, settings
        self._level_db = float("-inf")
        self._zero_s = self._quiet_s = self._blind_s = self._untold_s = 0.0
        self._ever_heard = self._alarm_untold = False
        self._zeros_told = self._quiet_told = False
        self._reported: tuple[str, str] | None = None

    @property
    def heard_s(self) -> float:
        """Seconds from the start of the stream to the end of what was judged."""
        return self.live.end / self.session.model_rate

    def take(self, step: Step) -> None:
        """Take the next step of the session."""
        arrived = step.arrived
        self.live = step.state
        self.alarms += step.state.alarm
        self._alarm_untold = self._alarm_untold or step.state.alarm
        self._untold_s += step.seconds
        self._level_db = arrived.level_db
        self._zero_s = self._zero_s + step.seconds if arrived.all_zero else 0.0
        is_blind = arrived.broken or arrived.lost_share > LiveDecider.MAX_LOST_SHARE
        self._blind_s = self._blind_s + step.seconds if is_blind else 0.0
        is_quiet = arrived.all_zero or (not is_blind and arrived.level_db < self._settings.quiet_level_db)
        self._quiet_s = self._quiet_s + step.seconds if is_quiet else 0.0
        self._ever_heard = self._ever_heard or not (arrived.all_zero or is_blind)
        # A stretch is over with its first sample that is none; the next one is news again.
        self._zeros_told = self._zeros_told and arrived.all_zero
        self._quiet_told = self._quiet_told and is_quiet

    def silence_alert(self) -> str | None:
        """The note of an alert that is due now, told once a stretch."""
        settings = self._settings
        if settings.silent_alert_s and self._zero_s >= settings.silent_alert_s and not self._zeros_told:
            self._zeros_told = self._quiet_told = True
            # In the middle of a call senders leave pauses out; a call that never held anything is no call.
            if not (self._subject.has_calls and self._ever_heard):
                return f"nothing but zeros for {self._zero_s:.0f} s"
        if self._is_quiet() and not self._quiet_told:
            self._quiet_told = True
            return (
                f"next to nothing for {self._quiet_s:.0f} s ({self._level_db:.0f} dB of full scale): muted or dead; "
                "look at its switch, its plug and the mixer"
            )
        return None

    def state(self, now: float) -> StreamState:
        """The state at ``now`` seconds of the clock."""
        if self._blind_s >= BLIND_S or (now - self.heard_at >= BLIND_S and not self._is_file()):
            return "blind"
        if self.live.verdict == "silenced":
            return "silenced"
        return "quiet" if self._is_quiet() else "listening"

    def due(self, now: float) -> bool:
        """Whether an update is to be told: each second of audio, and at each change."""
        return self._untold_s >= UPDATE_S or self._is_changed(now)

    def update(self, now: float, *, final: bool = False) -> StreamUpdate:
        """Tell how it stands; the next one is due a second later.

        ``final`` tells of the whole stream and not of the present: what was heard before it fell silent counts.
        """
        state, live, changed = self.state(now), self.live, self._is_changed(now)
        self._reported, self._untold_s, self._alarm_untold = (state, live.verdict), 0.0, False
        scored = live.verdict != "silenced" and (final or state in ("listening", "quiet"))
        return StreamUpdate(
            stream=self.start.stream,
            call_id=self.call_id,
            state=state,
            verdict=live.verdict,
            cm_score=live.cm_score if scored else None,
            p_bonafide=live.p_bonafide if scored else None,
            speech_s=live.speech_s,
            position_s=self.session.position_s,
            lost_s=self.session.lost_s,
            level_db=self._level_db,
            lag_s=self.session.take_worst_lag(),
            realtime_factor=self.session.realtime_factor,
            changed=changed,
            live=live,
        )

    def _is_changed(self, now: float) -> bool:
        return self._alarm_untold or self._reported != (self.state(now), self.live.verdict)

    def _is_quiet(self) -> bool:
        settings = self._settings
        return self._subject.is_device and bool(settings.quiet_alert_s) and self._quiet_s >= settings.quiet_alert_s

    def _is_file(self) -> bool:
        return self._subject.kind == "file"
