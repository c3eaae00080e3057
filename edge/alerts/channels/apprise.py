"""ntfy, Telegram, mail and many more through apprise, which has no queue of its own: ours stands before it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from edge.alerts.errors import AlertConfigError, DeliveryError, import_part
from edge.alerts.event import AlertEvent
from edge.alerts.secret import Secret

_REMEMBERED = 1000


class AppriseChannel:
    """Notifies the services behind ``urls``, each a secret, since most hold a token.

    All of them are one delivery: when one of several fails, the next attempt goes to that one alone, as long as the
    process lives. ``timeout_s`` (seconds) bounds each service's connection and answer.

    Raises
    ------
    MissingPartError
        apprise is not installed.
    AlertConfigError
        apprise does not know one of the URLs.
    """

    name = "apprise"

    def __init__(self, urls: Sequence[Secret], *, timeout_s: float) -> None:
        apprise = import_part("apprise", self.name)
        self._warning = apprise.NotifyType.WARNING
        # It logs URLs with their tokens when it cannot read them.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        self._services = []
        for number, url in enumerate(urls, 1):
            separator = "&" if "?" in url.reveal() else "?"
            limits = f"{separator}cto={timeout_s:g}&rto={timeout_s:g}"
            service = apprise.Apprise.instantiate(url.reveal() + limits, suppress_exceptions=True)
            if service is None:
                raise AlertConfigError(
                    f"apprise: URL {number} of {len(urls)} is not understood; expected SERVICE://… as apprise's "
                    "documentation of the service shows it (the URL is not printed here: it may hold a token)"
                )
            self._services.append(service)
        self._notified: dict[str, set[int]] = {}
        self.longest_s = 2 * timeout_s * len(self._services)

    def send(self, event: AlertEvent) -> None:
        """Notify every service that has not got this event yet."""
        while len(self._notified) > _REMEMBERED:
            # Those that expired undelivered.
            del self._notified[next(iter(self._notified))]
        notified = self._notified.setdefault(event.id, set())
        failed = []
        for index, service in enumerate(self._services):
            if index in notified:
                continue
            if service.notify(body=event.summary(), title=event.title, notify_type=self._warning):
                notified.add(index)
            else:
                failed.append(f"{index + 1} ({service.service_name or 'unnamed'})")
        if failed:
            raise DeliveryError(f"apprise could not notify service {', '.join(failed)} of {len(self._services)}")
        del self._notified[event.id]

    def close(self) -> None:
        """Nothing to free."""
