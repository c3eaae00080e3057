"""The files of the clips folder: their names, their age, and how one gets there whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.errors import EdgeError

PART = ".part"
"""Ends the name of a file until it is whole."""
_EVENT_ID = re.compile(r"evt_[0-9a-f]{32}")
_NAME = re.compile(rf"bonafone-(\d{{8}}T\d{{6}}Z)-{_EVENT_ID.pattern}\.(?:wav|json)(?:\{PART})?")
_STAMP = "%Y%m%dT%H%M%SZ"


class ClipError(EdgeError):
    """Clips cannot be kept; listening can go on without it."""


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Tell the system's errors in our words."""
    try:
        yield
    except OSError as error:
        raise ClipError(
            f"clips: {folder} cannot be used ({error.strerror or error}); make room or check its permissions"
        ) from error


def recording_path(folder: Path, event_id: str, time_s: float) -> Path:
    """Where the recording of an alarm goes; its name holds the moment and the event, and nothing of the call.

    Raises
    ------
    ClipError
        The id is not one of `edge.alerts.event.new_event_id`.
    """
    if not _EVENT_ID.fullmatch(event_id):
        raise ClipError(f"clips: expected an id of evt_ and 32 hexadecimal digits, got {event_id!r}")
    return folder / f"bonafone-{datetime.fromtimestamp(time_s, UTC).strftime(_STAMP)}-{event_id}.wav"


def part_of(path: Path) -> Path:
    """The name that a file has until it is whole."""
    return path.with_name(path.name + PART)


def own_files(folder: Path) -> list[Path]:
    """Files that have our names, the newest alarm first; links and whatever else lies there are not ours."""
    with os.scandir(folder) as entries:
        ours = [item.name for item in entries if _NAME.fullmatch(item.name) and item.is_file(follow_symlinks=False)]
    return [folder / name for name in sorted(ours, reverse=True)]


def alarm_time_s(path: Path) -> float:
    """Seconds since 1970 at the alarm, from the name: copying a folder changes the times of its files."""
    match = _NAME.fullmatch(path.name)
    try:
        return datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC).timestamp() if match else math.inf
    except ValueError:
        # Digits that are no date: not by us, so never too old.
        return math.inf


def size_of(path: Path) -> int:
    """Bytes; 0 for a file that somebody else deleted."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def facts_text(facts: Mapping[str, Any]) -> str:
    """The facts as JSON.

    Raises
    ------
    ClipError
        They hold something that JSON has not.
    """
    try:
        return json.dumps(dict(facts), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ClipError(f"clips: expected facts that JSON can hold, got others ({error})") from error


def write_whole(path: Path, text: str) -> None:
    """Write a small file under its name with mode 0600; a file of that name is replaced."""
    part = part_of(path)
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(create(part), "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def create(path: Path) -> int:
    """Open a new file with mode 0600; never one that is there, nor through a link."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def claim(descriptor: int) -> None:
    """Mark a half written file as somebody's, or raise BlockingIOError; the mark goes away with the process."""
    if os.name == "posix":
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_abandoned(part: Path) -> bool:
    """Whether nobody writes a file any more: a killed process left it half written."""
    try:
        with part.open("rb") as file:
            claim(file.fileno())
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True
