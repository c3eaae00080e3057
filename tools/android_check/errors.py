"""The one error of the Android checks."""

from __future__ import annotations


class CheckError(Exception):
    """A check cannot be made or failed; the message says what was expected, what came, what to do."""
