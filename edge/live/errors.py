"""Errors of live listening, a branch of the runtime's tree.

EdgeError
└── ConfigError
    └── ListenConfigError
"""

from __future__ import annotations

from edge.errors import ConfigError


class ListenConfigError(ConfigError):
    """The settings of listening do not fit."""
