"""Errors of watching, a branch of the runtime's tree.

EdgeError
├── ConfigError
│   └── WatchConfigError
├── ReportError
└── LedgerError
"""

from __future__ import annotations

from edge.alerts.errors import OutboxError
from edge.errors import ConfigError, EdgeError


class WatchConfigError(ConfigError):
    """The settings of watching do not fit."""


class ReportError(EdgeError):
    """A result cannot be printed."""


class LedgerError(EdgeError):
    """The ledger on disk cannot be opened, read or written."""


UNWRITTEN = (OutboxError, LedgerError, ReportError)
"""What a full disk or a lock raises: it can pass, and what could not be written then is done again."""
