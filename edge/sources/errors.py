"""Errors of the sources: a branch of the runtime's tree.

EdgeError
└── SourceError
    ├── SourceSyntaxError
    ├── SourceOpenError
    └── BadDataError
"""

from __future__ import annotations

from edge.errors import EdgeError


class SourceError(EdgeError):
    """A live source cannot be used."""


class SourceSyntaxError(SourceError):
    """The text names no source, or one of its options is wrong."""


class SourceOpenError(SourceError):
    """The source cannot be opened: no such device or command, a port that is taken, a missing part."""


class BadDataError(SourceError):
    """What came is not what was promised; inside the sources only, a consumer sees a `StreamEnd` or a `Trouble`."""
