"""From settings to channels: secrets are fetched and optional packages imported here, and only for what is on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from edge.alerts.channels.channel import Channel
from edge.alerts.errors import AlertConfigError
from edge.alerts.secret import Secret
from edge.alerts.settings import (
    AlertSettings,
    AppriseSettings,
    CommandSettings,
    DesktopSettings,
    GpioSettings,
    MqttSettings,
    TermuxVibrateSettings,
    WebhookSettings,
)

if TYPE_CHECKING:
    from edge.alerts.channels.mqtt import Broker

_MQTT_PORT, _MQTT_TLS_PORT = 1883, 8883


@dataclass(frozen=True)
class Surroundings:
    """What the channels take from the outside: ``clock`` in seconds since 1970, ``terminal`` usually stderr.

    ``present`` is False for a short command that sends beside the running service (see `MqttChannel`).
    """

    environment: Mapping[str, str]
    terminal: TextIO
    clock: Callable[[], float]
    present: bool = True


def build_channels(settings: AlertSettings, around: Surroundings) -> list[Channel]:
    """Build every channel that is on; none stays open when one cannot be built.

    Raises
    ------
    AlertConfigError
        A secret is missing or of the wrong form, or a value does not fit.
    MissingPartError
        A package or program that a channel needs is not installed.
    """
    built: list[Channel] = []
    try:
        for name, channel in settings.channels().items():
            if channel.enabled:
                built.append(build_channel(name, settings, around))
    except BaseException:
        for open_one in built:
            open_one.close()
        raise
    return built


def build_channel(name: str, settings: AlertSettings, around: Surroundings) -> Channel:
    """Build one channel, on or off; raises as `build_channels` does."""
    try:
        return _BUILDERS[name](settings, around)
    except AlertConfigError as error:
        # Keep the kind: a missing package is told apart from a wrong value.
        raise type(error)(f"alerts.{name}: {error}") from error


def _terminal(settings: AlertSettings, around: Surroundings) -> Channel:
    from edge.alerts.channels.terminal import TerminalChannel

    return TerminalChannel(around.terminal, bell=settings.terminal.bell)


def _desktop(settings: AlertSettings, around: Surroundings) -> Channel:
    from edge.alerts.channels.desktop import DesktopChannel, NotifySendChannel

    desktop: DesktopSettings = settings.desktop
    if desktop.method == "dbus":
        return DesktopChannel(timeout_s=desktop.timeout_s)
    return NotifySendChannel(timeout_s=desktop.timeout_s, environment=around.environment)


def _command(settings: AlertSettings, around: Surroundings) -> Channel:
    from edge.alerts.channels.command import CommandChannel

    command: CommandSettings = settings.command
    return CommandChannel(command.command, timeout_s=command.timeout_s, environment=around.environment)


def _webhook(settings: AlertSettings, around: Surroundings) -> Channel:
    from edge.alerts.channels.webhook import WebhookChannel
    from edge.alerts.signing import signing_key

    webhook: WebhookSettings = settings.webhook
    keys = [signing_key(place.read(around.environment)) for place in webhook.secrets()]
    return WebhookChannel(webhook.url, keys, timeout_s=webhook.timeout_s, clock=around.clock)


def _mqtt(settings: AlertSettings, around: Surroundings) -> Channel:
    from edge.alerts.channels.homeassistant import Topics
    from edge.alerts.channels.mqtt import MqttChannel

    mqtt: MqttSettings = settings.mqtt
    return MqttChannel(
        mqtt_broker(mqtt, around.environment),
        Topics(mqtt.device_id, mqtt.discovery_prefix),
        device_name=mqtt.device_name,
        off_delay_s=mqtt.off_delay_s,
        timeout_s=mqtt.timeout_s,
        present=around.present,
    )


def mqtt_broker(mqtt: MqttSettings, environment: Mapping[str, str]) -> Broker:
    """Where the broker is and who we are to it, with the port that is usual.

    Raises
    ------
    AlertConfigError
        The password is not where the settings say, or the host is none.
    """
    from edge.alerts.channels.mqtt import Broker

    place = mqtt.password()
    return Broker(
        mqtt.host,
        mqtt.port or (_MQTT_TLS_PORT if mqtt.tls else _MQTT_PORT),
        mqtt.username,
        place.read(environment) if place.given else None,
        mqtt.tls,
        mqtt.ca_file,
    )


def _apprise(settings: AlertSettings, around: Surroundings) -> Channel:
    from edge.alerts.channels.apprise import AppriseChannel

    apprise: AppriseSettings = settings.apprise
    urls = apprise.urls().read(around.environment).reveal().split()
    return AppriseChannel([Secret(url) for url in urls], timeout_s=apprise.timeout_s)


def _gpio(settings: AlertSettings, around: Surroundings) -> Channel:
    from edge.alerts.channels.gpio import GpioChannel

    gpio: GpioSettings = settings.gpio
    return GpioChannel(gpio.device, gpio.pin, on_s=gpio.on_s, off_s=gpio.off_s, count=gpio.count)


def _termux_vibrate(settings: AlertSettings, around: Surroundings) -> Channel:
    from edge.alerts.channels.termux import TermuxVibrateChannel

    vibrate: TermuxVibrateSettings = settings.termux_vibrate
    return TermuxVibrateChannel(
        vibrate.pulses_ms, vibrate.pause_ms, timeout_s=vibrate.timeout_s, environment=around.environment
    )


def _termux_notify(settings: AlertSettings, around: Surroundings) -> Channel:
    from edge.alerts.channels.termux import TermuxNotifyChannel

    return TermuxNotifyChannel(timeout_s=settings.termux_notify.timeout_s, environment=around.environment)


_BUILDERS: dict[str, Callable[[AlertSettings, Surroundings], Channel]] = {
    "terminal": _terminal,
    "desktop": _desktop,
    "command": _command,
    "webhook": _webhook,
    "mqtt": _mqtt,
    "apprise": _apprise,
    "gpio": _gpio,
    "termux_vibrate": _termux_vibrate,
    "termux_notify": _termux_notify,
}
