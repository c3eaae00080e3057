"""What a terminal shows, at any width."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest

from edge.decision import LiveState
from edge.live.panel import HISTORY_S, Look, Panel
from edge.live.reports import StreamBegan, StreamEnded, StreamUpdate

PLAIN = Look(width=139, height=24, unicode=True, colour=False)


def update(stream="rtp-1", **values):
    known = {
        "call_id": None,
        "state": "listening",
        "verdict": "bonafide",
        "cm_score": 3.0,
        "p_bonafide": 0.95,
        "speech_s": 41.0,
        "position_s": 60.0,
        "lost_s": 0.0,
        "level_db": -30.0,
        "lag_s": 0.12,
        "realtime_factor": 0.0031,
        "changed": False,
        "live": LiveState(0, 41.0, 3.0, 0.95, "bonafide"),
    }
    return StreamUpdate(stream, **{**known, **values})


def panel(*updates):
    made = Panel("rtp://:5004")
    for stream in {item.stream: None for item in updates}:
        made.take(StreamBegan(stream, 8000, None, ""))
    for item in updates:
        made.take(item)
    return made


def bare(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_line_holds_all_that_is_to_be_known():
    (line,) = panel(update()).lines(PLAIN)
    assert line == (
        "rtp-1  bonafide    95 % real  " + " " * 29 + "█  -30 dB  ████░░░░  speech 41 s  lag 0.1 s  rtf 0.003"
    )


def test_losses_are_shown_where_there_are_any():
    (line,) = panel(update(lost_s=6.0)).lines(PLAIN)
    assert "lost 10.0 %" in line


def test_the_scores_of_the_last_seconds_stand_one_cell_each_with_gaps_where_there_was_none():
    scores = [None, None, 0.0, 0.5, 1.0]
    made = panel(*(update(position_s=float(index), p_bonafide=score) for index, score in enumerate(scores)))
    made.take(update(position_s=4.5, p_bonafide=0.99))
    assert "··▁▅█" in made.lines(PLAIN)[0]
    for index in range(100):
        made.take(update(position_s=5.0 + index, p_bonafide=1.0))
    assert "█" * HISTORY_S in made.lines(PLAIN)[0]
    assert "▁" not in made.lines(PLAIN)[0]


@pytest.mark.parametrize("width", range(1, 160))
def test_no_line_is_wider_than_the_terminal(width):
    made = panel(update(lost_s=3.0), update("audiosocket-12", state="silenced", level_db=-math.inf, p_bonafide=None))
    for unicode in (True, False):
        for line in made.lines(Look(width, 24, unicode, colour=True)):
            assert len(bare(line)) <= width
    wide = Panel("mic:マイク 内蔵").lines(Look(width, 24))[0]
    assert sum(2 if ord(character) > 0x3000 else 1 for character in wide) <= width


@pytest.mark.parametrize("width", [9, 20, 40, 79])
def test_the_verdict_is_the_last_thing_to_go(width):
    assert "spoof" in bare(panel(update(verdict="spoof")).lines(Look(width, 24))[0])


def test_eighty_columns_have_room_for_what_matters():
    (line,) = panel(update()).lines(Look(79, 24, colour=False))
    for part in ("rtp-1", "bonafide", "95 % real", "-30 dB", "lag 0.1 s", "rtf 0.003"):
        assert part in line


@pytest.mark.parametrize("state", ["silenced", "quiet", "blind"])
def test_a_stream_that_is_not_heard_shows_its_state_and_no_green(state):
    (line,) = panel(update(state=state, p_bonafide=None, cm_score=None)).lines(Look(139, 24))
    assert state in line
    assert "bonafide" not in line
    assert "\x1b[32m" not in line
    assert "real" not in line


def test_several_calls_stand_below_each_other_and_only_as_many_as_fit():
    made = panel(*(update(f"call-{index}") for index in range(1, 17)))
    lines = made.lines(dataclasses.replace(PLAIN, height=10))
    assert len(lines) == 9
    assert lines[0].startswith("call-1 ")
    assert lines[-1] == "and 8 more"
    made.take(StreamEnded("call-1", "finished", "", 0, None))
    assert made.lines(PLAIN)[0].startswith("call-2 ")


def test_a_terminal_without_unicode_or_colour_gets_neither():
    (line,) = panel(update()).lines(Look(139, 24, unicode=False, colour=False))
    assert line.isascii()
    assert "\x1b" not in line


def test_an_open_port_says_what_it_waits_for():
    assert Panel("rtp://:5004").lines(PLAIN) == ["listening to rtp://:5004; nothing comes now"]


def test_the_name_of_a_device_cannot_steer_the_terminal():
    assert "\x1b" not in Panel("mic:\x1b[2JUSB").lines(PLAIN)[0]
