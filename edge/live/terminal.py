"""Where `edge listen` writes: results to stdout, and a panel to a terminal on stderr, a line for each stream.

`Panel` is pure: reports in, lines out. `Screen` writes lines, and redraws the panel below them.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import threading
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TextIO

from edge.live.reports import Report, StreamEnded, StreamUpdate, waiting_text
from edge.service.redaction import printable

REDRAW_S = 0.25
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
    update: StreamUpdate
    scores: deque[float | None] = field(default_factory=lambda: deque(maxlen=HISTORY_S))
    second: int = -1


class Panel:
    """Keeps of the reports what the lines show; ``source`` is its name, redacted."""

    def __init__(self, source: str) -> None:
        self._source = printable(source)
        self._rows: dict[str, _Row] = {}

    def add(self, report: Report) -> None:
        """Add the next report."""
        if isinstance(report, StreamEnded):
            self._rows.pop(report.stream, None)
        elif isinstance(report, StreamUpdate):
            row = self._rows.setdefault(report.stream, _Row(report))
            row.update = report
            # One cell a second, however many changes fall into it.
            if int(report.position_s) != row.second:
                row.second = int(report.position_s)
                row.scores.append(report.p_bonafide)
            else:
                row.scores[-1] = report.p_bonafide

    def lines(self, look: Look) -> list[str]:
        """Return the lines, at least one, none of them wider than the terminal."""
        if not self._rows:
            return [_cut(waiting_text(self._source), look.width)]
        shown = list(self._rows.items())[: max(1, look.height - 2)]
        names = max(len(name) for name, _ in shown)
        lines = [_line(name.ljust(names), row, look) for name, row in shown]
        if len(self._rows) > len(shown):
            lines.append(_cut(f"and {len(self._rows) - len(shown)} more", look.width))
        return lines


@dataclass(frozen=True)
class _Cell:
    """A piece of a line; of those that do not fit, the one of the highest ``rank`` goes first."""

    rank: int
    text: str
    colour: str = ""


def _line(name: str, row: _Row, look: Look) -> str:
    cells = _cells(name, row.update, row.scores, look)
    while len(cells) > 1 and _width(cells) > look.width:
        cells.remove(max(cells, key=lambda cell: cell.rank))
    if _width(cells) > look.width:
        cells = [replace(cells[0], text=_cut(cells[0].text, look.width))]
    paint = "\x1b[{}m{}\x1b[0m".format
    return "  ".join(paint(cell.colour, cell.text) if look.colour and cell.colour else cell.text for cell in cells)


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
        _Cell(4, " zeros" if math.isinf(update.level_db) else f"{update.level_db:3.0f} dB"),
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


def _sparkline(scores: Sequence[float | None], look: Look) -> str:
    """Draw p_bonafide of each second, the latest to the right; a dot where there was none."""
    bars = _BARS if look.unicode else _ASCII_BARS
    gap = "·" if look.unicode else " "
    length = HISTORY_S if look.width >= _WIDE else _NARROW_S
    last = list(scores)[-length:]
    cells = [gap if value is None else bars[min(int(value * len(bars)), len(bars) - 1)] for value in last]
    return "".join(cells).rjust(length)


def _meter(level_db: float, look: Look) -> str:
    share = 0.0 if math.isinf(level_db) else 1.0 - level_db / _METER_FLOOR_DB
    filled = round(_METER_CELLS * min(max(share, 0.0), 1.0))
    full, empty = ("█", "░") if look.unicode else ("#", "-")
    return full * filled + empty * (_METER_CELLS - filled)


def _cut(text: str, width: int) -> str:
    """Return at most ``width`` cells of a text; a character may take two, and names of devices hold anything."""
    used, kept = 0, []
    for character in text:
        used += 2 if unicodedata.east_asian_width(character) in "WF" else not unicodedata.combining(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept)


class Screen:
    """Writes lines, and keeps the panel below them; from any thread.

    `write` and `flush` make it the terminal that alerts are written to, so that they do not tear the panel.

    Parameters
    ----------
    stdout, stderr : None, as Python has it, where the descriptor was closed before it started; nothing is written then.
    panel : whether there is one; only on a stderr that is a terminal.
    clock : seconds that never run backwards.

    Attributes
    ----------
    has_panel : whether a panel is drawn.
    is_unread : whether the reader of the results has left; nothing more is written to stdout then.
    """

    def __init__(
        self, stdout: TextIO | None, stderr: TextIO | None, *, panel: bool, clock: Callable[[], float]
    ) -> None:
        self._stdout, self._stderr, self.has_panel, self._clock = stdout, stderr, panel, clock
        self._lock = threading.RLock()
        self._drawn: Sequence[str] = ()
        self._due_at = 0.0
        self.is_unread = False

    @property
    def is_due(self) -> bool:
        """Whether the panel may be drawn again: at most four times a second."""
        return self.has_panel and self._clock() >= self._due_at

    def result(self, line: str) -> None:
        """Write a line to stdout at once, since a program may wait for it."""
        self._put(self._stdout, line + "\n")

    def notice(self, line: str) -> None:
        """Write a line to stderr."""
        self._put(self._stderr, line + "\n")

    def write(self, text: str) -> int:
        """Write whole lines to stderr, as a file would; return the number of characters."""
        self._put(self._stderr, text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: everything is written at once."""

    def draw(self, lines: Sequence[str]) -> None:
        """Draw the panel in place of the one before."""
        with self._lock:
            self._due_at = self._clock() + REDRAW_S
            _write(self._stderr, self._wipe() + "\n".join(lines))
            self._drawn = lines

    def close(self) -> None:
        """Wipe the panel; what happened stands in the lines above it."""
        with self._lock:
            _write(self._stderr, self._wipe())
            self._drawn, self.has_panel = (), False

    def _put(self, stream: TextIO | None, text: str) -> None:
        with self._lock:
            if self._drawn:
                _write(self._stderr, self._wipe())
            if not _write(stream, text) and stream is self._stdout:
                self._stdout, self.is_unread = None, True
            if self._drawn:
                _write(self._stderr, "\n".join(self._drawn))

    def _wipe(self) -> str:
        """Go up to the panel's first line and clear from there on."""
        up = f"\x1b[{len(self._drawn) - 1}A" if len(self._drawn) > 1 else ""
        return f"\r{up}\x1b[J" if self._drawn else ""


