"""The alerts' configuration from TOML: the table ``[alerts]`` of a file whose other tables are not ours.

[alerts]
cooldown_s = 60

[alerts.webhook]
enabled = true
url = "https://example.org/hook"
secret_env = "BONAFONE_WEBHOOK_SECRET"
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.alerts.errors import AlertConfigError
from edge.alerts.settings import AlertSettings
from edge.errors import ConfigError
from edge.settings import build_settings, read_toml


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
    try:
        return build_settings(AlertSettings, table, where)
    except AlertConfigError:
        raise
    except ConfigError as error:
        raise AlertConfigError(str(error)) from error
