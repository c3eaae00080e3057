"""How calls are guarded: settings from the app's JSON; what is left out keeps its default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from android_bridge.errors import FactsError
from android_bridge.phone import BuzzPattern


@dataclass(frozen=True)
class GuardSettings:
    """How calls are guarded.

    Attributes
    ----------
    operating_point : one of the model's, by name.
    blind_after_s : seconds without any audio after which a call is shown as blind, above 0 and at most 600.
    pattern : the buzz.

    Raises
    ------
    FactsError
        A value out of range.
    """

    operating_point: str = "balanced"
    blind_after_s: float = 5.0
    pattern: BuzzPattern = field(default_factory=BuzzPattern)

    def __post_init__(self) -> None:
        if not isinstance(self.operating_point, str):
            raise FactsError(f"operating_point {self.operating_point!r}: expected a name")
        if not 0 < self.blind_after_s <= 600:
            raise FactsError(f"blind_after_s is above 0 and at most 600 seconds; got {self.blind_after_s}")


def settings_from_json(text: str) -> GuardSettings:
    """Read ``{"operating_point": …, "blind_after_s": …, "pattern": {"timings_ms": […], "amplitudes": […], …}}``.

    Raises
    ------
    FactsError
        No JSON object, an unknown name, or a value that does not fit.
    """
    given = object_from_json(text, "the settings")
    if "pattern" in given:
        pattern = given["pattern"]
        if not isinstance(pattern, dict):
            raise FactsError(f"pattern of the buzz: expected an object, got {pattern!r}")
        _check_names(BuzzPattern, pattern, "pattern")
        steps = {name: _steps(name, pattern[name]) for name in ("timings_ms", "amplitudes") if name in pattern}
        given["pattern"] = _build(BuzzPattern, {**pattern, **steps})
    _check_names(GuardSettings, given, "the settings")
    settings: GuardSettings = _build(GuardSettings, given)
    return settings


def object_from_json(text: str, what: str) -> dict[str, Any]:
    """Parse a JSON object; an empty text is an empty one.

    Raises
    ------
    FactsError
        No JSON, or JSON of another kind.
    """
    try:
        given = json.loads(text) if text else {}
    except ValueError as error:
        raise FactsError(f"{what}: expected a JSON object, got {text[:60]!r} ({error})") from error
    if not isinstance(given, dict):
        raise FactsError(f"{what}: expected a JSON object, got {text[:60]!r}")
    return given


def _steps(name: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        raise FactsError(f"{name} of the buzz: expected a list of whole numbers, got {value!r}")
    return tuple(value)


def _check_names(kind: type, given: Mapping[str, Any], what: str) -> None:
    known = [item.name for item in fields(kind)]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise FactsError(f"{what} has no {', '.join(unknown)}; expected {', '.join(known)}")


def _build(kind: Any, given: Mapping[str, Any]) -> Any:
    try:
        return kind(**given)
    except TypeError as error:
        raise FactsError(
            f"{json.dumps(dict(given), default=str)[:120]}: a value of the wrong kind ({error})"
        ) from error
