"""ntfy, Telegram, mail and many more through apprise, which has no queue of its own: the outbox stands before it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from edge.alerts.channels.channel import (
    HOUR_S,
    Channel,
    ChannelContext,
    ChannelSettings,
    Need,
    SecretSource,
    need_package,
    need_secret,
)
from edge.alerts.event import AlertConfigError, AlertEvent, DeliveryError

_REMEMBERED = 1000


@dataclass(frozen=True)
class AppriseSettings(ChannelSettings):
    """The table ``[alerts.apprise]``: where the services' URLs are, one a line, most of them with a token.

    ``timeout_s`` bounds each service's connection and answer.
    """

    expires_s: float = HOUR_S
    urls_env: str | None = None
    urls_file: str | None = None

    def urls(self) -> SecretSource:
        """Return where the URLs are."""
        return SecretSource("urls", self.urls_env, self.urls_file)


class AppriseChannel(Channel):
    """Notify the services behind the URLs.

    All of them are one delivery: when one of several fails, the next attempt goes to that one alone, as long as the
    process lives.

    Raises
    ------
    AlertConfigError
        The URLs are missing, or apprise does not know one of them.
    """

    name = "apprise"
    Settings = AppriseSettings
    advice = "check the addresses in the file or variable of urls"

    def __init__(self, settings: AppriseSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        urls = settings.urls().read(context.environment).reveal().split()
        apprise = import_module("apprise")
        self._warning = apprise.NotifyType.WARNING
        # It logs URLs with their tokens when it cannot read them.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        self._services = []
        for number, url in enumerate(urls, 1):
            limits = f"{'&' if '?' in url else '?'}cto={settings.timeout_s:g}&rto={settings.timeout_s:g}"
            service = apprise.Apprise.instantiate(url + limits, suppress_exceptions=True)
            if service is None:
                raise AlertConfigError(
                    f"apprise: URL {number} of {len(urls)} is not understood; expected SERVICE://… as apprise's "
                    "documentation of the service shows it (the URL is not printed here: it may hold a token)"
                )
            self._services.append(service)
        self._notified: dict[str, set[int]] = {}
        self.longest_s = 2 * settings.timeout_s * len(self._services)

    @classmethod
    def needs(cls, settings: AppriseSettings, environment: Mapping[str, str]) -> list[Need]:
        """List the package apprise and the URLs."""
        return [need_package("apprise", "apprise"), need_secret(settings.urls(), environment)]

    def send(self, event: AlertEvent) -> None:
        """Notify each service that has not received this event yet."""
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
