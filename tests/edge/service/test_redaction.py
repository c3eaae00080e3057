"""What logs show of a source."""

from __future__ import annotations

import pytest

from edge.service.redaction import Redactor


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("mic", "mic"),
        ("mic:USB Audio", "mic:USB Audio"),
        ("-", "-"),
        ("file:/calls/Jane Doe +49 170 1234567.wav", "file:***.wav"),
        ("cmd:/usr/bin/ffmpeg -i /calls/jane.wav -f s16le -", "cmd:ffmpeg ***"),
        ("rtp://10.0.0.5:15004?allow=10.0.0.7", "rtp://10.0.0.5:15004?allow=10.0.0.7"),
        ("audiosocket://:9092", "audiosocket://:9092"),
    ],
)
def test_a_source_is_named_without_people(source, shown):
    assert Redactor(source).source == shown


def test_a_text_about_a_recording_does_not_tell_its_name():
    redactor = Redactor("file:/calls/Jane Doe.wav")
    assert redactor.text("/calls/Jane Doe.wav: truncated; copy it again") == "***.wav: truncated; copy it again"
    shown = Redactor("file:/calls/Jane Doe.wav", show_names=True)
    assert shown.text("/calls/Jane Doe.wav: truncated") == "/calls/Jane Doe.wav: truncated"


def test_what_a_command_complains_of_does_not_tell_its_arguments():
    text = "cmd:ffmpeg -i /calls/jane.wav -f s16le -: exited with 1, saying: /calls/jane.wav: No such file"
    shown = Redactor("cmd:ffmpeg -i /calls/jane.wav -f s16le -").text(text)
    assert shown == "cmd:ffmpeg ***: exited with 1, saying: ***: No such file"


def test_numbers_go_and_the_addresses_that_a_remedy_needs_stay():
    redactor = Redactor("rtp://:5004")
    call = "40325ec2-5efd-4bd3-805f-53576e581d13"
    text = f"192.168.10.27:40123 is not allowed, call {call} of +49 170 1234567; add allow=192.168.10.27"
    assert redactor.text(text) == (f"192.168.10.27:40123 is not allowed, call {call} of ***67; add allow=192.168.10.27")
    assert redactor.text("999.999.999.999") == "***99", "no address of a machine"
    assert Redactor("mic", show_numbers=True).text("+49 170 1234567") == "+49 170 1234567"


def test_a_text_cannot_steer_the_terminal():
    assert Redactor("mic").text("a\x1b[2Jb") == "a?[2Jb"
