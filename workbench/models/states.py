"""What a stream's graph carries from one chunk to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import tf_keras


@dataclass
class States:
    """Carried states of a step graph under construction; in a whole clip the past is zeros."""

    streaming: bool
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def recall(self, name: str, shape: tuple[int, ...]) -> Any:
        """The state ``name`` [1, *shape] as the chunk before left it: a new input of the graph."""
        self.inputs[name] = tf_keras.Input(batch_shape=(1, *shape), name=name)
        return self.inputs[name]
