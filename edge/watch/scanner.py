"""Look for recordings below a folder, cheaply enough to do it every two seconds for ten thousand of them.

A quick look lists only the folders whose modification time has changed, and asks for size and time of unknown names
alone. A full look asks about every file: it finds what was written over under its old name, and what a network file
system did not put into the folder's time.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.scoring import AUDIO_SUFFIXES

_UNFINISHED_PREFIXES = (".", "~")
# A folder's time counts in steps of up to two seconds (FAT): what happens later in the same step does not move it.
_TIME_STEP_S = 3.0


@dataclass(frozen=True)
class Found:
    """A recording as it stands in its folder; ``inode`` is 0 where the system has none."""

    path: str
    size: int
    mtime_ns: int
    inode: int

    @property
    def version(self) -> tuple[int, int]:
        """Changes when the file does."""
        return self.size, self.mtime_ns


@dataclass(frozen=True)
class Look:
    """What one look found; ``unreadable`` has the reason by file or folder below the watched one.

    ``full`` says whether every file was asked about.
    """

    full: bool
    files: list[Found] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)

    def miss(self, path: str, error: OSError) -> None:
        """Note what cannot be read; what went between two steps, or a link that leads nowhere, is no trouble."""
        if not isinstance(error, FileNotFoundError):
            self.unreadable[path] = error.strerror or str(error)


@dataclass(frozen=True)
class _Listing:
    mtime_ns: int
    final: bool
    """Whether every later change must move the folder's time."""
    folders: tuple[str, ...]


def is_recording(name: str) -> bool:
    """Whether a file of this name is taken: what is still being transferred has another ending or a dot in front.

    ``call.wav.part``, ``.syncthing.call.wav.tmp`` and ``.call.wav.Xy12`` (rsync) are not; they are once renamed.
    """
    return not name.startswith(_UNFINISHED_PREFIXES) and os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES


def find(path: str) -> Found | None:
    """The file as it stands now; None where there is none, or something that is no file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return _found(path, status)


def _found(path: str, status: os.stat_result) -> Found | None:
    # A pipe or a device would wait for a writer for ever.
    if not stat.S_ISREG(status.st_mode):
        return None
    return Found(path, status.st_size, status.st_mtime_ns, status.st_ino)


class Scanner:
    """Looks below ``root`` again and again; ``clock`` gives seconds since 1970, as the file system's times are."""

    def __init__(self, root: str, clock: Callable[[], float]) -> None:
        self.root, self._clock = root, clock
        self._listings: dict[str, _Listing] = {}

    def look(self, is_known: Callable[[str], bool], *, full: bool) -> Look:
        """Find recordings: all of them, or with ``full`` false new names alone, less those that ``is_known``.

        Links to files are followed, links to folders are not: they can lead in circles.

        Raises
        ------
        OSError
            The watched folder itself cannot be read.
        """
        look = Look(full)
        listings: dict[str, _Listing] = {}
        waiting = [self.root]
        while waiting:
            folder = waiting.pop()
            try:
                listing = self._visit(folder, is_known, look)
            except OSError as error:
                if folder == self.root:
                    raise
                look.miss(folder, error)
                continue
            listings[folder] = listing
            waiting += listing.folders
        self._listings = listings
        return look

    def _visit(self, folder: str, is_known: Callable[[str], bool], look: Look) -> _Listing:
        mtime_ns = os.stat(folder).st_mtime_ns
        before = self._listings.get(folder)
        if not look.full and before is not None and before.final and before.mtime_ns == mtime_ns:
            return before
        final = self._clock() - mtime_ns / 1e9 > _TIME_STEP_S
        folders = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif is_recording(entry.name) and (look.full or not is_known(entry.path)):
                    _stat(entry, look)
        return _Listing(mtime_ns, final, tuple(folders))


def _stat(entry: os.DirEntry[str], look: Look) -> None:
    try:
        # On Windows an entry's own status has no inode.
        found = _found(entry.path, entry.stat() if os.name == "posix" else os.stat(entry.path))
    except OSError as error:
        look.miss(entry.path, error)
        return
    if found is not None:
        look.files.append(found)
