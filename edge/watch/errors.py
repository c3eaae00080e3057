"""Errors of watching, a branch of the runtime's tree.

EdgeError
├── ConfigError
│   └── WatchConfigError
└── LedgerError
    └── LedgerBusyError
"""

from __future__ import annotations

from edge.errors import ConfigError, EdgeError


class WatchConfigError(ConfigError):
    """The settings of watching do not fit."""


class LedgerError(EdgeError):
    """The ledger on disk cannot be opened, read or written."""


class LedgerBusyError(LedgerError):
    """Another process works with this ledger."""
