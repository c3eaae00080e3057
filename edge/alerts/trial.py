"""A test of the alerts: each channel that is on is built, sent one event, and asked what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TextIO

from edge.alerts.errors import AlertConfigError
from edge.alerts.events import AlertEvent, new_event_id
from edge.alerts.service import Alerts
from edge.alerts.settings import AlertSettings

_ADVICE = {
    "terminal": "look at this terminal",
    "desktop": "log in to a desktop on this machine, or set method in [alerts.desktop]",
    "command": "run the command by hand and see what it says",
    "webhook": "check url, that the receiver runs, and that both sides have the same secret",
    "mqtt": "check host, port, username, password and tls against the broker's",
    "apprise": "check the addresses in the file or variable of urls",
    "gpio": "check pin and wiring, and that nothing else holds the pin",
    "termux_vibrate": "open the app Termux:API once and allow it to run in the background",
    "termux_notify": "allow notifications for the app Termux:API",
}
_POLL_S = 0.05


@dataclass(frozen=True)
class Trial:
    """What became of the test over one channel: ``problem`` and ``advice`` are empty where it arrived."""

    channel: str
    arrived: bool
    event_id: str
    problem: str = ""
    advice: str = ""


def try_channels(
    settings: AlertSettings,
    channels: Sequence[str],
    *,
    environment: Mapping[str, str],
    terminal: TextIO,
    timeout_s: float,
    clock: Callable[[], float] = time.time,
) -> list[Trial]:
    """Send one event of the kind ``test`` over each of ``channels``, all at once; wait for at most ``timeout_s``.

    Each has an event of its own, so that one that cannot be built keeps none of the others from its test. What has
    not left when the time is over is not sent later, for nobody waits for it any more.

    Raises
    ------
    OutboxError
        The outbox cannot be used.
    """
    trials: dict[str, Trial] = {}
    running: dict[str, tuple[Alerts, str]] = {}
    with ExitStack() as stack:
        for name in channels:
            alone = _alone(settings, name, expires_s=max(1.0, timeout_s))
            event = _test_event(clock())
            try:
                alerts = stack.enter_context(
                    Alerts(alone, environment=environment, terminal=terminal, clock=clock, present=False)
                )
            except AlertConfigError as error:
                # The message of a part that is missing says itself what to do.
                trials[name] = Trial(name, False, event.id, str(error))
                continue
            alerts.publish(event, cooldown_s=0.0)
            running[name] = alerts, event.id
        deadline = time.monotonic() + timeout_s
        while len(trials) < len(channels):
            late = time.monotonic() > deadline
            for name, (alerts, event_id) in running.items():
                if name not in trials and (trial := _outcome(alerts, name, event_id, late, timeout_s)):
                    trials[name] = trial
            time.sleep(_POLL_S)
    return [trials[name] for name in channels]


def _outcome(alerts: Alerts, name: str, event_id: str, late: bool, timeout_s: float) -> Trial | None:
    (delivery,) = alerts.outbox.deliveries(event_id)
    if delivery.state == "done":
        return Trial(name, True, event_id)
    problem = delivery.last_error
    if problem is None and delivery.state == "pending" and not late:
        return None
    trouble = alerts.troubles().get(name)
    return Trial(name, False, event_id, problem or trouble or f"nothing came back in {timeout_s:g} s", _ADVICE[name])


def _alone(settings: AlertSettings, name: str, *, expires_s: float) -> AlertSettings:
    """The settings with this channel alone."""
    channels = {
        other: replace(channel, enabled=other == name, expires_s=expires_s if other == name else channel.expires_s)
        for other, channel in settings.channels().items()
    }
    return replace(settings, **channels)  # type: ignore[arg-type] # each keeps its kind


def _test_event(now_s: float) -> AlertEvent:
    return AlertEvent(
        id=new_event_id(), kind="test", time_s=now_s, source="edge alerts test", note="nothing is wrong, this is a test"
    )
