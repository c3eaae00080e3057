"""Reading TOML into typed settings: what every configuration of the project does alike."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}
"""Types of a single value, as messages call them."""


def read_toml(
    path: str | Path, error: type[Exception], what: str, advice: str, shown: str | Path = ""
) -> dict[str, Any]:
    """The tables of the TOML file ``path``.

    Raises
    ------
    error
        The file cannot be read (the message names ``what`` it should have been and gives ``advice``), or is not TOML.
        Messages begin with ``shown``, or the path.
    """
    shown = shown or path
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as cause:
        raise error(f"{shown}: cannot read the {what} ({cause}); {advice}") from cause
    except tomllib.TOMLDecodeError as cause:
        raise error(f"{shown}: not TOML ({cause})") from cause


def without_none(hint: Any) -> Any | None:
    """The type that may be absent in a ``… | None``; None for any other hint."""
    if get_origin(hint) is not UnionType:
        return None
    return next(kind for kind in get_args(hint) if kind is not NoneType)


def fits(kind: Any, value: Any) -> bool:
    """Whether ``value`` is one of ``kind``, of `KINDS`. Python takes True for 1, and a whole number is a fine float."""
    return isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
