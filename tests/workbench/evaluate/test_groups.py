"""Each axis puts a trial into the group that it belongs to, and into no other."""

from __future__ import annotations

import pytest

from workbench.cli.report import AXIS_NAMES
from workbench.data.manifest import Row
from workbench.evaluate.groups import AXES, axis_groups, transmission_groups
from workbench.evaluate.trials import Trial


def trial(label="bonafide", **fields):
    known = {name: fields.pop(name) for name in ("transmission", "speech_s", "snr_db") if name in fields}
    return Trial(Row("x", label=label, **fields), "uncertain", 0.0, **known)


def names(axis, trials, one):
    return [group.name for group in axis_groups(axis, trials) if group.holds(one)]


def test_an_attack_stands_against_all_and_against_its_own_sources():
    spoof = trial("spoof", attack_id="A", source_repo="s1")
    other = trial("spoof", attack_id="B", source_repo="s2")
    near, far = trial(source_repo="s1"), trial(source_repo="s2")
    trials = [spoof, other, near, far]
    assert names("attack", trials, spoof) == ["A", "A, own sources"]
    assert names("attack", trials, near) == ["A", "A, own sources", "B"]
    assert names("attack", trials, far) == ["A", "B", "B, own sources"]


@pytest.mark.parametrize(
    ("axis", "fields", "name"),
    [
        ("source", {"source_repo": "a/b"}, "a/b"),
        ("language", {"language": "de"}, "de"),
        ("rate", {"source_sample_rate": "8000"}, "8000 Hz"),
        ("codec", {"source_repo": "asvspoof2021-la", "source_path": "eval/loc/opus/LA_E_1"}, "opus"),
        ("codec", {"source_repo": "asvspoof5", "source_path": "C03/E_1"}, "C03"),
        ("duration", {"speech_s": 0.5}, "below 1 s of speech"),
        ("duration", {"speech_s": 2.0}, "2 to 3 s of speech"),
        ("duration", {"speech_s": 8.0}, "8 s of speech and more"),
        ("snr", {"snr_db": 19.9}, "10 to 20 dB"),
    ],
)
def test_a_value_has_its_group(axis, fields, name):
    one = trial(**fields)
    assert names(axis, [one], one) == [name]


@pytest.mark.parametrize("axis", AXES)
def test_what_is_unknown_has_no_group(axis):
    one = trial()
    assert names(axis, [one], one) == []


def test_rates_are_in_the_order_of_numbers():
    trials = [trial(source_sample_rate=rate) for rate in ("16000", "8000", "44100")]
    assert [group.name for group in axis_groups("rate", trials)] == ["8000 Hz", "16000 Hz", "44100 Hz"]


def test_a_transmission_has_all_clips_and_the_hard_ones():
    groups = transmission_groups(["gsm"])
    assert [(group.name, group.transmission) for group in groups] == [
        ("all, gsm", "gsm"),
        ("unseen attacks, paired, gsm", "gsm"),
    ]
    hard = trial("spoof", paired="yes", attack_seen_in_train="no", transmission="gsm")
    assert [group.holds(hard) for group in groups] == [True, True]
    assert not groups[1].holds(trial("spoof", paired="no", attack_seen_in_train="no"))


def test_the_command_offers_every_axis():
    assert AXIS_NAMES == AXES
    with pytest.raises(ValueError, match=r"an axis is one of attack, .*; got 'colour'"):
        axis_groups("colour", [])
