"""What each channel needs and whether it is there, without opening a channel: a pin or a broker may be in use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from edge.alerts.errors import AlertConfigError
from edge.alerts.secret import SecretSource
from edge.alerts.settings import AlertSettings

Kind = Literal["package", "program", "secret"]
_EXTRA = "run: pip install 'bonafone[alerts]'"
_TERMUX = "install the app Termux:API, and in Termux run: pkg install termux-api"

Have = Callable[[str], bool]


@dataclass(frozen=True)
class Need:
    """One thing that a channel needs.

    Attributes
    ----------
    kind : ``package``, ``program`` or ``secret``.
    name : of the package or program; for a secret where it is looked for, never the secret.
    present : whether it is there.
    advice : what to do where it is not, else empty.
    """

    kind: Kind
    name: str
    present: bool
    advice: str = ""


def has_package(name: str) -> bool:
    """Whether Python can import a module of this name."""
    return find_spec(name) is not None


def channel_needs(
    settings: AlertSettings, name: str, environment: Mapping[str, str], has: Have = has_package
) -> list[Need]:
    """What the channel ``name`` needs as it is configured, on or off; empty where it needs nothing.

    ``has`` says whether a module is installed.
    """
    return [
        *(
            Need("package", item, has(module), "" if has(module) else _EXTRA)
            for module, item in _packages(settings, name)
        ),
        *(_program(item, advice, environment) for item, advice in _programs(settings, name)),
        *(_secret(place, environment) for place in _secrets(settings, name)),
    ]


def _packages(settings: AlertSettings, name: str) -> list[tuple[str, str]]:
    """Modules with the names of their packages."""
    needed = {"mqtt": ("paho", "paho-mqtt"), "apprise": ("apprise", "apprise"), "gpio": ("gpiozero", "gpiozero")}
    if name == "desktop":
        return [("jeepney", "jeepney")] if settings.desktop.method == "dbus" else []
    return [needed[name]] if name in needed else []


def _programs(settings: AlertSettings, name: str) -> list[tuple[str, str]]:
    if name == "desktop" and settings.desktop.method == "notify-send":
        return [("notify-send", "install it, on Debian: apt install libnotify-bin")]
    if name == "command" and settings.command.command:
        return [(settings.command.command[0], "check the path in command, and that the file is executable")]
    termux = {"termux_vibrate": "termux-vibrate", "termux_notify": "termux-notification"}
    return [(termux[name], _TERMUX)] if name in termux else []


def _secrets(settings: AlertSettings, name: str) -> list[SecretSource]:
    if name == "webhook":
        return list(settings.webhook.secrets())
    if name == "apprise":
        return [settings.apprise.urls()]
    if name == "mqtt" and settings.mqtt.password().given:
        return [settings.mqtt.password()]
    return []


def _program(name: str, advice: str, environment: Mapping[str, str]) -> Need:
    present = shutil.which(os.path.expanduser(name), path=environment.get("PATH")) is not None
    return Need("program", name, present, "" if present else advice)


def _secret(place: SecretSource, environment: Mapping[str, str]) -> Need:
    try:
        place.read(environment)
    except AlertConfigError as error:
        return Need("secret", place.place, False, str(error))
    return Need("secret", place.place, True)
