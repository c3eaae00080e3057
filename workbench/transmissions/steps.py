"""What a transmission did, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One transform and the numbers that were drawn for it; units stand in the names."""

    name: str
    values: dict[str, float | int | str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The step as a line for people."""
        numbers = ", ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.values.items()
        )
        return f"{self.name}: {numbers}" if numbers else self.name

    def to_dict(self) -> dict[str, Any]:
        """The step as JSON takes it."""
        return {"step": self.name, **self.values}
