"""One call at a time: audio in, what to show out, a buzz when it must be felt.

    idle ──open──► listening ◄──► bonafide, spoof, uncertain     while there is audio
                      ◄──► silenced                              zeros, or Android says that it withholds
                      ◄──► blind                                 no audio comes, or the app says that none can
         ◄──close──

The verdicts are `edge.decision`'s. What is added here is the difference between silence, which says nothing about a
voice, and having no ears at all; neither ever carries a score.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from android_bridge.buzz import Buzz, Buzzer, Clock
from android_bridge.call import Call, check_call
from android_bridge.errors import CallStateError, PortError
from android_bridge.hearing import Hearing, MakeConverter
from android_bridge.notices import Notifier, notice
from android_bridge.pcm import check_rate, decode_pcm16
from android_bridge.recording import RecordingScorer, score_path
from android_bridge.screening import screen
from android_bridge.settings import GuardSettings
from edge.decision import LiveState
from edge.errors import EdgeError
from edge.resampling import Resampler
from edge.stream import StepModel


class CallGuard:
    """Guard one call after another. Not thread-safe: `android_bridge.bridge.Bridge` has the lock.

    Parameters
    ----------
    model : `edge.model.Model`, or `android_bridge.scorer.JavaInterpreterModel` where LiteRT runs in Java.
    buzzer, notifier, clock : the phone.
    settings : how calls are guarded.
    make_converter : the resampler; `android_bridge.polyphase.PolyphaseResampler` where there is no soxr.

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
        """Before the call: caution from the number, see `android_bridge.screening.screen`."""
        return screen(facts)

    def open(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Begin a call.

        Parameters
        ----------
        call : ``id``, a text that tells it from others and should hold no number, and ``route``, one of
            `android_bridge.call.ROUTES`.

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
        hearing = Hearing(self._model, self._point, self._make_converter)
        self._call = Call(identity, route, hearing, buzz, self._clock.monotonic())
        return self.poll()

    def push_pcm16(self, data: bytes, sample_rate: int, silenced: bool = False) -> dict[str, Any]:
        """Take a piece of the call's audio.

        Parameters
        ----------
        data : PCM16, little-endian, mono; 20 to 100 ms are usual.
        sample_rate : Hz, one of `android_bridge.pcm.SAMPLE_RATES`, the same for the whole call.
        silenced : Android says that it withholds the audio (`AudioRecordingConfiguration.isClientSilenced`). What
            comes with it is not heard, whatever it is.

        Raises
        ------
        PcmError
            The bytes are no PCM16 of that rate; nothing of them was heard, and the call goes on.
        CallStateError
            No call is open, or its audio has ended.
        EdgeError
            The model or the resampler failed: the call is ``blind`` from here on.
        """
        call = self._open_call()
        if call.ended:
            raise CallStateError(f"the audio of call {call.identity} has ended: close it and open another")
        rate = check_rate(sample_rate)
        call.hearing.check_rate(rate)
        samples = decode_pcm16(data, rate)
        if not len(samples):
            return self.poll()
        call.audio_at, call.withheld = self._clock.monotonic(), bool(silenced)
        call.heard += len(samples)
        if call.route == "none":
            call.route = "capture"
        # Withheld audio keeps its place in the stream, as the zeros that it ought to be.
        heard = np.zeros_like(samples) if silenced else samples
        return self._report(call, alarm=self._follow(call, call.hearing.push(heard, rate)))

    def poll(self) -> dict[str, Any]:
        """What is known now; also gives the reminder when it is due. To be called about once a second."""
        return {"state": "idle"} if self._call is None else self._report(self._call)

    def lose_route(self) -> dict[str, Any]:
        """The app knows that no audio can come: ``blind`` at once, until a piece comes after all."""
        call = self._open_call()
        call.route = "none"
        return self._report(call)

    def acknowledge(self) -> dict[str, Any]:
        """The user answered the alarm."""
        call = self._open_call()
        self._try(call, call.buzz.acknowledge)
        return self._report(call)

    def flush(self) -> dict[str, Any]:
        """End the audio and judge what was still held; the call stays open for its buzz."""
        call = self._open_call()
        if call.ended:
            return self._report(call)
        call.ended = True
        return self._report(call, alarm=self._follow(call, call.hearing.flush()))

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
        """Give the pattern once, outside of any call, so that its owner knows it; there is no reminder.

        Raises
        ------
        PortError
            The vibrator failed.
        """
        self._buzzer.buzz(self._settings.pattern)
        return {"total_ms": self._settings.pattern.total_ms}

    def score_recording(self, path: str, channel: str = "mix") -> dict[str, Any]:
        """After the call: the verdict on the dialler's recording, see `android_bridge.recording.score_path`.

        Raises
        ------
        CallStateError
            A call is open: the model follows one stream at a time.
        AudioError
            The recording cannot be read here; what the phone's own decoder gives goes to `open_recording`.
        """
        self._refuse_open_call("a recording is scored")
        return score_path(self._model, path, channel=channel, make_converter=self._make_converter)

    def open_recording(self, sample_rate: int) -> RecordingScorer:
        """After the call: what takes a recording that the phone decodes itself, block by block.

        Raises
        ------
        CallStateError
            A call is open: the model follows one stream at a time.
        PcmError
            A rate that it does not take.
        """
        self._refuse_open_call("a recording is scored")
        return RecordingScorer(self._model, check_rate(sample_rate), self._make_converter)

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

    def _follow(self, call: Call, states: Iterable[LiveState]) -> bool:
        """Take in the decider's states; whether one of them raised an alarm."""
        alarm = False
        try:
            for state in states:
                call.take(state, self._model.contract.frontend.sample_rate)
                if state.alarm:
                    alarm = True
                    self._raise_alarm(call)
        except EdgeError as error:
            # What was last shown would stand for audio that nobody heard.
            call.ended, call.route, call.trouble = True, "none", str(error)
            raise
        return alarm

    def _raise_alarm(self, call: Call) -> None:
        call.alarms += 1
        self._try(call, call.buzz.alarm)
        self._try(call, lambda: self._notifier.show(notice("spoof", call.identity)))

    def _report(self, call: Call, *, alarm: bool = False) -> dict[str, Any]:
        self._try(call, call.buzz.poll)
        shown = self._shown(call)
        # Once a call: a line that comes and goes must not ring each time.
        if shown in ("silenced", "blind") and shown not in call.told:
            call.told.add(shown)
            self._try(call, lambda: self._notifier.show(notice(shown, call.identity)))
        return call.report(shown, alarm=alarm)

    def _shown(self, call: Call) -> str:
        return call.shown(self._clock.monotonic() - call.audio_at, self._settings.blind_after_s)

    def _try(self, call: Call, act: Callable[[], None]) -> None:
        """Ask the phone for something; that it fails must not end the call, and must be seen."""
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