def _write(stream: TextIO | None, text: str) -> bool:
    """Write at once; False when nobody reads any more. A full disk under a log must not end the listening."""
    try:
        if stream is not None and text:
            try:
                stream.write(text)
            except UnicodeEncodeError:
                # A device's name in Japanese must not end the listening where the log is Latin-1.
                encoding = stream.encoding or "ascii"
                stream.write(text.encode(encoding, "replace").decode(encoding))
            stream.flush()
    except BrokenPipeError:
        _discard(stream)
        return False
    except OSError:
        pass
    return True


def _discard(stream: TextIO | None) -> None:
    """Drop what is still buffered: Python would complain of it at its end."""
    with contextlib.suppress(OSError, ValueError):
        if stream is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def look_of(stream: TextIO, environment: Mapping[str, str]) -> Look:
    """Return what the terminal behind ``stream`` can show; one cell less than its width, since a full line wraps."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        size = shutil.get_terminal_size()
    encoding = (stream.encoding or "").lower().replace("-", "")
    return Look(max(1, size.columns - 1), max(1, size.lines), encoding == "utf8", not environment.get("NO_COLOR"))


def can_draw(stream: TextIO | None, environment: Mapping[str, str]) -> bool:
    """Whether ``stream`` is a terminal on which the cursor can be moved."""
    # Python has None where the descriptor was closed before it started.
    return stream is not None and stream.isatty() and environment.get("TERM", "dumb") != "dumb"
