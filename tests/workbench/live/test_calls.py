"""Clips are joined to calls: who speaks when, and which calls are not made."""

from __future__ import annotations

import pytest

from workbench.data.manifest import Row
from workbench.errors import EvaluationError
from workbench.live.calls import genuine_calls, invaded_calls


def clips(label, source, count, *, attack="-", speaker="a", seconds=4.0):
    return [
        Row(f"{source}/{label}-{attack}-{speaker}-{index:02}.wav", label=label, attack_id=attack, speaker_id=speaker,
            source_repo=source, duration_s=str(seconds))
        for index in range(count)
    ]  # fmt: skip


def seconds(rows):
    return sum(float(row.duration_s) for row in rows)


def test_a_real_persons_call_holds_one_source_and_whole_clips():
    rows = clips("bonafide", "one", 40) + clips("bonafide", "two", 10) + clips("spoof", "one", 10, attack="x")
    calls = genuine_calls(rows, call_s=60)
    assert [seconds(call.genuine) for call in calls] == [60.0, 60.0, 40.0, 40.0]
    assert all(len({row.source_repo for row in call.genuine}) == 1 and not call.fake for call in calls)
    used = [row for call in calls for row in call.genuine]
    assert sorted(used, key=str) == sorted((row for row in rows if row.label == "bonafide"), key=str)
    assert len({call.name for call in calls}) == len(calls)


def test_speakers_follow_one_another_and_do_not_alternate():
    rows = clips("bonafide", "one", 3, speaker="b") + clips("bonafide", "one", 3, speaker="a")
    assert [row.speaker_id for row in genuine_calls(rows)[0].genuine] == list("aaabbb")


def test_a_fake_voice_comes_into_a_call_of_its_own_source():
    rows = clips("bonafide", "one", 20) + clips("bonafide", "two", 20) + clips("spoof", "one", 20, attack="x")
    (call,) = invaded_calls(rows, before_s=30, call_s=60)
    assert call.paired
    assert {row.source_repo for row in call.genuine} == {"one"}
    assert (seconds(call.genuine), seconds(call.fake)) == (32.0, 32.0)
    assert call.source == "one"


def test_each_attack_of_each_source_makes_a_call_of_its_own():
    rows = clips("bonafide", "one", 20)
    rows += clips("spoof", "one", 5, attack="x") + clips("spoof", "one", 5, attack="y")
    assert [{row.attack_id for row in call.fake} for call in invaded_calls(rows)] == [{"x"}, {"y"}]


def test_an_attack_without_a_real_person_of_its_source_enters_another_ones_call():
    rows = clips("bonafide", "one", 20) + clips("spoof", "two", 5, attack="x")
    (call,) = invaded_calls(rows)
    assert not call.paired
    assert {row.source_repo for row in call.genuine} == {"one"}


def test_a_call_can_be_fake_from_the_first_word():
    rows = clips("bonafide", "one", 20) + clips("spoof", "one", 20, attack="x")
    (call,) = invaded_calls(rows, before_s=0, call_s=60)
    assert call.genuine == ()
    assert seconds(call.fake) == 60.0


def test_an_attack_of_few_seconds_makes_no_call():
    rows = clips("bonafide", "one", 20) + clips("spoof", "one", 1, attack="x")
    assert invaded_calls(rows, least_fake_s=8) == []


def test_a_clip_of_unknown_length_is_refused():
    with pytest.raises(EvaluationError, match="expected the clip's seconds in the column duration_s, got '-'"):
        genuine_calls([Row("a.wav")])
