"""The search space of `workbench tune`: a TOML table of configuration names, each with its values or its range.

    [space]
    "train.learning_rate" = { low = 3e-4, high = 5e-3, log = true }
    "train.batch_size" = { low = 16, high = 64, step = 16 }
    "model.skip" = { choices = ["none", "identity"] }
    "model" = { choices = [{ widths = [60, 60], dilations = [1, 2] }, { widths = [90], dilations = [1] }] }

A choice for the name of a table is a table of fields that belong together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.settings import read_toml
from workbench.config import SHIPPED, ExperimentConfig, config_from_dict, config_to_dict, flatten, nest, shipped_file
from workbench.errors import ConfigError

_FIELDS = {"choices", "low", "high", "step", "log"}


@dataclass(frozen=True)
class Dimension:
    """One field and the values that it may take: ``choices``, or ``low`` to ``high``, both included.

    ``whole`` where the field takes whole numbers only; ``log`` draws evenly over the logarithm.
    """

    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    whole: bool = False

    def suggest(self, trial: Any) -> Any:
        """Draw a value by an Optuna trial."""
        if self.choices:
            # A storage keeps plain values only: lists and tables go in as JSON.
            drawn = trial.suggest_categorical(self.name, [_stored(choice) for choice in self.choices])
            return next(choice for choice in self.choices if _stored(choice) == drawn)
        if self.whole:
            step = 1 if self.step is None else int(self.step)
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=step, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def ends(self) -> tuple[Any, ...]:
        """Values to try on the configuration before the search, so that it does not fail halfway."""
        return self.choices or ((int(self.low), int(self.high)) if self.whole else (self.low, self.high))


@dataclass(frozen=True)
class SearchSpace:
    """The dimensions of a search."""

    dimensions: tuple[Dimension, ...]

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Draw a value for every name."""
        return {dimension.name: dimension.suggest(trial) for dimension in self.dimensions}

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values, by which two searches are compared."""
        return {
            item.name: {"choices": list(item.choices)}
            if item.choices
            else {"low": item.low, "high": item.high, "step": item.step, "log": item.log}
            for item in self.dimensions
        }


def load_space(path: str | Path, base: ExperimentConfig) -> SearchSpace:
    """Read a search space (``space`` is the shipped one) and try the ends of each range on ``base``.

    Raises
    ------
    ConfigError
        The file cannot be read, a name is unknown, a range is none, or a value does not fit the configuration.
    """
    file = shipped_file(path, ("space",)) or Path(path)
    advice = f"give a TOML file, or 'space' for {SHIPPED / 'space.toml'}"
    data = read_toml(file, ConfigError, "search space", advice, shown=path)
    tables = data.get("space")
    if not isinstance(tables, dict) or not tables or set(data) != {"space"}:
        raise ConfigError(f"{path}: expected one table [space] of configuration names; got {', '.join(data) or 'none'}")
    space = SearchSpace(tuple(_dimensions(tables, base, str(path))))
    for dimension in space.dimensions:
        for value in dimension.ends():
            try:
                apply(base, {dimension.name: value})
            except ConfigError as error:
                raise ConfigError(f"{path}: {dimension.name} = {value!r}: {error}") from error
    return space


def apply(base: ExperimentConfig, values: Mapping[str, Any], where: str = "configuration") -> ExperimentConfig:
    """Replace fields of ``base`` by ``values``, by dotted name.

    Raises
    ------
    ConfigError
        The values do not make a configuration.
    """
    flat = flatten(config_to_dict(base))
    for name, value in values.items():
        flat.update(flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value})
    return config_from_dict(nest(flat), where)


def _dimensions(tables: Mapping[str, Any], base: ExperimentConfig, where: str, prefix: str = "") -> list[Dimension]:
    found: list[Dimension] = []
    for key, value in tables.items():
        name = prefix + key
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: {name}: expected a table with choices, or with low and high; got {value!r}")
        if {"choices", "low", "high"} & set(value):
            found.append(_dimension(name, value, base, where))
        else:  # `train.dropout = …` without quotes is a table in a table
            found += _dimensions(value, base, where, f"{name}.")
    return found


def _dimension(name: str, table: Mapping[str, Any], base: ExperimentConfig, where: str) -> Dimension:
    unknown = sorted(set(table) - _FIELDS)
    if unknown:
        raise ConfigError(f"{where}: {name}: unknown {', '.join(unknown)}; known are {', '.join(sorted(_FIELDS))}")
    known = flatten(config_to_dict(base))
    if name not in known and not any(other.startswith(f"{name}.") for other in known):
        raise ConfigError(f"{where}: the configuration has no {name}; see workbench/config.py")
    if "choices" in table:
        choices = table["choices"]
        if set(table) != {"choices"} or not isinstance(choices, list) or not choices:
            raise ConfigError(f"{where}: {name}: choices is a list, and stands alone; got {dict(table)!r}")
        return Dimension(name, choices=tuple(choices))
    low, high, step, log = table.get("low"), table.get("high"), table.get("step"), table.get("log", False)
    numbers = [value for value in (low, high, step) if value is not None]
    if (
        low is None
        or high is None
        or not all(isinstance(value, int | float) and not isinstance(value, bool) for value in numbers)
        or not low < high
        or not isinstance(log, bool)
        or (log and low <= 0)
        or (step is not None and (log or step <= 0))
    ):
        raise ConfigError(
            f"{where}: {name}: expected numbers low < high, and either log = true (low > 0) or a step > 0; "
            f"got {dict(table)!r}"
        )
    # A field whose default is a fraction takes fractions, even where both ends are whole.
    whole = all(isinstance(value, int) for value in numbers) and isinstance(known.get(name), int | None)
    return Dimension(name, low=low, high=high, step=step, log=log, whole=whole)


def _stored(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
