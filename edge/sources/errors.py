"""Errors of the sources: a branch of the runtime's tree.

EdgeError
└── SourceError
    ├── SourceSyntaxError
    ├── SourceOpenError
    └── BadDataError
"""

from __future__ import annotations

from edge.service.source_address import SourceError, SourceSyntaxError

__all__ = ["BadDataError", "SourceError", "SourceOpenError", "SourceSyntaxError"]


class SourceOpenError(SourceError):
    """The source cannot be opened: no such device or command, a port that is taken, a missing part."""


class BadDataError(SourceError):
    """What came is not what was promised; inside the sources only, a consumer sees a `StreamEnd` or a `Trouble`."""
