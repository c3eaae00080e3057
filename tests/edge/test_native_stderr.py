"""What native libraries say while they load is shown only where it explains a crash."""

from __future__ import annotations

import os

import pytest

from edge.errors import EdgeError
from edge.native_stderr import hold_stderr


def fail_after(chatter, error):
    with hold_stderr():
        os.write(2, chatter)
        raise error


def test_nothing_is_shown_when_all_goes_well_and_what_follows_is(capfd):
    with hold_stderr():
        os.write(2, b"chatter\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_a_crash_shows_what_led_to_it(capfd):
    with pytest.raises(RuntimeError, match="crash"):
        fail_after(b"no such delegate\n", RuntimeError("crash"))
    assert capfd.readouterr().err == "no such delegate\n"


def test_an_error_of_our_own_speaks_for_itself(capfd):
    with pytest.raises(EdgeError, match="all that there is to say"):
        fail_after(b"chatter\n", EdgeError("all that there is to say"))
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"
