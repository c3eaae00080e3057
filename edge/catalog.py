"""Shipped models by name, and the choice of `--model` as a path."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path

from edge.errors import NotAModelError

_HERE = Path(__file__).parent
# An installed wheel keeps the models beside the code, a checkout at its top.
_FOLDERS = (_HERE / "models", _HERE.parent / "models")
DEFAULT_FAMILY = "bonafone"
SMALL_MODEL = f"{DEFAULT_FAMILY}-small"
"""Runs everywhere; the default where the runtime lacks operators of the newest."""
_FIRST_ON_LITERT = 7
"""Models from this version on use operators that tflite-runtime lacks."""
# The kind of network may stand between: versions count through all of them.
_DEFAULT_NAME = re.compile(rf"{re.escape(DEFAULT_FAMILY)}(?:-[a-z]+)?-v(\d+)")


def shipped_models() -> dict[str, Path]:
    """Paths of the shipped models by name, sorted."""
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        for path in folder.glob("*.tflite"):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def default_model() -> Path:
    """The newest version of the family that is shipped as default, or the small model: see `default_note`.

    Raises
    ------
    NotAModelError
        None is installed.
    """
    models = shipped_models()
    versions = {int(match[1]): path for name, path in models.items() if (match := _DEFAULT_NAME.fullmatch(name))}
    if not versions:
        raise NotAModelError(
            f"no model {DEFAULT_FAMILY}-vN is installed in {' or '.join(str(folder) for folder in _FOLDERS)}; "
            "install the package again, or give --model FILE.tflite"
        )
    newest = max(versions)
    if newest >= _FIRST_ON_LITERT and SMALL_MODEL in models and not _has_litert():
        return models[SMALL_MODEL]
    return versions[newest]


def default_note() -> str:
    """Why the default is the small model; empty where it is the newest."""
    if _has_litert() or default_model().stem != SMALL_MODEL:
        return ""
    return (
        f"using {SMALL_MODEL}: the newest model needs operators that tflite-runtime lacks; install ai-edge-litert "
        "where it can be had, or name a model by --model"
    )


def _has_litert() -> bool:
    return find_spec("ai_edge_litert") is not None


def resolve_model(choice: str | None) -> Path:
    """The path of a model given by path, by shipped name, or not at all.

    Raises
    ------
    NotAModelError
        Neither a file nor a shipped name.
    """
    if choice is None:
        return default_model()
    # Path.exists raises where a parent is closed or the name too long.
    if os.path.exists(choice):
        return Path(choice)
    shipped = shipped_models()
    if choice in shipped:
        return shipped[choice]
    raise NotAModelError(
        f"{choice}: neither a file nor a shipped model; give the path of a .tflite or one of: "
        f"{', '.join(shipped) or '(none is installed)'}"
    )
