"""Find recordings below a folder, and those of them that have not changed for long enough to be read.

A quick look lists names and asks for size and time of unknown ones alone. A full look asks about every file, which
takes long on a network share, and finds what was written over under its old name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from edge.scoring import AUDIO_SUFFIXES

_UNFINISHED_PREFIXES = (".", "~")


@dataclass(frozen=True)
class Found:
    """A recording as it stands in its folder."""

    path: str
    size: int
    mtime_ns: int

    @property
    def version(self) -> tuple[int, int]:
        """Changes when the file does."""
        return self.size, self.mtime_ns


@dataclass
class Look:
    """What one look at a folder found; ``unreadable`` has the reason by file or folder."""

    files: list[Found] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)

    def note(self, path: str, error: OSError) -> None:
        """Note what cannot be read; what went between two steps, or a link that leads nowhere, is no trouble."""
        if not isinstance(error, FileNotFoundError):
            self.unreadable[path] = error.strerror or str(error)


def is_recording(name: str) -> bool:
    """Return whether a file is a recording by its name; a transfer under way has another ending or a dot in front.

    ``call.wav.part``, ``.syncthing.call.wav.tmp`` and ``.call.wav.Xy12`` (rsync) become recordings once renamed.
    """
    return not name.startswith(_UNFINISHED_PREFIXES) and os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES


def is_below(path: str, folder: str) -> bool:
    """Return whether an absolute path lies below an absolute folder."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def find(path: str) -> Found | None:
    """Look at a file as it stands now; None where there is none, or something that is no file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return _found(path, status)


def _found(path: str, status: os.stat_result) -> Found | None:
    # A pipe or a device would wait for a writer for ever.
    return Found(path, status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def scan(root: str, is_known: Callable[[str], bool] = lambda path: False) -> Look:
    """Find the recordings below ``root``, less those that ``is_known``.

    Links to files are followed, links to folders are not: they can lead in circles.

    Raises
    ------
    OSError
        The folder ``root`` itself cannot be read.
    """
    look, waiting = Look(), [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if not entry.name.startswith("."):
                            waiting.append(entry.path)
                    elif is_recording(entry.name) and not is_known(entry.path):
                        _stat(entry, look)
        except OSError as error:
            if folder == root:
                raise
            look.note(folder, error)
    return look


def _stat(entry: os.DirEntry[str], look: Look) -> None:
    try:
        found = _found(entry.path, entry.stat())
    except OSError as error:
        look.note(entry.path, error)
        return
    if found is not None:
        look.files.append(found)


@dataclass(frozen=True)
class _Waiting:
    found: Found
    since_s: float
    not_before_s: float = 0.0


class Settling:
    """Recordings that wait until they stand still; times in seconds of one monotonic clock.

    Parameters
    ----------
    settle_s : for how long a recording must stay as it is.
    ask : a recording as it stands now, or None when it is gone.
    """

    def __init__(self, settle_s: float, ask: Callable[[str], Found | None] = find) -> None:
        self._settle_s, self._ask = settle_s, ask
        self._waiting: dict[str, _Waiting] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, found: Found, now_s: float) -> None:
        """Note a recording that was seen. One that has changed since waits anew, also when it had been postponed."""
        waiting = self._waiting.get(found.path)
        if waiting is None or waiting.found.version != found.version:
            self._waiting[found.path] = _Waiting(found, now_s)

    def recheck(self, now_s: float) -> None:
        """Look at each again; one that is gone, perhaps renamed, is dropped."""
        for path in list(self._waiting):
            found = self._ask(path)
            if found is None:
                del self._waiting[path]
            else:
                self.note(found, now_s)

    def settled(self, now_s: float) -> list[Found]:
        """Return those that may be read, oldest first: the order in which the calls were."""
        ready = [
            waiting.found
            for waiting in self._waiting.values()
            if now_s - waiting.since_s >= self._settle_s and now_s >= waiting.not_before_s
        ]
        return sorted(ready, key=lambda found: (found.mtime_ns, found.path))

    def postpone(self, path: str, until_s: float) -> None:
        """Hold a recording back until ``until_s``, unless it changes."""
        if path in self._waiting:
            self._waiting[path] = replace(self._waiting[path], not_before_s=until_s)

    def drop(self, path: str) -> None:
        """Remove a recording from those that wait."""
        self._waiting.pop(path, None)
