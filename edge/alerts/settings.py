"""The table ``[alerts]`` of the configuration as frozen values, and the alert channels that it describes.

[alerts]
cooldown_s = 60

[alerts.webhook]
enabled = true
url = "https://example.org/hook"
secret_env = "BONAFONE_WEBHOOK_SECRET"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from typing import Any, ClassVar

from edge.alerts import channels
from edge.alerts.channels.channel import DAY_S, Channel, ChannelContext, ChannelSettings, Need
from edge.alerts.event import AlertConfigError
from edge.settings import build_settings, check_range


@dataclass(frozen=True)
class RetryPolicy:
    """Waiting times between attempts.

    Attributes
    ----------
    first_s : seconds before the second attempt, above 0.
    longest_s : seconds that no wait exceeds, at least ``first_s``.
    """

    first_s: float = 2.0
    longest_s: float = 300.0

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.longest_s:
            raise AlertConfigError(
                f"first_s: expected 0 < first_s <= longest_s, got first_s {self.first_s} and longest_s {self.longest_s}"
            )


@dataclass(frozen=True)
class AlertSettings:
    """The table ``[alerts]``; `settings_type` adds the tables of the channels.

    Attributes
    ----------
    outbox : path of the SQLite file.
    cooldown_s : seconds after an alert in which further ones of the same kind and source stay quiet.
    keep_days : days after which settled events are forgotten.
    show_numbers, show_names : whether numbers, and names and file names, are stored and sent unhidden.
    retry : waiting times between attempts.
    """

    kinds: ClassVar[Mapping[str, type[Channel]]] = {}
    """Name of each channel → its class."""

    outbox: str = "~/.local/state/bonafone/alerts.sqlite"
    cooldown_s: float = 60.0
    keep_days: float = 30.0
    show_numbers: bool = False
    show_names: bool = False
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        check_range(self, "cooldown_s", 0.0, DAY_S)
        check_range(self, "keep_days", 1.0, 3650.0)
        if not self.outbox:
            raise AlertConfigError("outbox is empty; give the path of the SQLite file")

    def channels(self) -> dict[str, ChannelSettings]:
        """Return the settings of every channel by its name, on or off."""
        return {name: getattr(self, name) for name in self.kinds}

    def enabled(self) -> list[str]:
        """Return the names of the channels that are on."""
        return [name for name, channel in self.channels().items() if channel.enabled]

    def needs(self, name: str, environment: Mapping[str, str]) -> list[Need]:
        """List what a channel needs as it is configured, on or off, and whether it is there."""
        return self.kinds[name].needs(self.channels()[name], environment)

    def warnings(self, environment: Mapping[str, str]) -> list[str]:
        """List what is wrong with the channels that are on and does not keep them from working."""
        needs = [(name, need) for name in self.enabled() for need in self.needs(name, environment)]
        return [f"alerts.{name}: {need.advice}" for name, need in needs if need.present and need.advice]

    def build(self, name: str, context: ChannelContext) -> Channel:
        """Build a channel, on or off.

        Raises
        ------
        AlertConfigError
            A secret is missing or of the wrong form, a value does not fit, or a package or program is not there.
        """
        try:
            return self.kinds[name](self.channels()[name], context)
        except AlertConfigError as error:
            raise AlertConfigError(f"alerts.{name}: {error}") from error

    def build_enabled(self, context: ChannelContext) -> list[Channel]:
        """Build every channel that is on, as `build` does; none stays open when one cannot be built."""
        built: list[Channel] = []
        try:
            for name in self.enabled():
                built.append(self.build(name, context))
        except BaseException:
            for channel in built:
                channel.close()
            raise
        return built


@cache
def settings_type(kinds: tuple[type[Channel], ...]) -> type[AlertSettings]:
    """Make the `AlertSettings` that have a table for each channel of ``kinds``."""
    tables = [(kind.name, kind.Settings, field(default_factory=kind.Settings)) for kind in kinds]
    namespace = {"kinds": {kind.name: kind for kind in kinds}}
    return make_dataclass("AlertSettings", tables, bases=(AlertSettings,), frozen=True, namespace=namespace)


def settings_from_table(
    table: Any, where: str = "alerts", kinds: Sequence[type[Channel]] | None = None
) -> AlertSettings:
    """Build the settings from the table ``alerts``; what it does not name keeps its default.

    Parameters
    ----------
    table : what the file holds.
    where : stands before each error.
    kinds : the channels; None for all that are registered.

    Raises
    ------
    AlertConfigError
        An unknown or ill-typed key, or a value out of range.

    >>> settings_from_table({"terminal": {"enabled": True}}).enabled()
    ['terminal']
    """
    kind = settings_type(tuple(channels.CHANNELS if kinds is None else kinds))
    return build_settings(kind, table, where, error=AlertConfigError)
