"""Which files another process has open for writing, where the system tells: Linux, for processes that we may look into.

Source: proc(5), "/proc/pid/fd/" and "/proc/pid/fdinfo/".
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

_PROC = "/proc"


def held_open(paths: Iterable[str], proc: str = _PROC) -> set[str]:
    """Those of ``paths`` that a process has open for writing; none where that cannot be told."""
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(os.path.basename(os.path.realpath(path)), []).append(path)
    held: set[str] = set()
    if not by_name:
        return held
    for descriptor, information in _descriptors(proc):
        try:
            # The name of the link is cheap; what it leads to may lie on a network mount that hangs.
            candidates = by_name.get(os.path.basename(os.readlink(descriptor)))
            if candidates and _writes(information):
                held.update(path for path in candidates if os.path.samefile(descriptor, path))
        except (OSError, ValueError):
            # Closed in between, or not ours to see.
            continue
    return held


def _descriptors(proc: str) -> Iterator[tuple[str, str]]:
    """The link and the information of every open file of every process."""
    try:
        processes = [name for name in os.listdir(proc) if name.isdecimal()]
    except OSError:
        return
    for process in processes:
        folder = f"{proc}/{process}/fd"
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            yield f"{folder}/{name}", f"{proc}/{process}/fdinfo/{name}"


def _writes(information: str) -> bool:
    with open(information, encoding="ascii", errors="replace") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key == "flags":
                return int(value, 8) & os.O_ACCMODE != os.O_RDONLY
    return False
