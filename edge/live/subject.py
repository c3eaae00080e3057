"""What the monitor has to know of a source beside its events: what its streams are, and when its silence is news."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from edge.service.source_address import Kind, SourceAddress


@dataclass(frozen=True)
class Subject:
    """A source as its user named it.

    Attributes
    ----------
    name : the text of the source, unredacted.
    kind : which source it is.
    pace : seconds of audio a second of the clock brings; infinity for a file as fast as possible.
    key : the same whenever the same audio is listened to again, so that alerts of a restart are known; None for live
        audio, which never comes twice.
    """

    name: str
    kind: Kind
    pace: float = 1.0
    key: str | None = None

    @property
    def has_calls(self) -> bool:
        """Whether its streams are calls, which come and go, and may be several."""
        return self.kind in ("rtp", "audiosocket")

    @property
    def is_device(self) -> bool:
        """Whether it should give audio for as long as it is open, so that nothing, or next to nothing, is a fault."""
        return self.kind in ("mic", "cmd")

    @property
    def can_vanish(self) -> bool:
        """Whether a stream that breaks off means that the source is gone."""
        return self.is_device or self.kind == "stdin"


def subject_of(text: str, *, pace: float = 1.0) -> Subject:
    """The subject that the address of a source names.

    Raises
    ------
    SourceSyntaxError
        The text names no source.
    """
    address = SourceAddress.parse(text)
    if address.kind == "file":
        return Subject(text, "file", pace, _key(Path(address.target)))
    return Subject(text, address.kind)


def _key(path: Path) -> str:
    """Which recording it is: another one that is put in its place is another."""
    try:
        found = path.stat()
    except OSError:
        # It cannot be opened either, which its source tells.
        return str(path)
    return f"{path.resolve()}|{found.st_size}|{found.st_mtime_ns}"


def is_unpaced(subject: Subject) -> bool:
    """Whether the audio comes as fast as it is taken."""
    return math.isinf(subject.pace)
