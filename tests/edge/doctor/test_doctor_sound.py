"""Lists of devices, and the reason why there is none."""

from __future__ import annotations

import pytest

from edge.doctor.sound import Listed, SoundFacts, alike, json_facts, text_table, why_none

USB = Listed("USB PnP Sound Device: Audio", "ALSA", 1, 48000, False)
DEFAULT = Listed("default", "ALSA", 32, 44100, True)


def test_the_first_column_can_be_pasted_into_a_shell():
    assert text_table([USB, DEFAULT]) == [
        "--source                           host  channels      rate",
        "'mic:USB PnP Sound Device: Audio'  ALSA         1  48000 Hz",
        "mic:default                        ALSA        32  44100 Hz  default",
    ]


def test_programs_get_the_source_as_it_is():
    assert json_facts(USB) == {
        "source": "mic:USB PnP Sound Device: Audio",
        "name": "USB PnP Sound Device: Audio",
        "host": "ALSA",
        "channels": 1,
        "sample_rate_hz": 48000,
        "is_default": False,
    }


def test_two_of_a_name_are_told_but_not_one_behind_two_hosts():
    assert alike([USB, USB, DEFAULT]) == [USB.name]
    assert alike([Listed("Jabra", "MME", 1, 44100, False), Listed("Jabra", "WASAPI", 1, 48000, False)]) == []


@pytest.mark.parametrize(
    ("facts", "reason", "cure"),
    [
        (SoundFacts(termux=True, container=True), "Termux gives programs no live microphone", "edge watch"),
        (SoundFacts(captures=1, server=True), "this user may not open it", "usermod -aG audio"),
        (SoundFacts(server=True, container=True), "PortAudio, which speaks to ALSA", "libasound2-plugins"),
        (SoundFacts(container=True, raspberry=True), "a container", "--device /dev/snd"),
        (SoundFacts(raspberry=True), "a Raspberry Pi has no microphone input", "plug in a USB microphone"),
        (SoundFacts(), "the kernel has no device that records", "rtp://"),
        (SoundFacts(captures=1, readable=True), "another program holds the one that does", "end that program"),
        (SoundFacts(platform="darwin"), "no device records", "privacy settings"),
        (SoundFacts(platform="win32"), "no device records", "cmd:"),
    ],
)
def test_the_first_cause_that_fits_is_told_with_its_cure(facts, reason, cure):
    told, advice = why_none(facts)
    assert reason in told
    assert cure in advice
