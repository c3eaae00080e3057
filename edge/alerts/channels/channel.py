"""What an alert channel is: settings, needs, and one event at a time; each channel is a file beside this one.

Its secrets come from the environment or a file and are never printed.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from edge.alerts.event import AlertConfigError, AlertEvent
from edge.settings import check_range

NOW_S, HOUR_S, DAY_S = 120.0, 3600.0, 86400.0
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_PATH = re.compile(r"(/|~|\./|\.\./).*", re.DOTALL)


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
    AlertConfigError
        A package or program that it needs is not there, a secret is missing or of the wrong form, or a value does not
        fit.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[ChannelSettings]] = ChannelSettings
    advice: ClassVar[str]
    longest_s: float

    def __init__(self, settings: Any, context: ChannelContext) -> None:
        for need in self.needs(settings, context.environment):
            if need.kind != "secret" and not need.present:
                raise AlertConfigError(
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


class Secret:
    """A value that only `reveal` shows; its repr, its string and pickles of it do not."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself, for the one place that uses it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True)
class SecretSource:
    """Where a secret is: the name of an environment variable or the path of a file; never the secret itself."""

    where: str
    env: str | None = None
    file: str | None = None

    @property
    def given(self) -> bool:
        """Whether the configuration names a place at all."""
        return self.env is not None or self.file is not None

    @property
    def place(self) -> str:
        """The place in words. What does not look like one is not quoted: it may be the secret itself, by mistake."""
        if self.env is not None:
            return (
                f"variable {self.env}" if _VARIABLE.fullmatch(self.env) else f"the variable that {self.where}_env names"
            )
        if self.file is not None:
            return f"file {self.file}" if _PATH.fullmatch(self.file) else f"the file that {self.where}_file names"
        return f"{self.where}_env or {self.where}_file"

    def read(self, environment: Mapping[str, str]) -> Secret:
        """Fetch the secret; white space around it (the newline that editors add) is dropped.

        Raises
        ------
        AlertConfigError
            Two places are named or none, or there is nothing at the place.
        """
        if (self.env is None) == (self.file is None):
            raise AlertConfigError(
                f"{self.where}: expected one of {self.where}_env (a variable's name) or {self.where}_file (a path), "
                f"got {'both' if self.env else 'neither'}"
            )
        value = self._from_file() if self.env is None else self._from_environment(self.env, environment)
        if not value:
            raise AlertConfigError(f"{self.where}: {self.place} is empty; put the secret there")
        return Secret(value)

    def warning(self) -> str:
        """Return what is wrong with the permissions of the secret's file; empty where nothing is."""
        try:
            mode = 0 if self.file is None else stat.S_IMODE(os.stat(os.path.expanduser(self.file)).st_mode)
        except OSError:
            return ""
        if not mode & stat.S_IRWXO:
            return ""
        return f"every user of this machine can use {self.place} (its mode is {mode:04o}); run chmod 600 on it"

    def _from_file(self) -> str:
        path = Path(str(self.file)).expanduser()
        try:
            return path.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError:
            # Its text quotes the bytes, which are the secret.
            raise AlertConfigError(f"{self.where}: {self.place} is not UTF-8 text; write the secret as text") from None
        except OSError as error:
            raise AlertConfigError(
                f"{self.where}: {self.place} cannot be read ({error.strerror}); check the path and its permissions"
            ) from None

    def _from_environment(self, name: str, environment: Mapping[str, str]) -> str:
        if name not in environment:
            raise AlertConfigError(
                f"{self.where}: the environment has no {self.place.removeprefix('the ')}; set it where the program is "
                "started"
            )
        return environment[name].strip()
