"""Configurations as text: flat dotted names, what differs from the default, and TOML that `load_config` reads back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from workbench.config import ExperimentConfig, config_to_dict


def flatten(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables to dotted names, ``{"train": {"seed": 1}}`` to ``{"train.seed": 1}``; sequences become lists."""
    flat: dict[str, Any] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = list(value) if isinstance(value, tuple) else value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names to nested tables, the inverse of `flatten`."""
    tables: dict[str, Any] = {}
    for name, value in flat.items():
        *parts, last = name.split(".")
        table = tables
        for part in parts:
            table = table.setdefault(part, {})
        table[last] = value
    return tables


def differences(config: Mapping[str, Any], default: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the nested tables ``config`` hold otherwise than ``default`` [the default configuration], by dotted name."""
    base = flatten(config_to_dict(ExperimentConfig()) if default is None else default)
    return {name: value for name, value in flatten(config).items() if name not in base or base[name] != value}


def short_text(values: Mapping[str, Any]) -> str:
    """``dropout=0.2, widths=[60x8]``: dotted names without their table where no other table has such a field."""
    known = flatten(config_to_dict(ExperimentConfig()))
    # A folder of data shares a name with a chance of augmentation; it is never what a difference is about.
    count = Counter(name.rpartition(".")[2] for name in {*known, *values} if not name.startswith("data."))
    return ", ".join(
        f"{name.rpartition('.')[2] if count[name.rpartition('.')[2]] == 1 else name}={_short(value)}"
        for name, value in values.items()
    )


def config_to_toml(config: ExperimentConfig, head: str = "") -> str:
    """What ``config`` holds otherwise than the default, as TOML under the comment ``head``."""
    found = {name: value for name, value in differences(config_to_dict(config)).items() if name != "name"}
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    lines.append(f"name = {_toml(config.name)}")
    for table, names in groupby(found, key=lambda name: name.rpartition(".")[0]):
        lines += ["", f"[{table}]", *(f"{name.rpartition('.')[2]} = {_toml(found[name])}" for name in names)]
    return "\n".join(lines) + "\n"


def _short(value: Any) -> str:
    if isinstance(value, list):
        runs = [list(same) for _, same in groupby(value)]
        # Two alike are written out: [4x2] would read as a size of four by two.
        texts = [f"{_short(run[0])}x{len(run)}" if len(run) > 2 else ", ".join(map(_short, run)) for run in runs]
        return "[" + ", ".join(texts) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else str(value)


def _toml(value: Any) -> str:
    if value is None:
        return '"none"'  # TOML has no null; `load_config` takes this for it
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    # JSON's strings are TOML's, its whole numbers too; a float keeps all of its digits.
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
