"""The baseline: a stack of causal dilated convolutions over mel power, pooled, and a head with one hidden layer.

    features [T, 80]
        │
        ├───────────────────────────────────────────┐
    convolution, 3 taps, dilation 1, 2, 4, 8 …      │   8 times; one stack for each of model.kernels
    batch normalisation, ReLU                       │
        + ──────────────────────────────────────────┘   identity, where the widths agree
        │  dropout
        │
    speech-weighted mean and deviation of each channel, forgetting over 8 s of speech
        │
    dense ── batch normalisation ── leaky ReLU ── linear ── raw score

Trained by descent (`workbench.train.descent`); the numbers are those of configs/tcn.toml.
"""

from __future__ import annotations

import tf_keras

from edge.contract import FrontEndSpec
from workbench.models.blocks import (
    Convolution,
    Parallel,
    Quantised,
    Residual,
    StatisticsPooling,
    Step,
    TrainedOnly,
    dense_head,
    temporal,
)
from workbench.models.config import ModelConfig


def blocks(model: ModelConfig, frontend: FrontEndSpec) -> list[Step]:
    """List the steps from features [B, T, 1, F] to the raw score [B, chunks, 1]."""
    return [
        Quantised(name="features"),
        Parallel([stack(model, kernel) for kernel in model.kernels]),
        StatisticsPooling(model, frontend),
        *dense_head(model.head_units),
    ]


def stack(model: ModelConfig, kernel: int) -> list[Step]:
    """List the temporal convolutions of ``kernel`` taps, one for each of the model's widths."""
    steps: list[Step] = []
    for index, (width, dilation) in enumerate(zip(model.widths, model.dilations, strict=True)):
        name = f"k{kernel}_b{index}"
        convolution = Convolution(name, width, batch_norm=model.batch_norm, activation=model.activation)
        causal = temporal(convolution, kernel, dilation)
        steps.append(Residual(causal, name) if model.skip == "identity" else Quantised(causal, f"{name}_out"))
        if model.dropout and index < len(model.widths) - 1:
            steps.append(TrainedOnly(tf_keras.layers.SpatialDropout2D(model.dropout, name=f"{name}_dropout")))
    return steps
