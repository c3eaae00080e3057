"""Lines and a panel on one terminal."""

from __future__ import annotations

import io
import re

import pytest

from edge.live.screen import Screen, can_draw, look_of


class Terminal(io.StringIO):
    """A terminal that knows lines, the erasing of what follows, and going up."""

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


def screen(terminal, turned, stdout=None):
    return Screen(stdout or terminal, terminal, panel=True, clock=turned.monotonic)


def test_a_panel_is_drawn_in_place_and_lines_stand_above_it(terminal, turned):
    shown = screen(terminal, turned)
    shown.draw(["one 1", "two 1"])
    shown.draw(["one 2", "two 2", "three 2"])
    shown.result("an alarm")
    shown.write("from a channel\n")
    assert terminal.shown() == ["an alarm", "from a channel", "one 2", "two 2", "three 2"]
    shown.draw(["one 3"])
    assert terminal.shown() == ["an alarm", "from a channel", "one 3"]
    shown.close()
    assert terminal.shown() == ["an alarm", "from a channel", ""]


def test_results_in_a_file_hold_nothing_of_the_panel(terminal, turned):
    file = io.StringIO()
    shown = screen(terminal, turned, file)
    shown.draw(["panel"])
    shown.result("a line")
    assert file.getvalue() == "a line\n"
    assert terminal.shown() == ["panel"]


def test_it_is_drawn_at_most_four_times_a_second(terminal, turned):
    shown = screen(terminal, turned)
    drawn = 0
    for _ in range(1000):
        turned.now += 0.01
        if shown.is_due:
            drawn += 1
            shown.draw(["panel"])
    assert 38 <= drawn <= 41


def test_descriptors_that_are_closed_take_nothing(turned):
    shown = Screen(None, None, panel=False, clock=turned.monotonic)
    shown.result("a")
    shown.notice("b")
    assert not shown.is_due
    shown.close()


def test_a_log_that_lacks_a_character_shows_the_rest(turned):
    log = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", errors="strict")
    shown = Screen(log, None, panel=False, clock=turned.monotonic)
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
