"""Guard one call at a time: audio in, what to show out, a buzz when it must be felt; and recordings after it.

    idle ──open──► listening ◄──► bonafide, spoof, uncertain     while there is audio
                      ◄──► silenced                              zeros, or Android says that it withholds
                      ◄──► blind                                 no audio comes, or the app says that none can
         ◄──close──

The verdicts are `edge.decision`'s. Silence and receiving no audio differ here; neither ever carries a score.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from android_bridge.audio import check_rate, decode_pcm16
from android_bridge.errors import CallStateError, FactsError, PcmError, PortError
from android_bridge.phone import Buzz, Buzzer, Clock, Notifier, notice
from android_bridge.screening import screen
from android_bridge.settings import GuardSettings
from edge.decision import Decision, LiveState
from edge.errors import EdgeError, UnreadableAudioError
from edge.resampling import Resampler
from edge.scoring import ChannelScorer, score_file
from edge.settings import is_channel
from edge.stream import MakeConverter, StepModel, Stream

ROUTES = ("voip", "capture", "pbx", "second_device", "microphone", "none")
"""How the call's audio reaches the app; ``none`` where it does not."""
MAX_CALL_ID = 128
TIMELINE_POINTS = 1200
"""Chunks of which the score is kept, about five minutes."""
JUDGED = ("bonafide", "spoof", "uncertain")
"""The verdicts that carry a score."""


class Call:
    """One open call: its stream, its buzz, and what was last decided.

    Attributes
    ----------
    stream : at the rate of the first piece of audio; None before it.
    audio_at : when the last piece of audio came, by the guard's clock, seconds.
    samples : that came, at the call's own rate.
    last : the decider's last state, None before the first chunk.
    withheld : Android said with the last piece that it withholds the audio.
    ended : no more audio is accepted.
    noticed : kinds of notices that were shown.
    trouble : what of the phone failed last, for the screen.
    """

    def __init__(self, identity: str, route: str, buzz: Buzz, now: float) -> None:
        self.identity, self.route, self.buzz = identity, route, buzz
        self.stream: Stream | None = None
        self.audio_at = now
        self.samples = 0
        self.last: LiveState | None = None
        self.withheld = self.ended = False
        self.alarms = 0
        self.noticed: set[str] = set()
        self.timeline: deque[dict[str, Any]] = deque(maxlen=TIMELINE_POINTS)
        self.trouble: str | None = None

    def record(self, state: LiveState, sample_rate: int) -> None:
        """Keep the state after a chunk."""
        self.last = state
        cm_score = state.cm_score if state.verdict in JUDGED else None
        self.timeline.append({"end_s": state.end / sample_rate, "cm_score": cm_score, "verdict": state.verdict})

    def shown(self, waited_s: float, blind_after_s: float) -> str:
        """The state for the screen, ``waited_s`` seconds after the last audio."""
        # What was judged stays judged when its audio has ended; a call without any audio was never judged.
        no_audio = self.samples == 0 if self.ended else waited_s >= blind_after_s
        if self.route == "none" or no_audio:
            return "blind"
        verdict = None if self.last is None else self.last.verdict
        if self.withheld or verdict == "silenced":
            return "silenced"
        return verdict if verdict in JUDGED else "listening"

    def report(self, shown: str, *, alarm: bool) -> dict[str, Any]:
        """Everything for the app; a verdict only where audio comes, a score only with a verdict on a voice."""
        judged = self.last if shown in JUDGED else None
        verdict = None if self.last is None else self.last.verdict
        return {
            "call": self.identity,
            "state": shown,
            "verdict": {"blind": None, "silenced": "silenced"}.get(shown, verdict),
            "p_bonafide": None if judged is None else judged.p_bonafide,
            "cm_score": None if judged is None else judged.cm_score,
            "speech_s": 0.0 if self.last is None else self.last.speech_s,
            "heard_s": 0.0 if self.stream is None else self.samples / self.stream.sample_rate,
            "alarm": alarm,
            "alarms": self.alarms,
            "buzz": self.buzz.state,
            "trouble": self.trouble,
        }


def check_call(call: Mapping[str, Any]) -> tuple[str, str]:
    """Identity and route of a call that the app wants to open.

    Raises
    ------
    FactsError
        One of them is missing, or is none.
    """
    identity, route = call.get("id"), call.get("route", "capture")
    if not isinstance(identity, str) or not 0 < len(identity) <= MAX_CALL_ID:
        raise FactsError(f"id of the call {identity!r}: expected a text of 1 to {MAX_CALL_ID} characters")
    if route not in ROUTES:
        raise FactsError(f"route of the call {route!r}: expected one of {', '.join(ROUTES)}")
    return identity, route


