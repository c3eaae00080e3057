"""A test of the alerts: each channel that is on is built, sent one event, and asked what became of it.

It goes past the outbox's workers. Through them it would send what waits there too, which a wrong secret would then turn
into refused alerts; and a service that runs beside it would take the test, and answer for its own configuration.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from edge.alerts.assembly import Surroundings, build_channel
from edge.alerts.channels.channel import Channel
from edge.alerts.delivery import attempt
from edge.alerts.errors import AlertConfigError
from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.outbox import Outbox
from edge.alerts.settings import AlertSettings

ADVICE = {
    "terminal": "look at this terminal",
    "desktop": "log in to the desktop on this machine, or set method in [alerts.desktop]",
    "command": "run the command by hand and see what it says",
    "webhook": "check url, that the receiver runs, and that both sides have the same secret",
    "mqtt": "check host, port, username, password and tls against the broker's",
    "apprise": "check the addresses in the file or variable of urls",
    "gpio": "check pin and wiring, and that nothing else holds the pin",
    "termux_vibrate": "open the app Termux:API once and allow it to run in the background",
    "termux_notify": "allow notifications for the app Termux:API",
}
"""Name of a channel → what to look at where its receiver does not say."""
TIMEOUT_S = 30.0
"""Longer than most channels try; those that try longer were told to."""


@dataclass(frozen=True)
class Trial:
    """What became of the test over one channel: ``problem`` and ``advice`` are empty where it arrived."""

    channel: str
    arrived: bool
    event_id: str
    problem: str = ""
    advice: str = ""


def try_channels(
    settings: AlertSettings, channels: Sequence[str], around: Surroundings, *, source: str, timeout_s: float = TIMEOUT_S
) -> list[Trial]:
    """Send one event of the kind ``test`` over each of ``channels``, all at once; wait for at most ``timeout_s``.

    One that cannot be built keeps none of the others from its test. The outbox keeps the event and what became of it,
    and what has not arrived is not sent later: nobody waits for it any more. ``source`` says who tests.

    Raises
    ------
    OutboxError
        The outbox cannot be used, and so no alert could be sent either.
    """
    event = AlertEvent(
        id=new_event_id(), kind="test", time_s=around.clock(), source=source, note="nothing is wrong, this is a test"
    )
    with Outbox(Path(settings.outbox).expanduser(), clock=around.clock, rng=random.Random()) as outbox:
        trials = _send(settings, channels, around, event, timeout_s)
        outbox.record_test(event, {trial.channel: trial.problem for trial in trials})
    return trials


def _send(
    settings: AlertSettings, channels: Sequence[str], around: Surroundings, event: AlertEvent, timeout_s: float
) -> list[Trial]:
    trials: dict[str, Trial] = {}
    sendings: dict[str, _Sending] = {}
    for name in channels:
        try:
            sendings[name] = _Sending(build_channel(name, settings, around), event)
            sendings[name].start()
        except AlertConfigError as error:
            # The message of a part that is missing says itself what to do.
            trials[name] = Trial(name, False, event.id, str(error))
    deadline = time.monotonic() + timeout_s
    for name, sending in sendings.items():
        sending.join(max(0.0, deadline - time.monotonic()))
        problem = f"nothing came back in {timeout_s:g} s" if sending.problem is None else sending.problem
        trials[name] = Trial(name, not problem, event.id, problem, ADVICE[name] if problem else "")
    return [trials[name] for name in channels]


class _Sending(Thread):
    """One attempt over one channel: ``problem`` is None until it has ended, and empty where it arrived.

    A daemon, since a program that ends does not wait for a receiver that hangs.
    """

    def __init__(self, channel: Channel, event: AlertEvent) -> None:
        super().__init__(name=f"test-{channel.name}", daemon=True)
        self._channel, self._event = channel, event
        self.problem: str | None = None

    def run(self) -> None:
        try:
            failure = attempt(self._channel, self._event)
            self.problem = "" if failure is None else str(failure)
        finally:
            self._channel.close()
