"""From the tables of a TOML or JSON file to frozen dataclasses: unknown keys with a suggestion, every type checked.

Used by the model's contract, the service's configuration and the workbench's. Where a value may be a secret, it is not
quoted: no error and no repr can then show one. The service's configuration is one file for every command, each of
which reads its own table.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edge.errors import ConfigError

_T = TypeVar("_T")
_KINDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a string",
    dict: "a table",
    list: "a list",
    tuple: "a list",
}
_SECRETS = ("secret", "previous_secret", "password", "urls")
VARIABLE = "BONAFONE_CONFIG"
_SYSTEM = Path("/etc/bonafone/bonafone.toml")
_TABLES = ("alerts", "listen", "watch")


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


def build_settings(
    kind: type[_T], table: Any, where: str, *, error: type[Exception] = ConfigError, quoted: bool = False
) -> _T:
    """Build the dataclass ``kind`` from a table; fields that it does not name keep their default.

    Parameters
    ----------
    kind : a frozen dataclass whose fields are single values, tuples or tables of them, or such dataclasses.
    table : what the file holds.
    where : stands before each message, as in ``bonafone.toml`` or ``bonafone.toml: listen``.
    error : what is raised.
    quoted : messages quote values; otherwise they name their kind, since a value may be a secret.

    Raises
    ------
    error
        An unknown, missing or ill-typed key, or a `ValueError` of the dataclass itself. A `ConfigError` of the
        dataclass is raised anew with the place before it.
    """
    return _Builder(error, quoted).build(kind, table, where)


@dataclass(frozen=True)
class _Builder:
    error: type[Exception]
    quoted: bool

    def build(self, kind: type[_T], table: Any, where: str) -> _T:
        if not isinstance(table, dict):
            raise self._wrong("a table", table, where)
        hints = get_type_hints(kind)
        known = [item.name for item in fields(kind)]  # type: ignore[arg-type]
        for name in table:
            if name not in known:
                raise self.error(f"{where}: {_unknown(name, known)}")
        values = {name: self.value(hints[name], value, _inside(where, name)) for name, value in table.items()}
        try:
            return kind(**values)
        except ConfigError as cause:
            raise type(cause)(_inside(where, str(cause))) from None
        except (TypeError, ValueError) as cause:
            raise self.error(f"{where}: {cause}") from cause

    def value(self, hint: Any, value: Any, where: str) -> Any:
        if is_dataclass(hint):
            return self.build(hint, value, where)  # type: ignore[arg-type]
        if get_origin(hint) is UnionType:
            present = next(kind for kind in get_args(hint) if kind is not NoneType)
            # TOML has no null: "none" stands for it where another kind than a string may be absent.
            absent = value is None or (value == "none" and present is not str)
            return None if absent else self.value(present, value, where)
        if get_origin(hint) is tuple:
            return self._items(get_args(hint), value, where)
        if get_origin(hint) is dict:
            return self._table(get_args(hint)[1], value, where)
        # Python takes True for 1; a whole number is a fine float.
        fits = isinstance(value, (int, float) if hint is float else hint)
        if not fits or (hint is not bool and isinstance(value, bool)):
            raise self._wrong(_KINDS[hint], value, where)
        return float(value) if hint is float else value

    def _items(self, kinds: Sequence[Any], value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise self._wrong("a list", value, where)
        if kinds[-1] is Ellipsis:
            kinds = [kinds[0]] * len(value)
        if len(value) != len(kinds):
            shown = f": {list(value)}" if self.quoted else ""
            raise self.error(f"{where}: expected {len(kinds)} values, got {len(value)}{shown}")
        pairs = enumerate(zip(kinds, value, strict=True))
        return tuple(self.value(kind, item, f"{where}[{index}]") for index, (kind, item) in pairs)

    def _table(self, kind: Any, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong("a table", value, where)
        return {name: self.value(kind, item, _inside(where, name)) for name, item in value.items()}

    def _wrong(self, expected: str, value: Any, where: str) -> Exception:
        kind = _KINDS.get(type(value), f"a {type(value).__name__}")
        return self.error(f"{where}: expected {expected}, got {repr(value) if self.quoted else kind}")


def check_range(settings: object, name: str, lowest: float, highest: float) -> None:
    """Raise `ConfigError` unless the field ``name`` of settings lies between two bounds, both included."""
    value = getattr(settings, name)
    # Written so that NaN is refused too.
    if not lowest <= value <= highest:
        raise ConfigError(f"{name}: expected {lowest:g} to {highest:g}, got {value:g}")


def is_channel(choice: str) -> bool:
    """Whether an option chooses channels of a recording: ``mix``, ``each``, ``left``, ``right`` or a number from 1."""
    return choice in ("mix", "each", "left", "right") or (choice.isdecimal() and int(choice) > 0)


def _inside(where: str, name: str) -> str:
    """``file: name`` at the top of a file, ``file: table.name`` below."""
    return f"{where}.{name}" if ": " in where else f"{where}: {name}"


def _unknown(name: str, known: list[str]) -> str:
    if name in _SECRETS and f"{name}_env" in known:
        return (
            f"{name} is not written into the configuration, where it is copied and shown; put it into an environment "
            f"variable and name that in {name}_env, or into a file and give its path in {name}_file"
        )
    close = get_close_matches(name, known, n=1)
    meant = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
    return f"unknown key {name}; {meant}"


def find_config(given: str | Path | None, environment: Mapping[str, str]) -> Path | None:
    """Find the configuration file to use; None where there is none and defaults hold.

    In this order: the one that was given, the one that ``BONAFONE_CONFIG`` names, ``bonafone/bonafone.toml`` in
    ``XDG_CONFIG_HOME`` (``~/.config``), ``/etc/bonafone/bonafone.toml``. The first two must exist, which their reader
    sees to.
    """
    named = given or environment.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    home = environment.get("XDG_CONFIG_HOME") or (environment["HOME"] + "/.config" if environment.get("HOME") else "")
    places = [Path(home, "bonafone", "bonafone.toml")] if home else []
    return next((place for place in [*places, _SYSTEM] if place.is_file()), None)


def read_config(path: Path | None) -> dict[str, Any]:
    """Read the tables of a configuration by name; none where there is no file.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML, or has a table that no command reads.
    """
    if path is None:
        return {}
    tables = read_toml(path, ConfigError, "configuration", "give the path of a TOML file")
    for name in tables:
        if name not in _TABLES:
            raise ConfigError(f"{path}: unknown table {name}; known are {', '.join(_TABLES)}")
    return tables
