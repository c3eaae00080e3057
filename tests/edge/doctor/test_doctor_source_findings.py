"""What the doctor says about audio, by the worst thing in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.doctor.listening import Take
from edge.doctor.source_findings import source_findings
from edge.sources.events import StreamEnd, Trouble

RATE = 16000


@pytest.fixture
def voice(speech):
    return speech(3.0)


def take(samples, rate=RATE, **values):
    given = {"name": "mic", "detail": "USB", "arrival_hz": float(rate), "streams": 1, "sent_samples": len(samples)}
    return Take(samples=samples, sample_rate=rate, **{**given, **values})


def by_check(found):
    return {finding.check: finding for finding in source_findings(found)}


def levels(found):
    return {name: finding.level for name, finding in by_check(found).items()}


def test_a_good_microphone_is_good_in_every_respect(voice):
    found = by_check(take(voice))
    assert list(found) == ["source", "level", "zeros", "clipping", "offset", "band", "rate", "loss"]
    assert {finding.level for finding in found.values()} == {"ok"}
    assert found["source"].seen == "mic (USB): 3.0 s at 16000 Hz"
    assert found["loss"].facts == {"lost_share": 0.0, "overruns": 0}


def test_audio_that_is_withheld_is_a_problem_and_not_a_quiet_room(voice):
    found = by_check(take(np.zeros(RATE, np.float32)))
    assert found["level"].level == "problem"
    assert found["level"].seen == "all 1.0 s are exactly zero: the sound is muted or withheld"
    assert "alsamixer" in found["level"].advice
    # One sample that is none makes it a quiet room.
    quiet = np.zeros(RATE, np.float32)
    quiet[100] = 1e-4
    assert levels(take(quiet))["level"] == "warning"


def test_a_voice_that_is_too_faint_is_warned_of(voice):
    assert levels(take(voice))["level"] == "ok"
    found = by_check(take(voice * np.float32(0.002)))["level"]
    assert found.level == "warning"
    assert found.seen.startswith("too faint for a voice: loud parts -")


def test_audio_that_comes_and_goes_is_warned_of(voice):
    gaps = voice.copy()
    gaps[: RATE // 2] = 0.0
    assert levels(take(gaps))["zeros"] == "ok"
    gaps[:RATE] = 0.0
    found = by_check(take(gaps))["zeros"]
    assert found.level == "warning"
    assert found.seen == "33 % of the samples are exact zeros in a row"


def test_clipping_is_a_note_when_rare_and_a_warning_when_not(voice):
    rare = voice.copy()
    rare[1000:1010] = 1.0
    assert levels(take(rare))["clipping"] == "note"
    found = by_check(take(np.clip(voice * 20, -1, 1)))["clipping"]
    assert found.level == "warning"
    assert "6 dB" in found.advice


def test_an_offset_is_warned_of_when_it_takes_room(voice):
    assert levels(take(voice + np.float32(0.01)))["offset"] == "ok"
    assert levels(take(voice + np.float32(-0.2)))["offset"] == "warning"


def test_a_telephones_band_in_a_wide_stream_is_a_note(rng):
    from edge.resampling import Resampler

    narrow = (0.1 * rng.standard_normal(16000)).astype(np.float32)
    wide = Resampler(8000, 48000).feed(narrow)
    found = by_check(take(wide, 48000))["band"]
    assert found.level == "note"
    assert found.seen.endswith("a telephone's band in a stream of 48000 Hz")
    assert levels(take(narrow, 8000))["band"] == "ok"


@pytest.mark.parametrize(
    ("arrival_hz", "level"), [(16000, "ok"), (16300, "ok"), (14700, "warning"), (17415, "warning"), (160000, "note")]
)
def test_a_rate_that_is_not_the_promised_one_is_warned_of(voice, arrival_hz, level):
    assert levels(take(voice, name="cmd:parec", arrival_hz=float(arrival_hz)))["rate"] == level


def test_the_pace_of_a_file_and_of_too_few_chunks_says_nothing(voice):
    assert "rate" not in levels(take(voice, name="file:call.wav", arrival_hz=1e6))
    assert "rate" not in levels(take(voice, arrival_hz=None))


@pytest.mark.parametrize(("lost", "level"), [(480, "note"), (4800, "warning")])
def test_losses_are_told_and_warned_of_beyond_a_twentieth(voice, lost, level):
    found = by_check(take(voice[lost:], name="rtp://:5004", sent_samples=len(voice), lost_samples=lost))["loss"]
    assert found.level == level
    assert found.seen == f"{100 * lost / len(voice):.1f} % of the audio was lost"


def test_an_overrun_is_warned_of_though_nobody_knows_how_much_is_missing(voice):
    found = by_check(take(voice, breaks=2))["loss"]
    assert (found.level, found.seen) == (
        "warning",
        "0.0 % of the audio was lost, and the device overflowed 2 times",
    )


@pytest.mark.parametrize("name", ["rtp://:5004", "audiosocket://:9092"])
def test_a_port_at_which_nobody_calls_is_no_fault_of_ours(name):
    (found,) = source_findings(Take(name))
    assert (found.level, found.seen) == ("warning", f"{name} is open and nothing came")


@pytest.mark.parametrize("name", ["mic", "-", "cmd:true", "file:empty.wav"])
def test_a_source_that_gives_nothing_is_a_problem(name):
    (found,) = source_findings(Take(name))
    assert (found.level, found.seen) == ("problem", f"{name} gave no audio")


def test_an_end_by_failure_is_a_problem_with_the_sources_own_words(voice):
    ended = take(voice, ends=(StreamEnd("cmd-1", "gone", len(voice), 0, "cmd:x: exited with 1; look there"),))
    found = [finding for finding in source_findings(ended) if finding.check == "source"]
    assert [finding.level for finding in found] == ["ok", "problem"]
    assert (found[1].seen, found[1].advice) == ("cmd:x: exited with 1", "look there")
    finished = replace(ended, ends=(StreamEnd("file", "finished", len(voice)),))
    assert levels(finished)["source"] == "ok"


@pytest.mark.parametrize("kind", ["bad_data", "dropped", "overrun", "peer", "refused", "unsupported", "vanished"])
def test_every_trouble_is_told_with_something_to_do(kind):
    found = list(source_findings(Take("mic", troubles=(Trouble(kind, "it is so"),))))[1]
    assert (found.level, found.seen) == ("warning", "it is so")
    assert found.advice
