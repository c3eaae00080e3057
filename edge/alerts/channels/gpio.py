"""A buzzer or an LED on the pins of a small board, through gpiozero."""

from __future__ import annotations

import time
import warnings
from typing import Any

from edge.alerts.errors import DeliveryError, MissingPartError, import_part
from edge.alerts.event import AlertEvent


class GpioChannel:
    """Switches a pin on and off ``count`` times.

    Parameters
    ----------
    device : ``buzzer`` or ``led``.
    pin : as gpiozero names it: 17 is GPIO17; also ``"BOARD11"``.
    on_s, off_s : seconds of each half.
    count : how often.
    pin_factory : of gpiozero; None for the board's own.

    Raises
    ------
    MissingPartError
        gpiozero is not there, or has no way to the pins of this machine.
    """

    name = "gpio"

    def __init__(
        self, device: str, pin: int | str, *, on_s: float, off_s: float, count: int, pin_factory: Any = None
    ) -> None:
        gpiozero = import_part("gpiozero", self.name)
        kind = {"buzzer": gpiozero.Buzzer, "led": gpiozero.LED}[device]
        try:
            with warnings.catch_warnings():
                # One for each way to the pins that is not there; the error speaks for all of them.
                warnings.simplefilter("ignore", gpiozero.exc.PinFactoryFallback)
                self._device = kind(pin, pin_factory=pin_factory)
        # gpiozero raises what its many ways to the pins raise; lgpio's errors are of no kind but Exception.
        except Exception as error:
            raise MissingPartError(
                f"the channel {self.name} cannot use pin {pin} ({error}); on a Raspberry Pi run pip install lgpio, "
                "put the user into the group gpio, and check that nothing else holds the pin"
            ) from error
        self._on_s, self._off_s, self._count = on_s, off_s, count
        self.longest_s = count * (on_s + off_s) + 1.0

    def send(self, event: AlertEvent) -> None:
        """Sound or blink to the end: only then was it noticed."""
        # Not by gpiozero's blink(): it works in a thread of its own, and an error there would pass for a delivery.
        try:
            for _ in range(self._count):
                self._device.on()
                time.sleep(self._on_s)
                self._device.off()
                time.sleep(self._off_s)
        except Exception as error:
            raise DeliveryError(f"the pin cannot be switched ({error})") from error

    def close(self) -> None:
        """Leave the pin off and free it."""
        self._device.close()
