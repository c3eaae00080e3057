"""What every channel is to the worker that feeds it."""

from __future__ import annotations

from typing import Protocol

from edge.alerts.event import AlertEvent


class Channel(Protocol):
    """One way to a person or a program.

    Attributes
    ----------
    name : as in the configuration and the outbox.
    longest_s : seconds that `send` takes at most; no other worker repeats the attempt within twice of it.
    """

    @property
    def name(self) -> str: ...

    @property
    def longest_s(self) -> float: ...

    def send(self, event: AlertEvent) -> None:
        """Deliver; return only when it has arrived as far as this channel can tell.

        Raises
        ------
        DeliveryError
            It did not; its message holds no secret.
        """

    def close(self) -> None:
        """Free what the channel holds."""
