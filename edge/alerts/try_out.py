"""A test alert: each channel is built and sent one event, and what became of it is kept.

It goes past the outbox's workers. Through them it would send what waits there too, which a wrong secret would then turn
into refused alerts; and a service that runs beside it would send the test by its own configuration.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from edge.alerts.channels.channel import Channel, ChannelContext
from edge.alerts.delivery import attempt
from edge.alerts.errors import AlertConfigError
from edge.alerts.event import AlertEvent, new_event_id
from edge.alerts.outbox import Outbox
from edge.alerts.settings import AlertSettings

TIMEOUT_S = 30.0
"""Longer than most channels try; those that try longer are configured to."""


@dataclass(frozen=True)
class ChannelResult:
    """What became of a test alert over one channel: ``problem`` and ``advice`` are empty where it arrived."""

    channel: str
    arrived: bool
    event_id: str
    problem: str = ""
    advice: str = ""


def send_test_alert(
    settings: AlertSettings, names: Sequence[str], context: ChannelContext, *, source: str, timeout_s: float = TIMEOUT_S
) -> list[ChannelResult]:
    """Send one event of the kind ``test`` over the channels ``names``, all at once; wait for at most ``timeout_s``.

    One that cannot be built keeps none of the others from its test. The outbox keeps the event and what became of it,
    and what has not arrived is not sent later: nobody waits for it any more. ``source`` says who tests.

    Raises
    ------
    OutboxError
        The outbox cannot be used, and so no alert could be sent either.
    """
    note = "nothing is wrong, this is a test"
    event = AlertEvent(id=new_event_id(), kind="test", time_s=context.clock(), source=source, note=note)
    with Outbox(Path(settings.outbox).expanduser(), clock=context.clock) as outbox:
        results = _send(settings, names, context, event, timeout_s)
        outbox.record_test(event, {result.channel: result.problem for result in results})
    return results


def _send(
    settings: AlertSettings, names: Sequence[str], context: ChannelContext, event: AlertEvent, timeout_s: float
) -> list[ChannelResult]:
    results: dict[str, ChannelResult] = {}
    sendings: dict[str, _Sending] = {}
    for name in names:
        try:
            sendings[name] = _Sending(settings.build(name, context), event)
            sendings[name].start()
        except AlertConfigError as error:
            # The message of a part that is missing says itself what to do.
            results[name] = ChannelResult(name, False, event.id, str(error))
    deadline = time.monotonic() + timeout_s
    for name, sending in sendings.items():
        sending.join(max(0.0, deadline - time.monotonic()))
        problem = f"nothing came back in {timeout_s:g} s" if sending.problem is None else sending.problem
        advice = settings.kinds[name].advice if problem else ""
        results[name] = ChannelResult(name, not problem, event.id, problem, advice)
    return [results[name] for name in names]


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
