"""What logs, alerts and clips show of numbers, names and sources."""

from __future__ import annotations

import pytest

from edge.scoring import AUDIO_SUFFIXES
from edge.service.redaction import Redactor, hide_name, hide_number, hide_numbers, hide_source, printable

CALL = "40325ec2-5efd-4bd3-805f-53576e581d13"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("called 030/901820 before", "called ***20 before"),
        ("line +49 (30) 901-820", "line ***20"),
        ("sip:004930901820@pbx", "sip:***20@pbx"),
        ("0170 1234567, 0170-1234568", "***67, ***68"),
        ("999.999.999.999", "***99"),
        ("4917012345678 Hz", "***78 Hz"),
        ("0170 1234567 s", "***67 s"),
    ],
)
def test_telephone_numbers_keep_two_digits_however_they_are_grouped(text, shown):
    assert hide_numbers(text) == shown
    assert hide_numbers(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "dropped: 12345.70 s of audio",
        "3200000 bytes, 48000000 samples at 48000 Hz, -1234567.5 dB",
        "PCMU from 192.168.10.27:40123, SSRC 00001207",
        "192.168.10.27:40123/00001207 is not allowed; add allow=192.168.10.27",
        f"call {CALL}",
        "exited with 1 after 2027",
        "rtp://:15004",
    ],
)
def test_figures_and_the_addresses_that_a_remedy_needs_stay(text):
    assert hide_numbers(text) == text


def test_a_field_that_holds_a_number_is_hidden_however_short_it_is():
    fields = {"110": "***", "+49 30 901820": "***20", "jane@example.org": "***", "***20": "***20", "***": "***"}
    assert {field: hide_number(field) for field in fields} == fields


def test_of_a_recording_only_its_kind_is_left():
    assert {hide_name(f"/calls/Jane Doe 0170{suffix.upper()}") for suffix in AUDIO_SUFFIXES} == {
        "***" + suffix for suffix in AUDIO_SUFFIXES
    }
    assert hide_name("Jane.Doe") == "***"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("mic:USB Audio", "mic:USB Audio"),
        ("-", "-"),
        ("file:/calls/Jane Doe +49 170 1234567.M4A", "file:***.m4a"),
        ("file:/calls/Jane.Doe", "file:***"),
        ("cmd:/usr/bin/ffmpeg -i https://t0ken@host -f s16le -", "cmd:ffmpeg ***"),
        ("cmd:parec", "cmd:parec"),
        ("rtp://10.0.0.5:15004?allow=10.0.0.7", "rtp://10.0.0.5:15004?allow=10.0.0.7"),
        ("audiosocket://:9092", "audiosocket://:9092"),
    ],
)
def test_of_a_source_only_what_it_is_stays(source, shown):
    assert hide_source(source) == shown
    assert hide_source(shown) == shown
    assert Redactor(source).source == shown
    assert Redactor(source, show_names=True, show_numbers=True).source == source


def test_a_text_about_a_recording_does_not_show_its_name():
    text = "/calls/Jane Doe.wav: truncated; copy it again"
    assert Redactor("file:/calls/Jane Doe.wav").text(text) == "***.wav: truncated; copy it again"
    assert Redactor("file:/calls/Jane Doe.wav", show_names=True).text(text) == text


def test_what_a_command_complains_of_does_not_show_its_arguments():
    text = "cmd:ffmpeg -i /calls/jane.wav -f s16le -: exited with 1, saying: /calls/jane.wav: No such file"
    shown = Redactor("cmd:ffmpeg -i /calls/jane.wav -f s16le -").text(text)
    assert shown == "cmd:ffmpeg ***: exited with 1, saying: ***: No such file"
    assert Redactor("cmd:sh -c 'exit 1'").text("exited with 1") == "exited with 1"


def test_numbers_in_a_text_are_shown_when_asked_for():
    assert Redactor("mic").text("+49 170 1234567") == "***67"
    assert Redactor("mic", show_numbers=True).text("+49 170 1234567") == "+49 170 1234567"


def test_a_text_cannot_steer_the_terminal():
    assert Redactor("mic").text("a\x1b[2Jb") == "a?[2Jb"
    assert printable("a\x07ü") == "a?ü"
