"""Where the configuration is: one TOML file for every command, each of which reads its own table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.errors import ConfigError
from edge.settings import read_toml

VARIABLE = "BONAFONE_CONFIG"
_SYSTEM = Path("/etc/bonafone/bonafone.toml")
_TABLES = ("alerts", "listen", "watch")


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
