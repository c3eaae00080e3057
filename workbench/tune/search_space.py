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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from edge.settings import read_toml
from workbench.config import SHIPPED, ExperimentConfig, config_from_dict, config_to_dict, flatten, nest, shipped_file
from workbench.errors import ConfigError

Distribution = CategoricalDistribution | IntDistribution | FloatDistribution

_FIELDS = {"choices", "low", "high", "step", "log"}


@dataclass(frozen=True)
class SearchSpace:
    """Distributions of the fields of a configuration, by dotted name; a categorical one holds its choices as JSON."""

    distributions: Mapping[str, Distribution]

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Draw a value for every name by an Optuna trial."""
        return {name: _draw(trial, name, found) for name, found in self.distributions.items()}

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values, by which two searches are compared."""
        return {name: json.loads(distribution_to_json(found)) for name, found in self.distributions.items()}


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
    space = SearchSpace(dict(_distributions(tables, base, str(path))))
    for name, found in space.distributions.items():
        if isinstance(found, CategoricalDistribution):
            ends = [json.loads(str(choice)) for choice in found.choices]
        else:
            ends = [found.low, found.high]
        for value in ends:
            try:
                apply(base, {name: value})
            except ConfigError as error:
                raise ConfigError(f"{path}: {name} = {value!r}: {error}") from error
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


def _draw(trial: Any, name: str, found: Distribution) -> Any:
    if isinstance(found, CategoricalDistribution):
        return json.loads(trial.suggest_categorical(name, found.choices))
    suggest = trial.suggest_int if isinstance(found, IntDistribution) else trial.suggest_float
    return suggest(name, found.low, found.high, step=found.step, log=found.log)


def _distributions(
    tables: Mapping[str, Any], base: ExperimentConfig, where: str, prefix: str = ""
) -> Iterator[tuple[str, Distribution]]:
    for key, value in tables.items():
        name = prefix + key
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: {name}: expected a table with choices, or with low and high; got {value!r}")
        if {"choices", "low", "high"} & set(value):
            yield name, _distribution(name, value, base, where)
        else:  # `train.dropout = …` without quotes is a table in a table
            yield from _distributions(value, base, where, f"{name}.")


def _distribution(name: str, table: Mapping[str, Any], base: ExperimentConfig, where: str) -> Distribution:
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
        # A storage keeps plain values only: lists and tables go in as JSON.
        return CategoricalDistribution([json.dumps(choice) for choice in choices])
    numbers = [value for field, value in table.items() if field != "log"]
    # A field whose default is a fraction takes fractions, even where both ends are whole.
    whole = all(type(value) is int for value in numbers) and isinstance(known.get(name), int | None)
    try:
        if table["low"] == table["high"] or any(type(value) not in (int, float) for value in numbers):
            raise ValueError("low and high are two numbers")
        found = IntDistribution(**{"step": 1, **table}) if whole else FloatDistribution(**table)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{where}: {name}: expected numbers low < high, and either log = true (low > 0) or a step > 0; "
            f"got {dict(table)!r} ({error})"
        ) from error
    return found
