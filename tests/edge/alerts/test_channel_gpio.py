"""Pins, on gpiozero's own mock of a board."""

from __future__ import annotations

import sys

import pytest

from edge.alerts.channels.gpio import GpioChannel
from edge.alerts.errors import DeliveryError, MissingPartError

mock = pytest.importorskip("gpiozero.pins.mock", reason="gpiozero is not installed (extra alerts)")


@pytest.fixture
def factory():
    factory = mock.MockFactory()
    yield factory
    factory.reset()


@pytest.mark.parametrize("device", ["buzzer", "led"])
def test_the_pin_goes_on_and_off_as_often_as_asked(factory, event, device):
    channel = GpioChannel(device, "GPIO17", on_s=0.02, off_s=0.01, count=3, pin_factory=factory)
    pin = factory.pin(17)
    pin.clear_states()
    channel.send(event)
    states = [bool(state.state) for state in pin.states]
    ons = [index for index, state in enumerate(states) if state and not states[index - 1]]
    assert len(ons) == 3
    assert not states[-1]
    held = [pin.states[index + 1].timestamp for index in ons]
    assert all(seconds >= 0.02 for seconds in held)
    channel.close()


def test_closing_leaves_the_pin_off_and_free(factory):
    channel = GpioChannel("led", 17, on_s=0.01, off_s=0.01, count=1, pin_factory=factory)
    channel._device.on()
    channel.close()
    GpioChannel("led", 17, on_s=0.01, off_s=0.01, count=1, pin_factory=factory).close()


def test_a_pin_that_is_taken_or_not_there_is_explained(factory):
    held = GpioChannel("led", 17, on_s=0.01, off_s=0.01, count=1, pin_factory=factory)
    with pytest.raises(MissingPartError, match=r"cannot use pin 17 .*run pip install lgpio"):
        GpioChannel("buzzer", 17, on_s=0.01, off_s=0.01, count=1, pin_factory=factory)
    with pytest.raises(MissingPartError, match="cannot use pin GPIO99"):
        GpioChannel("buzzer", "GPIO99", on_s=0.01, off_s=0.01, count=1, pin_factory=factory)
    held.close()


def test_a_machine_without_pins_is_explained_in_one_error(monkeypatch, recwarn):
    monkeypatch.setattr("gpiozero.Device.pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    for module in ("lgpio", "RPi", "pigpio"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(
        "gpiozero.pins.native.NativeFactory.__init__", lambda *_: (_ for _ in ()).throw(OSError("no pins"))
    )
    with pytest.raises(MissingPartError, match=r"cannot use pin 17 \(Unable to load any default pin factory"):
        GpioChannel("led", 17, on_s=0.01, off_s=0.01, count=1)
    assert not recwarn.list


def test_without_gpiozero_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(MissingPartError, match=r"needs the package gpiozero.*run: pip install 'bonafone\[alerts\]'"):
        GpioChannel("led", 17, on_s=0.01, off_s=0.01, count=1)


def test_an_error_of_no_kind_but_exception_is_explained_too(factory, event, monkeypatch):
    """As lgpio's are, on every Raspberry Pi where the service holds the pin already."""

    class LgpioError(Exception):
        pass

    def busy(*_):
        raise LgpioError("GPIO busy")

    channel = GpioChannel("led", 17, on_s=0.01, off_s=0.01, count=1, pin_factory=factory)
    monkeypatch.setattr(type(factory.pin(17)), "_set_state", busy)
    with pytest.raises(DeliveryError, match=r"cannot be switched \(GPIO busy\)"):
        channel.send(event)
    monkeypatch.undo()
    channel.close()
    monkeypatch.setattr(factory, "pin", busy)
    with pytest.raises(MissingPartError, match=r"cannot use pin 18 \(GPIO busy\).*nothing else holds the pin"):
        GpioChannel("led", 18, on_s=0.01, off_s=0.01, count=1, pin_factory=factory)
