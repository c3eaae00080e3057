"""The published baseline: the network that Dessa released in 2019 as an open detector, made causal.

    features [T, 240]
        │  for kernels of 3, 5 and 7 taps side by side:
        │
        ├── block 0: convolution, leaky ReLU
        ├── block 1: the same
        ├── block n: the same + a 1x1 convolution of what block n - 2 gave      n = 2 … 7
        │
    speech-weighted mean of each channel of the last blocks
        │
    dense ── batch normalisation ── leaky ReLU ── linear ── raw score

8,162,125 parameters, as published; configs/dessa.toml says what differs, docs/asvspoof2019.md what it measures.
"""

from __future__ import annotations

from typing import Any

import tf_keras

from edge.contract import FrontEndSpec
from workbench.models.blocks import (
    Block,
    Convolution,
    Parallel,
    Quantised,
    StatisticsPooling,
    Step,
    TrainedOnly,
    View,
    dense_head,
    temporal,
)
from workbench.models.config import ModelConfig


def blocks(model: ModelConfig, frontend: FrontEndSpec) -> list[Step]:
    """List the steps from features [B, T, 1, F] to the raw score [B, chunks, 1]."""
    return [
        Quantised(name="features"),
        Parallel([ProjectedStack(model, kernel) for kernel in model.kernels]),
        StatisticsPooling(model, frontend),
        *dense_head(model.head_units),
    ]


class ProjectedStack(Block):
    """Temporal convolutions of ``kernel`` taps; from the third on, each adds a projection of the one two before."""

    def __init__(self, model: ModelConfig, kernel: int) -> None:
        self.parts: list[Any] = []
        for index, (width, dilation) in enumerate(zip(model.widths, model.dilations, strict=True)):
            name = f"k{kernel}_b{index}"
            convolution = Convolution(name, width, batch_norm=model.batch_norm, activation=model.activation)
            projection: Step = Quantised(Convolution(f"{name}_skip", width)) if index >= 2 else []
            rate = model.dropout if index < len(model.widths) - 1 else 0.0
            dropout: Step = TrainedOnly(tf_keras.layers.SpatialDropout2D(rate, name=f"{name}_dropout")) if rate else []
            self.parts.append([temporal(convolution, kernel, dilation), projection, dropout])
        self.steps = self.parts

    def __call__(self, hidden: Any, view: View) -> Any:
        outputs: list[Any] = []
        for convolution, projection, dropout in self.parts:
            block = view.run(convolution, hidden)
            skip = view.run(projection, outputs[-2]) if projection else None
            hidden = view.run(dropout, view.add(block, skip, convolution.name))
            outputs.append(hidden)
        return hidden
