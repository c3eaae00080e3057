"""Alert channels, one file each: its settings, needs, delivery and advice; start at `channel`.

A new channel is a subclass of `edge.alerts.channels.channel.Channel` and one line in `CHANNELS`. Then it is
configured by a table of its name, listed, tested by `edge alerts test`, checked by `edge doctor` and delivered to.
"""

from __future__ import annotations

from edge.alerts.channels.apprise import AppriseChannel
from edge.alerts.channels.channel import Channel
from edge.alerts.channels.command import CommandChannel
from edge.alerts.channels.desktop import DesktopChannel
from edge.alerts.channels.gpio import GpioChannel
from edge.alerts.channels.mqtt import MqttChannel
from edge.alerts.channels.terminal import TerminalChannel
from edge.alerts.channels.termux import TermuxNotifyChannel, TermuxVibrateChannel
from edge.alerts.channels.webhook import WebhookChannel

CHANNELS: tuple[type[Channel], ...] = (
    TerminalChannel,
    DesktopChannel,
    CommandChannel,
    WebhookChannel,
    MqttChannel,
    AppriseChannel,
    GpioChannel,
    TermuxVibrateChannel,
    TermuxNotifyChannel,
)
