"""Errors of the bridge; each carries one complete message: what was expected, what came, what to do.

EdgeError
└── BridgeError
    ├── PcmError
    ├── CallStateError
    ├── FactsError
    └── PortError
"""

from __future__ import annotations

from edge.errors import EdgeError


class BridgeError(EdgeError):
    """Base of every error that the bridge raises on purpose."""


class PcmError(BridgeError):
    """Bytes that are no PCM16 mono of the rate that was said."""


class CallStateError(BridgeError):
    """A step that the state of the call does not allow."""


class FactsError(BridgeError):
    """JSON or a value from the app that does not fit."""


class PortError(BridgeError):
    """The phone's vibrator or notification failed."""
