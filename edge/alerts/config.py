"""The alerts' configuration from TOML: the table ``[alerts]`` of a file whose other tables are not ours.

    [alerts]
    cooldown_s = 60

    [alerts.webhook]
    enabled = true
    url = "https://example.org/hook"
    secret_env = "BONAFONE_WEBHOOK_SECRET"

Secrets are never written in it, so no error and no repr can show one; values that may hold a token are not quoted.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edge.alerts.errors import AlertConfigError
from edge.alerts.settings import AlertSettings
from edge.toml_values import KINDS, fits, read_toml, without_none

_T = TypeVar("_T")
_SECRETS = ("secret", "previous_secret", "password", "urls")


def load_settings(path: str | Path) -> AlertSettings:
    """Read the settings of the alerts; what the file does not name keeps its default, and every channel is off.

    Raises
    ------
    AlertConfigError
        The file cannot be read, is not TOML, or names an unknown or ill-typed key or a value out of range.
    """
    tables = read_toml(path, AlertConfigError, "configuration", "give the path of a TOML file")
    return settings_from_table(tables.get("alerts", {}), f"{path}: alerts")


def settings_from_table(table: Any, where: str = "alerts") -> AlertSettings:
    """Build the settings from the table ``alerts``; see `load_settings`. ``where`` stands before each error."""
    return _build(AlertSettings, table, where)


def _build(kind: type[_T], table: Any, where: str) -> _T:
    if not isinstance(table, dict):
        raise AlertConfigError(f"{where}: expected a table, got {_kind_of(table)}")
    hints = get_type_hints(kind)
    known = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    for name in table:
        if name not in known:
            raise AlertConfigError(f"{where}: {_unknown(name, known)}")
    values = {name: _typed(hints[name], value, f"{where}.{name}") for name, value in table.items()}
    try:
        return kind(**values)
    except AlertConfigError as error:
        raise AlertConfigError(f"{where}.{error}") from None


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
        return _build(hint, value, where)  # type: ignore[arg-type]
    if present := without_none(hint):
        return _typed(present, value, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise AlertConfigError(f"{where}: expected a list, got {_kind_of(value)}")
        return tuple(_typed(get_args(hint)[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if not fits(hint, value):
        raise AlertConfigError(f"{where}: expected {KINDS[hint]}, got {_kind_of(value)}")
    return float(value) if hint is float else value


def _kind_of(value: Any) -> str:
    """The kind of a value, not the value: a URL in the wrong place can hold a token."""
    return {**KINDS, dict: "a table", list: "a list"}.get(type(value), f"a {type(value).__name__}")
