"""The workers that drain the outbox, one a channel: a receiver that hangs must not hold up the buzzer.

A test alert goes past them. Through them it would send what waits there too, which a wrong secret would then turn into
refused alerts; and a service that runs beside it would send the test by its own configuration.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from edge.alerts.channels.channel import Channel, ChannelContext
from edge.alerts.event import AlertConfigError, AlertEvent, DeliveryError, OutboxError, new_event_id
from edge.alerts.outbox import Claim, Outbox
from edge.alerts.settings import AlertSettings

POLL_S = 1.0
"""How often, in seconds, a worker looks for what has come due or another process has written."""
TIMEOUT_S = 30.0
"""Wait for a test alert: longer than most channels try; those that try longer are configured to."""


def attempt(channel: Channel, event: AlertEvent) -> DeliveryError | None:
    """Send an event once; return what went wrong, in words that hold no secret, or None where it arrived."""
    try:
        channel.send(event)
    except DeliveryError as error:
        return error
    except Exception as error:  # noqa: BLE001 - it must not end the thread that alerts
        # Its text may quote a URL with a token.
        return DeliveryError(f"{channel.name} failed unexpectedly: {type(error).__name__}")
    return None


class Worker:
    """Deliver what the outbox holds for one channel, oldest first."""

    def __init__(self, outbox: Outbox, channel: Channel) -> None:
        self._outbox, self.channel = outbox, channel
        # Twice, since a claim that runs out early is sent twice.
        self._lease_s = 2 * channel.longest_s
        self._closed_by: str | None = None

    def drain(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Attempt everything that is due, until ``stopped()``; returns the number of attempts.

        Raises
        ------
        OutboxError
            The outbox cannot be used now. An attempt that it could not settle is repeated when its lease runs out.
        """
        attempts = 0
        while not stopped() and (claim := self._outbox.claim(self.channel.name, lease_s=self._lease_s)) is not None:
            attempts += 1
            failure = self._attempt(claim)
            if failure is None:
                self._outbox.succeeded(claim)
            else:
                self._outbox.failed(claim, failure)
        return attempts

    def _attempt(self, claim: Claim) -> DeliveryError | None:
        if self._closed_by is not None:
            return DeliveryError(self._closed_by, retry=False)
        failure = attempt(self.channel, claim.event)
        if failure is not None and failure.closes_channel:
            self._closed_by = str(failure)
        return failure


class Dispatcher:
    """Run a `Worker` for every channel in a thread of its own.

    Parameters
    ----------
    open_outbox : opens the outbox anew; called in each thread.
    channels : closed by `close`.
    poll_s : seconds between two looks when nothing wakes it.
    """

    def __init__(
        self, open_outbox: Callable[[], Outbox], channels: Sequence[Channel], *, poll_s: float = POLL_S
    ) -> None:
        self._open_outbox, self._channels, self._poll_s = open_outbox, tuple(channels), poll_s
        self._stop = threading.Event()
        self._wakes = {channel.name: threading.Event() for channel in self._channels}
        self._troubles: dict[str, str] = {}
        # Daemons: a program that ends does not wait for a receiver that hangs; the outbox keeps what is undone.
        self._threads = [
            threading.Thread(target=self._run, args=(channel,), name=f"alert-{channel.name}", daemon=True)
            for channel in self._channels
        ]

    def start(self) -> None:
        """Start the threads; what an earlier process left is delivered now."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Make the workers look at once, since something was published."""
        for event in self._wakes.values():
            event.set()

    def troubles(self) -> dict[str, str]:
        """Return by channel why its worker cannot use the outbox now; empty when all is well."""
        return dict(self._troubles)

    def close(self, *, timeout_s: float = 5.0) -> bool:
        """End the threads and close the channels; returns whether all had ended within ``timeout_s`` seconds."""
        self._stop.set()
        self.wake()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        for channel, thread in zip(self._channels, self._threads, strict=True):
            # One that is still sending would have its channel closed under it.
            if not thread.is_alive():
                channel.close()
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, channel: Channel) -> None:
        wake = self._wakes[channel.name]
        while not self._stop.is_set():
            try:
                with self._open_outbox() as outbox:
                    worker = Worker(outbox, channel)
                    while not self._stop.is_set():
                        wake.clear()
                        worker.drain(self._stop.is_set)
                        self._troubles.pop(channel.name, None)
                        wake.wait(self._poll_s)
            except OutboxError as error:
                # A full disk or a lock can pass.
                self._troubles[channel.name] = str(error)
                self._stop.wait(self._poll_s)


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
