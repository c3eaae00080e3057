"""From the tables of a TOML file to frozen settings: unknown keys with a suggestion, and no value quoted.

Secrets are never written in the file, so no error and no repr can show one; values that may hold one are not quoted.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edge.errors import ConfigError
from edge.toml_values import KINDS, fits, without_none

_T = TypeVar("_T")
_SECRETS = ("secret", "previous_secret", "password", "urls")


def build_settings(kind: type[_T], table: Any, where: str) -> _T:
    """Build the dataclass ``kind`` from a table; fields that it does not name keep their default.

    Parameters
    ----------
    kind : a frozen dataclass whose fields are single values, tuples of them, or such dataclasses.
    table : what the file holds.
    where : stands before each error, as in ``bonafone.toml: listen``.

    Raises
    ------
    ConfigError
        An unknown or ill-typed key, or whatever `ConfigError` the dataclass itself raises on a value.
    """
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: expected a table, got {_kind_of(table)}")
    hints = get_type_hints(kind)
    known = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    for name in table:
        if name not in known:
            raise ConfigError(f"{where}: {_unknown(name, known)}")
    values = {name: _typed(hints[name], value, f"{where}.{name}") for name, value in table.items()}
    try:
        return kind(**values)
    except ConfigError as error:
        raise type(error)(f"{where}.{error}") from None


def _unknown(name: str, known: list[str]) -> str:
    if name in _SECRETS and f"{name}_env" in known:
        return (
            f"{name} is not written into the configuration, where it is copied and shown; put it into an environment "
            f"variable and name that in {name}_env, or into a file and give its path in {name}_file"
        )
    close = get_close_matches(name, known, n=1)
    meant = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
    return f"unknown key {name}; {meant}"


def _typed(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return build_settings(hint, value, where)  # type: ignore[arg-type]
    if present := without_none(hint):
        return _typed(present, value, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where}: expected a list, got {_kind_of(value)}")
        return tuple(_typed(get_args(hint)[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if not fits(hint, value):
        raise ConfigError(f"{where}: expected {KINDS[hint]}, got {_kind_of(value)}")
    return float(value) if hint is float else value


def _kind_of(value: Any) -> str:
    """The kind of a value, not the value: a URL in the wrong place can hold a token."""
    return {**KINDS, dict: "a table", list: "a list"}.get(type(value), f"a {type(value).__name__}")
