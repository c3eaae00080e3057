"""How live streams look on a terminal: one line each, as long as the window is wide. Pure: values in, text out."""

from __future__ import annotations

import math
import unicodedata
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from edge.live.lines import waiting_text
from edge.live.reports import Report, StreamBegan, StreamEnded, StreamUpdate
from edge.service.redaction import printable

HISTORY_S = 30
"""Seconds of scores that a line shows, one cell each; fewer in a narrow window."""
_NARROW_S, _WIDE = 16, 110
_METER_CELLS = 8
_METER_FLOOR_DB = -60.0
_BARS, _ASCII_BARS = "▁▂▃▄▅▆▇█", "_.-=+*#@"
_COLOURS = {"bonafide": "32", "spoof": "1;31", "uncertain": "33"}
_FAULT, _DIM = "1;35", "90"


@dataclass(frozen=True)
class Look:
    """What the terminal can show: ``width`` and ``height`` in cells."""

    width: int = 80
    height: int = 24
    unicode: bool = True
    colour: bool = True


@dataclass
class _Row:
    update: StreamUpdate | None = None
    scores: deque[float | None] = field(default_factory=lambda: deque(maxlen=HISTORY_S))
    second: int = -1


class Panel:
    """Remembers of the reports what the lines show; ``source`` is its name, redacted."""

    def __init__(self, source: str) -> None:
        self._source = printable(source)
        self._rows: dict[str, _Row] = {}

    def take(self, report: Report) -> None:
        """Take the next report."""
        if isinstance(report, StreamBegan):
            self._rows[report.stream] = _Row()
        elif isinstance(report, StreamEnded):
            self._rows.pop(report.stream, None)
        elif isinstance(report, StreamUpdate):
            row = self._rows[report.stream]
            row.update = report
            # One cell a second, however many changes fall into it.
            if int(report.position_s) != row.second:
                row.second = int(report.position_s)
                row.scores.append(report.p_bonafide)
            elif row.scores:
                row.scores[-1] = report.p_bonafide

    def lines(self, look: Look) -> list[str]:
        """The lines, at least one, none of them wider than the terminal."""
        told = {name: row for name, row in self._rows.items() if row.update is not None}
        if not told:
            return [_cut(waiting_text(self._source), look.width)]
        shown = list(told.items())[: max(1, look.height - 2)]
        names = max(len(name) for name, _ in shown)
        lines = [_line(name.ljust(names), row, look) for name, row in shown]
        if len(told) > len(shown):
            lines.append(_cut(f"and {len(told) - len(shown)} more", look.width))
        return lines


@dataclass(frozen=True)
class _Cell:
    """A piece of a line; of those that do not fit, the one of the highest ``rank`` goes first."""

    rank: int
    text: str
    colour: str = ""


def _line(name: str, row: _Row, look: Look) -> str:
    update = row.update
    if update is None:
        raise ValueError(f"stream {name} has no update to show yet")
    cells = _cells(name, update, row.scores, look)
    while len(cells) > 1 and _width(cells) > look.width:
        cells.remove(max(cells, key=lambda cell: cell.rank))
    if _width(cells) > look.width:
        cells = [replace(cells[0], text=_cut(cells[0].text, look.width))]
    return "  ".join(_painted(cell, look) for cell in cells)


def _cells(name: str, update: StreamUpdate, scores: Sequence[float | None], look: Look) -> list[_Cell]:
    word = update.word
    colour = _COLOURS.get(word, _DIM) if update.state == "listening" else _FAULT
    share = "        " if update.p_bonafide is None else f"{100 * update.p_bonafide:3.0f} % real"[:10]
    lag = "" if update.lag_s is None else f"lag {update.lag_s:.1f} s"
    lost = f"lost {100 * update.lost_s / update.position_s:.1f} %" if update.lost_s else ""
    cells = [
        _Cell(1, name),
        _Cell(0, f"{word:<9}", colour),
        _Cell(2, f"{share:<10}", colour),
        _Cell(5, _sparkline(scores, look)),
        _Cell(4, _level(update.level_db)),
        _Cell(8, _meter(update.level_db, look)),
        _Cell(9, f"speech {update.speech_s:.0f} s"),
        _Cell(6, lag),
        _Cell(3, lost, _FAULT),
        _Cell(7, f"rtf {update.realtime_factor:.3f}"),
    ]
    return [cell for cell in cells if cell.text]


def _width(cells: Iterable[_Cell]) -> int:
    widths = [len(cell.text) for cell in cells]
    return sum(widths) + 2 * (len(widths) - 1)


def _painted(cell: _Cell, look: Look) -> str:
    return f"\x1b[{cell.colour}m{cell.text}\x1b[0m" if look.colour and cell.colour else cell.text


def _sparkline(scores: Sequence[float | None], look: Look) -> str:
    """p_bonafide of each second, the latest to the right; a dot where there was none."""
    bars = _BARS if look.unicode else _ASCII_BARS
    gap = "·" if look.unicode else " "
    length = HISTORY_S if look.width >= _WIDE else _NARROW_S
    last = list(scores)[-length:]
    cells = [gap if value is None else bars[min(int(value * len(bars)), len(bars) - 1)] for value in last]
    return "".join(cells).rjust(length)


def _level(level_db: float) -> str:
    return " zeros" if math.isinf(level_db) else f"{level_db:3.0f} dB"


def _meter(level_db: float, look: Look) -> str:
    share = 0.0 if math.isinf(level_db) else 1.0 - level_db / _METER_FLOOR_DB
    filled = round(_METER_CELLS * min(max(share, 0.0), 1.0))
    full, empty = ("█", "░") if look.unicode else ("#", "-")
    return full * filled + empty * (_METER_CELLS - filled)


def _cut(text: str, width: int) -> str:
    """At most ``width`` cells of a text in which a character may take two: names of devices hold anything."""
    used, kept = 0, []
    for character in text:
        used += 2 if unicodedata.east_asian_width(character) in "WF" else not unicodedata.combining(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept)
