"""Pins, on gpiozero's own mock of a board."""

from __future__ import annotations

import sys

import pytest

from edge.alerts.channels.gpio import GpioChannel
from edge.alerts.event import AlertConfigError, DeliveryError

mock = pytest.importorskip("gpiozero.pins.mock", reason="gpiozero is not installed (extra alerts)")


@pytest.fixture
def factory(monkeypatch):
    factory = mock.MockFactory()
    monkeypatch.setattr("gpiozero.Device.pin_factory", factory)
    yield factory
    factory.reset()


@pytest.fixture
def channel(build):
    return lambda pin="17", **more: build(GpioChannel, **{"device": "led", "count": 1, "pin": pin, **more})


@pytest.mark.parametrize("device", ["buzzer", "led"])
def test_the_pin_goes_on_and_off_as_often_as_asked(factory, build, channel, event, device):
    blinking = channel("GPIO17", device=device, on_s=0.02, off_s=0.01, count=3)
    pin = factory.pin(17)
    pin.clear_states()
    blinking.send(event)
    states = [bool(state.state) for state in pin.states]
    assert sum(state and not states[index - 1] for index, state in enumerate(states)) == 3
    assert not states[-1]
    assert build.slept == [0.02, 0.01] * 3


def test_closing_leaves_the_pin_off_and_free(factory, channel):
    first = channel()
    first._device.on()
    first.close()
    channel()


def test_a_pin_that_is_in_use_or_not_there_is_explained(factory, channel):
    channel()
    with pytest.raises(AlertConfigError, match=r"cannot use pin 17 .*run pip install lgpio"):
        channel(device="buzzer")
    with pytest.raises(AlertConfigError, match="cannot use pin GPIO99"):
        channel("GPIO99")


def test_a_machine_without_pins_is_explained_in_one_error(monkeypatch, channel, recwarn):
    monkeypatch.setattr("gpiozero.Device.pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    for module in ("lgpio", "RPi", "pigpio"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(
        "gpiozero.pins.native.NativeFactory.__init__", lambda *_: (_ for _ in ()).throw(OSError("no pins"))
    )
    with pytest.raises(AlertConfigError, match=r"cannot use pin 17 \(Unable to load any default pin factory"):
        channel()
    assert not recwarn.list


def test_an_error_of_no_kind_but_exception_is_explained_too(factory, channel, event, monkeypatch):
    """As lgpio's are, on every Raspberry Pi where the service holds the pin already."""

    class LgpioError(Exception):
        pass

    def busy(*_):
        raise LgpioError("GPIO busy")

    held = channel()
    with monkeypatch.context() as patched:
        patched.setattr(type(factory.pin(17)), "_set_state", busy)
        with pytest.raises(DeliveryError, match=r"cannot be switched \(GPIO busy\)"):
            held.send(event)
    monkeypatch.setattr(factory, "pin", busy)
    with pytest.raises(AlertConfigError, match=r"cannot use pin 18 \(GPIO busy\).*nothing else holds the pin"):
        channel("18")
