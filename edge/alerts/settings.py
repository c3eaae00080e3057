"""The configuration of the alerts as frozen values, each checked once, here. Every channel is off by default.

``expires_s`` of a channel is for how long, in seconds, a late delivery is still of use: what calls a person in the
middle of a call is useless minutes later, what keeps a record is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from edge.alerts.errors import AlertConfigError
from edge.alerts.retry import RetryPolicy
from edge.alerts.secret import SecretSource

_NOW_S, _DAY_S = 120.0, 86400.0


@dataclass(frozen=True)
class ChannelSettings:
    """What every channel has; ``timeout_s`` bounds one step of an attempt, in seconds."""

    enabled: bool = False
    expires_s: float = _NOW_S
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        _within(self, "expires_s", 1.0, 30 * _DAY_S)
        _within(self, "timeout_s", 0.05, 120.0)

    def need(self, name: str, hint: str) -> None:
        """Refuse a channel that is on without ``name``."""
        if self.enabled and not getattr(self, name):
            raise AlertConfigError(f"{name} is missing; {hint}")


@dataclass(frozen=True)
class TerminalSettings(ChannelSettings):
    """A line on the terminal."""

    bell: bool = True


@dataclass(frozen=True)
class DesktopSettings(ChannelSettings):
    """A desktop notification; ``method`` is ``dbus`` or ``notify-send``."""

    method: str = "dbus"

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of(self, "method", ("dbus", "notify-send"))


@dataclass(frozen=True)
class CommandSettings(ChannelSettings):
    """A command of the user's: the program and its arguments, one item each."""

    expires_s: float = 3600.0
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.need("command", 'give the program and its arguments: command = ["/home/me/on-alert", "--loud"]')


@dataclass(frozen=True)
class WebhookSettings(ChannelSettings):
    """A signed POST; ``previous_secret_…`` is the old one while receivers still check it."""

    expires_s: float = _DAY_S
    url: str = field(default="", repr=False)
    secret_env: str | None = None
    secret_file: str | None = None
    previous_secret_env: str | None = None
    previous_secret_file: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.need("url", 'give the receiver\'s address: url = "https://…"')

    def secrets(self) -> tuple[SecretSource, ...]:
        """Where the secrets are, the current one first."""
        previous = SecretSource("previous_secret", self.previous_secret_env, self.previous_secret_file)
        current = SecretSource("secret", self.secret_env, self.secret_file)
        return (current, previous) if previous.given else (current,)


@dataclass(frozen=True)
class MqttSettings(ChannelSettings):
    """A broker with Home Assistant; ``off_delay_s`` is how long, in whole seconds, the alarm stays on there."""

    expires_s: float = 3600.0
    host: str = ""
    port: int | None = None
    username: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    tls: bool = False
    ca_file: str | None = None
    device_id: str = "bonafone"
    device_name: str = "bonafone"
    discovery_prefix: str = "homeassistant"
    off_delay_s: int = 60

    def __post_init__(self) -> None:
        super().__post_init__()
        self.need("host", 'give the broker\'s name: host = "homeassistant.local"')
        _within(self, "off_delay_s", 1, 86400)
        if self.port is not None:
            _within(self, "port", 1, 65535)
        if self.password().given and self.username is None:
            raise AlertConfigError("username is missing beside the password; MQTT sends none without the other")

    def password(self) -> SecretSource:
        """Where the password is, if any."""
        return SecretSource("password", self.password_env, self.password_file)


@dataclass(frozen=True)
class AppriseSettings(ChannelSettings):
    """URLs of apprise's services, one a line, in a file or a variable: most hold a token."""

    expires_s: float = 3600.0
    urls_env: str | None = None
    urls_file: str | None = None

    def urls(self) -> SecretSource:
        """Where the URLs are."""
        return SecretSource("urls", self.urls_env, self.urls_file)


@dataclass(frozen=True)
class GpioSettings(ChannelSettings):
    """A buzzer or LED: ``count`` times ``on_s`` seconds on and ``off_s`` off; ``pin`` as gpiozero names it."""

    device: str = "buzzer"
    pin: str = ""
    on_s: float = 0.3
    off_s: float = 0.2
    count: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        self.need("pin", 'give the pin: pin = "GPIO17"')
        _one_of(self, "device", ("buzzer", "led"))
        _within(self, "on_s", 0.01, 5.0)
        _within(self, "off_s", 0.01, 5.0)
        _within(self, "count", 1, 50)


@dataclass(frozen=True)
class TermuxVibrateSettings(ChannelSettings):
    """The phone vibrates: the pulses' lengths and the pause between two, in milliseconds."""

    pulses_ms: tuple[int, ...] = (800, 800, 800)
    pause_ms: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.pulses_ms) <= 10 or not all(10 <= pulse <= 5000 for pulse in self.pulses_ms):
            raise AlertConfigError(f"pulses_ms: expected 1 to 10 pulses of 10 to 5000, got {list(self.pulses_ms)}")
        _within(self, "pause_ms", 0, 5000)


@dataclass(frozen=True)
class TermuxNotifySettings(ChannelSettings):
    """The phone shows a notification."""


@dataclass(frozen=True)
class AlertSettings:
    """All of the alerts.

    Attributes
    ----------
    outbox : path of the SQLite file.
    cooldown_s : seconds after an alert in which further ones of the same kind and source stay quiet.
    keep_days : days after which settled events are forgotten.
    show_numbers, show_names : whether numbers, and names and file names, are stored and sent unhidden.
    """

    outbox: str = "~/.local/state/bonafone/alerts.sqlite"
    cooldown_s: float = 60.0
    keep_days: float = 30.0
    show_numbers: bool = False
    show_names: bool = False
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    terminal: TerminalSettings = field(default_factory=TerminalSettings)
    desktop: DesktopSettings = field(default_factory=DesktopSettings)
    command: CommandSettings = field(default_factory=CommandSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    apprise: AppriseSettings = field(default_factory=AppriseSettings)
    gpio: GpioSettings = field(default_factory=GpioSettings)
    termux_vibrate: TermuxVibrateSettings = field(default_factory=TermuxVibrateSettings)
    termux_notify: TermuxNotifySettings = field(default_factory=TermuxNotifySettings)

    def __post_init__(self) -> None:
        _within(self, "cooldown_s", 0.0, _DAY_S)
        _within(self, "keep_days", 1.0, 3650.0)
        if not self.outbox:
            raise AlertConfigError("outbox is empty; give the path of the SQLite file")

    def channels(self) -> dict[str, ChannelSettings]:
        """Settings of every channel by its name, on or off."""
        values = ((item.name, getattr(self, item.name)) for item in fields(self))
        return {name: value for name, value in values if isinstance(value, ChannelSettings)}


def _within(settings: Any, name: str, lowest: float, highest: float) -> None:
    value = getattr(settings, name)
    # Written so that NaN is refused too.
    if not lowest <= value <= highest:
        raise AlertConfigError(f"{name}: expected {lowest:g} to {highest:g}, got {value:g}")


def _one_of(settings: Any, name: str, choices: tuple[str, ...]) -> None:
    value = getattr(settings, name)
    if value not in choices:
        raise AlertConfigError(f"{name}: expected {' or '.join(choices)}, got {value!r}")
