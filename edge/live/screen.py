"""Where the output goes: results to stdout, a panel that is drawn over and over to a terminal on stderr."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from edge.live.panel import Look

REDRAW_S = 0.25


class Screen:
    """Writes lines, and keeps the panel below them; from any thread.

    It stands in for the terminal that alerts are written to (`write` and `flush`), so that they do not tear the panel.

    Parameters
    ----------
    stdout, stderr : None, as Python has it, where the descriptor was closed before it started; nothing is written then.
    panel : whether there is one; only on a stderr that is a terminal.
    clock : seconds that never run backwards.
    """

    def __init__(
        self, stdout: TextIO | None, stderr: TextIO | None, *, panel: bool, clock: Callable[[], float]
    ) -> None:
        self._stdout, self._stderr, self._has_panel, self._clock = stdout, stderr, panel, clock
        self._lock = threading.RLock()
        self._drawn: Sequence[str] = ()
        self._due_at = 0.0
        self._is_unread = False

    @property
    def has_panel(self) -> bool:
        """Whether a panel is drawn."""
        return self._has_panel

    @property
    def is_unread(self) -> bool:
        """Whether whoever read the results has left; nothing more is written to stdout then."""
        return self._is_unread

    @property
    def is_due(self) -> bool:
        """Whether the panel may be drawn again: at most four times a second."""
        return self._has_panel and self._clock() >= self._due_at

    def result(self, line: str) -> None:
        """Write a line to stdout at once, since a program may wait for it."""
        self._put(self._stdout, line + "\n")

    def notice(self, line: str) -> None:
        """Write a line to stderr."""
        self._put(self._stderr, line + "\n")

    def write(self, text: str) -> int:
        """Write whole lines to stderr, as a file would."""
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
            self._drawn, self._has_panel = (), False

    def _put(self, stream: TextIO | None, text: str) -> None:
        with self._lock:
            if self._drawn:
                _write(self._stderr, self._wipe())
            if not _write(stream, text) and stream is self._stdout:
                self._stdout, self._is_unread = None, True
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
    """Let what is still buffered go nowhere: Python would complain of it when it ends."""
    with contextlib.suppress(OSError, ValueError):
        if stream is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def look_of(stream: TextIO, environment: Mapping[str, str]) -> Look:
    """What the terminal behind ``stream`` can show; one cell less than it is wide, since a full line would wrap."""
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
