"""The terminal."""

from __future__ import annotations

import io

import pytest

from edge.alerts.channels.terminal import TerminalChannel
from edge.alerts.errors import DeliveryError


def test_it_writes_one_line_with_a_bell(make_event):
    stream = io.StringIO()
    TerminalChannel(stream).send(make_event("x", caller_name="a\nb\x1b[2J"))
    text = stream.getvalue()
    assert text[0] == "\a"
    assert text.endswith(" Synthetic voice suspected: mic, caller a?b?[2J, 3 % real\n")
    assert text.count("\n") == 1


def test_the_bell_can_be_off(event):
    stream = io.StringIO()
    TerminalChannel(stream, bell=False).send(event)
    assert "\a" not in stream.getvalue()


def test_a_terminal_that_is_gone_is_a_failed_attempt(event):
    stream = io.StringIO()
    stream.close()
    with pytest.raises(DeliveryError, match="the terminal cannot be written to"):
        TerminalChannel(stream).send(event)
