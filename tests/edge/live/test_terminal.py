"""What a terminal shows, at any width: a panel of lines, drawn in place, and results above it."""

from __future__ import annotations

import dataclasses
import io
import math
import re

import pytest

from edge.live.reports import StreamBegan, StreamEnded
from edge.live.terminal import HISTORY_S, Look, Panel, Screen, can_draw, look_of
from tests.edge.live.conftest import update

PLAIN = Look(width=139, height=24, unicode=True, colour=False)


def panel(*updates):
    made = Panel("rtp://:5004")
    for stream in {item.stream: None for item in updates}:
        made.add(StreamBegan(stream, 8000, None, ""))
    for item in updates:
        made.add(item)
    return made


def bare(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_line_holds_all_that_is_to_be_known():
    assert "lost 10.0 %" in panel(update(lost_s=6.0)).lines(PLAIN)[0]
    (line,) = panel(update()).lines(PLAIN)
    assert line == (
        "rtp-1  bonafide    95 % real  " + " " * 29 + "█  -30 dB  ████░░░░  speech 41 s  lag 0.1 s  rtf 0.003"
    )


def test_the_scores_of_the_last_seconds_stand_one_cell_each_with_gaps_where_there_was_none():
    scores = [None, None, 0.0, 0.5, 1.0]
    made = panel(*(update(position_s=float(index), p_bonafide=score) for index, score in enumerate(scores)))
    made.add(update(position_s=4.5, p_bonafide=0.99))
    assert "··▁▅█" in made.lines(PLAIN)[0]
    for index in range(100):
        made.add(update(position_s=5.0 + index, p_bonafide=1.0))
    assert "█" * HISTORY_S in made.lines(PLAIN)[0]
    assert "▁" not in made.lines(PLAIN)[0]


def test_no_line_is_wider_than_the_terminal_and_the_verdict_is_the_last_thing_to_go():
    made = panel(update(lost_s=3.0), update("audiosocket-12", state="silenced", level_db=-math.inf, p_bonafide=None))
    for width in range(1, 160):
        for unicode in (True, False):
            for line in made.lines(Look(width, 24, unicode, colour=True)):
                assert len(bare(line)) <= width
        wide = Panel("mic:マイク 内蔵").lines(Look(width, 24))[0]
        assert sum(2 if ord(character) > 0x3000 else 1 for character in wide) <= width
        assert width < 9 or "bonafide" in bare(made.lines(Look(width, 24))[0])
    (line,) = panel(update()).lines(Look(79, 24, colour=False))
    assert not [part for part in ("rtp-1", "95 % real", "-30 dB", "lag 0.1 s", "rtf 0.003") if part not in line]


def test_a_stream_without_audio_shows_its_state_and_no_green():
    for state in ("silenced", "quiet", "blind"):
        (line,) = panel(update(state=state, p_bonafide=None, cm_score=None)).lines(Look(139, 24))
        assert state in line
        assert not [word for word in ("bonafide", "\x1b[32m", "real") if word in line]


def test_several_calls_stand_below_each_other_and_only_as_many_as_fit():
    made = panel(*(update(f"call-{index}") for index in range(1, 17)))
    lines = made.lines(dataclasses.replace(PLAIN, height=10))
    assert len(lines) == 9
    assert lines[0].startswith("call-1 ")
    assert lines[-1] == "and 8 more"
    made.add(StreamEnded("call-1", "finished", "", 0, None))
    assert made.lines(PLAIN)[0].startswith("call-2 ")


def test_a_terminal_without_unicode_or_colour_gets_neither():
    (line,) = panel(update()).lines(Look(139, 24, unicode=False, colour=False))
    assert line.isascii()
    assert "\x1b" not in line


def test_an_open_port_shows_what_it_waits_for_and_no_name_steers_the_terminal():
    assert Panel("rtp://:5004").lines(PLAIN) == ["listening to rtp://:5004; nothing comes now"]
    assert "\x1b" not in Panel("mic:\x1b[2JUSB").lines(PLAIN)[0]


class Terminal(io.StringIO):
    """A terminal with lines, the erasing of what follows, and going up."""

    def isatty(self):
        return True

    def shown(self):
        lines, row = [""], 0
        for part in re.split(r"(\r|\n|\x1b\[\d*[AJ])", self.getvalue()):
            if part == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif part == "\r":
                column_zero = True  # everything here is written from the first column on
                assert column_zero
            elif part.endswith("A") and part.startswith("\x1b"):
                row -= int(part[2:-1])
            elif part == "\x1b[J":
                lines[row:] = [""]
            else:
                lines[row] += part
        return lines


@pytest.fixture
def terminal():
    return Terminal()


def screen(terminal, clock, stdout=None):
    return Screen(stdout or terminal, terminal, panel=True, clock=clock.monotonic)


def test_a_panel_is_drawn_in_place_and_lines_stand_above_it(terminal, clock):
    shown = screen(terminal, clock)
    shown.draw(["one 1", "two 1"])
    shown.draw(["one 2", "two 2", "three 2"])
    shown.result("an alarm")
    shown.write("from a channel\n")
    assert terminal.shown() == ["an alarm", "from a channel", "one 2", "two 2", "three 2"]
    shown.draw(["one 3"])
    assert terminal.shown() == ["an alarm", "from a channel", "one 3"]
    shown.close()
    assert terminal.shown() == ["an alarm", "from a channel", ""]
    file = io.StringIO()
    shown = screen(terminal, clock, file)
    shown.draw(["panel"])
    shown.result("a line")
    assert file.getvalue() == "a line\n"


def test_it_is_drawn_at_most_four_times_a_second(terminal, clock):
    shown = screen(terminal, clock)
    drawn = 0
    for _ in range(1000):
        clock.now += 0.01
        if shown.is_due:
            drawn += 1
            shown.draw(["panel"])
    assert 38 <= drawn <= 41


def test_descriptors_that_are_closed_take_nothing(clock):
    shown = Screen(None, None, panel=False, clock=clock.monotonic)
    shown.result("a")
    shown.notice("b")
    assert not shown.is_due
    shown.close()


def test_a_log_that_lacks_a_character_shows_the_rest(clock):
    log = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", errors="strict")
    shown = Screen(log, None, panel=False, clock=clock.monotonic)
    shown.result("mic-1 begins, 48000 Hz: マイク für Gespräche")
    assert log.buffer.getvalue().decode("latin-1") == "mic-1 begins, 48000 Hz: ??? für Gespräche\n"
    assert not shown.is_unread


def test_a_panel_needs_a_terminal_that_can_move_its_cursor(terminal):
    assert can_draw(terminal, {"TERM": "xterm"})
    assert not can_draw(terminal, {"TERM": "dumb"})
    assert not can_draw(terminal, {})
    assert not can_draw(io.StringIO(), {"TERM": "xterm"})
    assert not can_draw(None, {"TERM": "xterm"})


def test_the_look_follows_the_environment(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")
    for encoding, unicode in (("utf-8", True), ("ascii", False)):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        look = look_of(stream, {"NO_COLOR": "1"})
        assert (look.width, look.height, look.unicode, look.colour) == (99, 30, unicode, False)
