"""Errors of the alerts, a branch of the runtime's tree."""

from __future__ import annotations

from edge.errors import ConfigError, EdgeError


class AlertError(EdgeError):
    """Base of every error that the alerts raise on purpose."""


class EventError(AlertError):
    """An event that cannot be built or read."""


class AlertConfigError(AlertError, ConfigError):
    """The configuration of the alerts cannot be read or does not fit."""


class MissingPartError(AlertConfigError):
    """A channel needs an optional package or a program that is not installed."""


class OutboxError(AlertError):
    """The outbox on disk cannot be opened, read or written."""


class DeliveryError(AlertError):
    """One attempt to deliver failed.

    Parameters
    ----------
    message : what failed, without any secret: it is kept in the outbox and shown.
    retry : whether a later attempt can succeed.
    retry_after_s : seconds that the receiver asked to wait, at least; None when it did not say.
    closes_channel : the receiver refuses every further event.
    """

    def __init__(
        self, message: str, *, retry: bool = True, retry_after_s: float | None = None, closes_channel: bool = False
    ) -> None:
        super().__init__(message)
        self.retry = retry and not closes_channel
        self.retry_after_s = retry_after_s
        self.closes_channel = closes_channel