class CallGuard:
    """Guard one call after another. Not thread-safe: `android_bridge.bridge.Bridge` has the lock.

    Parameters
    ----------
    model : `edge.model.Model`, or `android_bridge.scorer.JavaInterpreterModel` where LiteRT runs in Java.
    buzzer, notifier, clock : the phone.
    settings : how calls are guarded.
    make_converter : the resampler; `android_bridge.audio.PolyphaseResampler` where there is no soxr.

    Raises
    ------
    ContractMismatchError
        The model has no operating point of that name.
    """

    def __init__(
        self,
        model: StepModel,
        *,
        buzzer: Buzzer,
        notifier: Notifier,
        clock: Clock = time,
        settings: GuardSettings | None = None,
        make_converter: MakeConverter = Resampler,
    ) -> None:
        self._model, self._buzzer, self._notifier, self._clock = model, buzzer, notifier, clock
        self._settings, self._make_converter = settings or GuardSettings(), make_converter
        self._point = model.contract.operating_point(self._settings.operating_point)
        self._call: Call | None = None

    def screen(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Caution from the number, before the call; see `android_bridge.screening.screen`."""
        return screen(facts)

    def open(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Open a call.

        Parameters
        ----------
        call : ``id``, a text of the app's own that should hold no phone number, and ``route``, one of
            `ROUTES`.

        Raises
        ------
        CallStateError
            Another call is open.
        FactsError
            The id or the route is missing, or is none.
        """
        identity, route = check_call(call)
        self._refuse_open_call(f"the call {identity} is opened")
        buzz = Buzz(self._settings.pattern, self._buzzer, self._clock)
        self._call = Call(identity, route, buzz, self._clock.monotonic())
        return self.poll()

    def push_pcm16(self, data: bytes, sample_rate: int, silenced: bool = False) -> dict[str, Any]:
        """Score a piece of the call's audio.

        Parameters
        ----------
        data : PCM16, little-endian, mono; 20 to 100 ms are usual.
        sample_rate : Hz, one of `android_bridge.audio.SAMPLE_RATES`, the same for the whole call.
        silenced : Android says that it withholds the audio (`AudioRecordingConfiguration.isClientSilenced`). What
            comes with it is not scored, whatever it is.

        Raises
        ------
        PcmError
            The bytes are no PCM16 of that rate; nothing of them was scored, and the call goes on.
        CallStateError
            No call is open, or its audio has ended.
        EdgeError
            The model or the resampler failed: the call is ``blind`` from here on.
        """
        call = self._open_call()
        if call.ended:
            raise CallStateError(f"the audio of call {call.identity} has ended: close it and open another")
        rate = check_rate(sample_rate)
        if call.stream is not None and call.stream.sample_rate != rate:
            raise PcmError(
                f"the call began at {call.stream.sample_rate} Hz and goes on at {rate} Hz: expected one rate for a "
                "call; close it and open another when the route changes"
            )
        samples = decode_pcm16(data, rate)
        if not len(samples):
            return self.poll()
        call.audio_at, call.withheld = self._clock.monotonic(), bool(silenced)
        call.samples += len(samples)
        if call.route == "none":
            call.route = "capture"
        # Withheld audio keeps its place in the stream, as the zeros that it ought to be.
        audio = np.zeros_like(samples) if silenced else samples
        return self._report(call, alarm=self._follow(call, lambda: self._stream(call, rate).feed(audio)))

    def poll(self) -> dict[str, Any]:
        """Return the present state, and give the reminder when it is due; called about once a second."""
        return {"state": "idle"} if self._call is None else self._report(self._call)

    def lose_route(self) -> dict[str, Any]:
        """Show ``blind`` at once, since no audio can come, until a piece comes after all."""
        call = self._open_call()
        call.route = "none"
        return self._report(call)

    def acknowledge(self) -> dict[str, Any]:
        """Stop the buzz: the user answered the alarm."""
        call = self._open_call()
        self._try(call, call.buzz.acknowledge)
        return self._report(call)

    def flush(self) -> dict[str, Any]:
        """End the audio and score what was still held; the call stays open for its buzz."""
        call = self._open_call()
        if call.ended:
            return self._report(call)
        call.ended = True
        return self._report(call, alarm=self._follow(call, lambda: [] if call.stream is None else call.stream.flush()))

    def close(self) -> dict[str, Any]:
        """End the call: ``state`` is ``closed``, ``shown`` the last state before. Closing twice does nothing."""
        if self._call is None:
            return {"state": "idle"}
        call, self._call = self._call, None
        shown = self._shown(call)
        self._try(call, call.buzz.close)
        return {**call.report(shown, alarm=False), "state": "closed", "shown": shown}

    def timeline(self) -> list[dict[str, Any]]:
        """The last scores of the open call, one a chunk: ``end_s``, ``cm_score`` or None, ``verdict``."""
        return [] if self._call is None else list(self._call.timeline)

    def test_buzz(self) -> dict[str, Any]:
        """Give the pattern once, outside of any call, to try it; there is no reminder.

        Raises
        ------
        PortError
            The vibrator failed.
        """
        self._buzzer.buzz(self._settings.pattern)
        return {"total_ms": self._settings.pattern.total_ms}

    def score_recording(self, path: str, channel: str = "mix") -> dict[str, Any]:
        """Score the dialler's recording after the call; returns what `decide_recording` does.

        WAV is read here. What else phones write (M4A, AMR) needs PyAV, which Termux has and Chaquopy has not: there the
        app decodes with `MediaExtractor` and `MediaCodec` and passes PCM16 to what `open_recording` returns.

        Raises
        ------
        CallStateError
            A call is open: the model follows one stream at a time.
        AudioError
            The recording cannot be read, or lacks the channel.
        FactsError
            No single channel is meant.
        """
        self._refuse_open_call("a recording is scored")
        if channel == "each" or not is_channel(channel):
            raise FactsError(f"channel {channel!r}: expected mix, left, right or a number from 1")
        (score,) = score_file(
            self._model, path, channel=channel, keep_timeline=True, make_converter=self._make_converter
        )
        return _recording_report(score.decision, score.duration_s, score.model)

    def open_recording(self, sample_rate: int) -> ChannelScorer:
        """Open the scorer of a recording that the phone decodes itself, block by block.

        Raises
        ------
        CallStateError
            A call is open: the model follows one stream at a time.
        PcmError
            A rate that phones do not record at.
        """
        self._refuse_open_call("a recording is scored")
        rate = check_rate(sample_rate)
        return ChannelScorer(self._model, rate, keep_timeline=True, make_converter=self._make_converter)

    def decide_recording(self, recording: ChannelScorer) -> dict[str, Any]:
        """End a recording and decide on it.

        Returns
        -------
        ``verdict``, ``p_bonafide``, ``cm_score`` (None without a score), ``speech_s``, ``spoof_s``,
        ``spoof_passages`` (``start_s``, ``end_s``, ``cm_score`` of each), ``duration_s``, ``model``, ``timeline``
        (``end_s``, ``cm_score``, ``verdict`` of each chunk).

        Raises
        ------
        UnreadableAudioError
            It holds no samples.
        """
        if not recording.position:
            raise UnreadableAudioError("the recording holds no samples; expected speech of a second at least")
        return _recording_report(recording.flush(), recording.duration_s, self._model.contract.name)

    def describe(self) -> dict[str, Any]:
        """The model's name, its operating points with their measured costs, and which of them is in use."""
        contract = self._model.contract
        points = [
            {
                "name": point.name,
                "false_alarms_per_h": point.false_alarms_per_h,
                "caught_share": point.caught_share,
                "delay_median_s": point.delay_median_s,
            }
            for point in contract.operating_points
        ]
        return {"model": contract.name, "operating_point": self._point.name, "operating_points": points}

    def _stream(self, call: Call, sample_rate: int) -> Stream:
        if call.stream is None:
            call.stream = Stream(self._model, sample_rate, self._point, make_converter=self._make_converter)
        return call.stream

    def _follow(self, call: Call, advance: Callable[[], list[LiveState]]) -> bool:
        """Record the states that the stream gives; whether one of them raised an alarm."""
        try:
            states = advance()
        except EdgeError as error:
            # What was last shown would stand for audio that nobody scored.
            call.ended, call.route, call.trouble = True, "none", str(error)
            raise
        for state in states:
            call.record(state, self._model.contract.frontend.sample_rate)
            if state.alarm:
                self._raise_alarm(call)
        return any(state.alarm for state in states)

    def _raise_alarm(self, call: Call) -> None:
        call.alarms += 1
        self._try(call, call.buzz.alarm)
        self._try(call, lambda: self._notifier.show(notice("spoof", call.identity)))

    def _report(self, call: Call, *, alarm: bool = False) -> dict[str, Any]:
        self._try(call, call.buzz.poll)
        shown = self._shown(call)
        # Once a call: a line that comes and goes must not ring each time.
        if shown in ("silenced", "blind") and shown not in call.noticed:
            call.noticed.add(shown)
            self._try(call, lambda: self._notifier.show(notice(shown, call.identity)))
        return call.report(shown, alarm=alarm)

    def _shown(self, call: Call) -> str:
        return call.shown(self._clock.monotonic() - call.audio_at, self._settings.blind_after_s)

    def _try(self, call: Call, act: Callable[[], None]) -> None:
        """Call the phone; a failure must not end the call, and is reported as its trouble."""
        try:
            act()
        except PortError as error:
            call.trouble = str(error)

    def _open_call(self) -> Call:
        if self._call is None:
            raise CallStateError("no call is open: open one before its audio is pushed or its alarm is answered")
        return self._call

    def _refuse_open_call(self, what: str) -> None:
        if self._call is not None:
            raise CallStateError(f"call {self._call.identity} is open: close it before {what}")


def _recording_report(decision: Decision, duration_s: float, model: str) -> dict[str, Any]:
    points = [
        {"end_s": point.end_s, "cm_score": point.cm_score, "verdict": point.verdict} for point in decision.timeline
    ]
    return {
        "verdict": decision.verdict,
        "p_bonafide": decision.p_bonafide,
        "cm_score": decision.cm_score,
        "speech_s": decision.speech_s,
        "spoof_s": decision.spoof_s,
        "spoof_passages": [asdict(passage) for passage in decision.spoof_passages],
        "duration_s": duration_s,
        "model": model,
        "timeline": points,
    }
