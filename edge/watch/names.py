"""Names of recordings and folders: bytes to the system, personal to people."""

from __future__ import annotations

import os


def readable(text: str) -> str:
    """Text that can be written everywhere: names are bytes, and what is no text in them is shown escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_below(path: str, folder: str) -> bool:
    """Whether an absolute path lies below an absolute folder."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)
