"""A buzzer or an LED on the pins of a small board, through gpiozero."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from edge.alerts.channels.channel import Channel, ChannelContext, ChannelSettings, Need, need_package
from edge.alerts.event import AlertConfigError, AlertEvent, DeliveryError
from edge.settings import check_range

_DEVICES = {"buzzer": "Buzzer", "led": "LED"}


@dataclass(frozen=True)
class GpioSettings(ChannelSettings):
    """The table ``[alerts.gpio]``: a buzzer or LED, ``count`` times ``on_s`` seconds on and ``off_s`` off.

    ``pin`` is as gpiozero names it: ``GPIO17``, or ``BOARD11``.
    """

    device: str = "buzzer"
    pin: str = ""
    on_s: float = 0.3
    off_s: float = 0.2
    count: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("pin", 'give the pin: pin = "GPIO17"')
        if self.device not in _DEVICES:
            raise AlertConfigError(f"device: expected {' or '.join(_DEVICES)}, got {self.device!r}")
        check_range(self, "on_s", 0.01, 5.0)
        check_range(self, "off_s", 0.01, 5.0)
        check_range(self, "count", 1, 50)


class GpioChannel(Channel):
    """Switch a pin on and off.

    Raises
    ------
    AlertConfigError
        gpiozero is not there, or cannot use the pin on this machine.
    """

    name = "gpio"
    Settings = GpioSettings
    advice = "check pin and wiring, and that nothing else holds the pin"

    def __init__(self, settings: GpioSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        gpiozero = import_module("gpiozero")
        try:
            with warnings.catch_warnings():
                # One for each pin library that is not there; the error speaks for all of them.
                warnings.simplefilter("ignore", gpiozero.exc.PinFactoryFallback)
                self._device = getattr(gpiozero, _DEVICES[settings.device])(settings.pin)
        # gpiozero raises what its many pin libraries raise; lgpio's errors are of no kind but Exception.
        except Exception as error:
            raise AlertConfigError(
                f"the channel {self.name} cannot use pin {settings.pin} ({error}); on a Raspberry Pi run "
                "pip install lgpio, put the user into the group gpio, and check that nothing else holds the pin"
            ) from error
        self._settings, self._sleep = settings, context.sleep
        self.longest_s = settings.count * (settings.on_s + settings.off_s) + 1.0

    @classmethod
    def needs(cls, settings: GpioSettings, environment: Mapping[str, str]) -> list[Need]:
        """List the package gpiozero."""
        return [need_package("gpiozero", "gpiozero")]

    def send(self, event: AlertEvent) -> None:
        """Sound or blink to the end: only then was it noticed."""
        # Not by gpiozero's blink(): it works in a thread of its own, and an error there would pass for a delivery.
        try:
            for _ in range(self._settings.count):
                self._device.on()
                self._sleep(self._settings.on_s)
                self._device.off()
                self._sleep(self._settings.off_s)
        except Exception as error:
            raise DeliveryError(f"the pin cannot be switched ({error})") from error

    def close(self) -> None:
        """Leave the pin off and free it."""
        self._device.close()
