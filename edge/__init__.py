"""On-device detector of synthetic speech: everything here runs where the call is, on NumPy and LiteRT.

The public API stands in ``__all__`` and in docs/python.md; each name is imported when it is first used, so that
``import edge`` loads neither NumPy nor a runtime. Begin with `edge.model`, which uses `scoring` (recordings), `stream`
(live), `decision` (raw scores to verdicts) and `contract` (what a model states of itself). `audio` reads recordings,
`cli` holds the commands; `sources`, `live`, `alerts`, `watch`, `doctor` and `service` are the service for live calls.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from edge.catalog import shipped_models
    from edge.decision import Decision, LiveState, SpoofPassage, TimelinePoint
    from edge.errors import (
        AudioError,
        ChannelError,
        ContractMismatchError,
        EdgeError,
        ModelError,
        NotAModelError,
        StreamEndedError,
        UnreadableAudioError,
        UnsupportedFormatError,
    )
    from edge.model import Model, load_model
    from edge.scoring import Score
    from edge.stream import Stream

__all__ = [
    "AudioError",
    "ChannelError",
    "ContractMismatchError",
    "Decision",
    "EdgeError",
    "LiveState",
    "Model",
    "ModelError",
    "NotAModelError",
    "Score",
    "SpoofPassage",
    "Stream",
    "StreamEndedError",
    "TimelinePoint",
    "UnreadableAudioError",
    "UnsupportedFormatError",
    "load_model",
    "shipped_models",
]

_HOMES = {"shipped_models": "catalog", "Model": "model", "load_model": "model", "Score": "scoring", "Stream": "stream"}
_HOMES |= dict.fromkeys(("Decision", "LiveState", "SpoofPassage", "TimelinePoint"), "decision")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'edge' has no attribute {name!r}; public are {', '.join(__all__)}")
    value = getattr(import_module(f"edge.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
