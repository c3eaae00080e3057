"""Pins, on gpiozero's own mock of a board."""

from __future__ import annotations

import sys

import pytest

from edge.alerts.channels.gpio import GpioChannel
from edge.alerts.errors import MissingPartError

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
    with pytest.raises(MissingPartError, match=r"cannot use pin 17 .*install python3-lgpio"):
        GpioChannel("buzzer", 17, on_s=0.01, off_s=0.01, count=1, pin_factory=factory)
    with pytest.raises(MissingPartError, match="cannot use pin GPIO99"):
        GpioChannel("buzzer", "GPIO99", on_s=0.01, off_s=0.01, count=1, pin_factory=factory)
    held.close()


def test_without_gpiozero_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(MissingPartError, match=r"needs the package gpiozero.*run: pip install 'bonafone\[alerts\]'"):
        GpioChannel("led", 17, on_s=0.01, off_s=0.01, count=1)
