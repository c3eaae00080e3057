"""What an alert channel is: settings, needs, and one event at a time; each channel is a file beside this one."""

from __future__ import annotations

import os
import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, ClassVar, Literal, Protocol

from edge.alerts.errors import AlertConfigError, MissingPartError
from edge.alerts.event import AlertEvent
from edge.alerts.secret import SecretSource
from edge.settings import check_range

NOW_S, HOUR_S, DAY_S = 120.0, 3600.0, 86400.0


@dataclass(frozen=True)
class ChannelSettings:
    """The table of an alert channel; each channel adds its own fields. Every channel is off by default.

    Attributes
    ----------
    enabled : whether alerts go over the channel.
    expires_s : seconds for which a late delivery is of use. What calls a person during a call is useless minutes
        later, what keeps a record is not.
    timeout_s : bounds one step of an attempt, seconds.
    """

    enabled: bool = False
    expires_s: float = NOW_S
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        check_range(self, "expires_s", 1.0, 30 * DAY_S)
        check_range(self, "timeout_s", 0.05, 120.0)

    def require(self, name: str, hint: str) -> None:
        """Refuse a channel that is on without the setting ``name``."""
        if self.enabled and not getattr(self, name):
            raise AlertConfigError(f"{name} is missing; {hint}")


class Terminal(Protocol):
    """What alerts are written to on the terminal: a text stream, or a screen that keeps a panel."""

    def write(self, text: str, /) -> object:
        """Write whole lines."""

    def flush(self) -> None:
        """Write what is buffered."""


@dataclass(frozen=True)
class ChannelContext:
    """What a channel uses beside its settings: variables, terminal, clock.

    Attributes
    ----------
    environment : variables, where secrets and programs are looked up.
    terminal : the stream of the terminal channel.
    clock : seconds since 1970.
    present : whether this process stands for the device. False for a short command beside the running service, whose
        end must not show the device offline.
    sleep : waits so many seconds.
    """

    environment: Mapping[str, str]
    terminal: Terminal = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.time
    present: bool = True
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Need:
    """A package, program or secret that a channel needs, and whether it is there.

    Attributes
    ----------
    kind : ``package``, ``program`` or ``secret``.
    name : of the package or program; for a secret where it is looked for, never the secret.
    present : whether it is there.
    advice : what to do where it is missing, or about something wrong with it; else empty.
    """

    kind: Literal["package", "program", "secret"]
    name: str
    present: bool
    advice: str = ""


def need_package(module: str, name: str) -> Need:
    """Look for a Python package of the extra ``alerts``, by its module and its own name."""
    present = find_spec(module) is not None
    return Need("package", name, present, "" if present else "run: pip install 'bonafone[alerts]'")


def need_program(name: str, advice: str, environment: Mapping[str, str]) -> Need:
    """Look for a program on the PATH of ``environment``, or by its path; ``advice`` says how to get it."""
    present = shutil.which(os.path.expanduser(name), path=environment.get("PATH")) is not None
    return Need("program", name, present, "" if present else advice)


def need_secret(source: SecretSource, environment: Mapping[str, str]) -> Need:
    """Look for a secret, which is read and dropped; one that every user can read has advice though present."""
    try:
        source.read(environment)
    except AlertConfigError as error:
        return Need("secret", source.place, False, str(error))
    return Need("secret", source.place, True, source.warning())


class Channel(ABC):
    """An alert channel: it delivers events to a person or a program. Made from settings and a `ChannelContext`.

    Attributes
    ----------
    name : as in the configuration and the outbox.
    Settings : the dataclass of its table.
    advice : what to look at where its receiver does not say what is wrong.
    longest_s : seconds that `send` takes at most; no other worker repeats the attempt within twice of it.

    Raises
    ------
    MissingPartError
        A package or program that it needs is not there.
    AlertConfigError
        A secret is missing or of the wrong form, or a value does not fit.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[ChannelSettings]] = ChannelSettings
    advice: ClassVar[str]
    longest_s: float

    def __init__(self, settings: Any, context: ChannelContext) -> None:
        for need in self.needs(settings, context.environment):
            if need.kind != "secret" and not need.present:
                raise MissingPartError(
                    f"the channel {self.name} needs the {need.kind} {need.name}, which is not found; {need.advice}"
                )
        self.longest_s = settings.timeout_s + 1.0

    @classmethod
    def needs(cls, settings: Any, environment: Mapping[str, str]) -> list[Need]:
        """List what the channel needs as it is configured, without opening it: a pin or a broker may be in use."""
        return []

    @abstractmethod
    def send(self, event: AlertEvent) -> None:
        """Deliver an event; return only when it has arrived as far as this channel can see.

        Raises
        ------
        DeliveryError
            It did not arrive; the message holds no secret.
        """

    def reach(self) -> str:
        """Ask the receiver whether it answers, without an alert; return what was seen, or nothing if none can be asked.

        Raises
        ------
        DeliveryError
            It does not answer, or refuses.
        """
        return ""

    def close(self) -> None:  # noqa: B027 - most channels hold nothing
        """Free what the channel holds."""
