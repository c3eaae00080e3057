"""The family that ships: filters on patches of three input planes, pooled, compressed, and read by a linear head.

    features [T, F] ─┬─ mel power      [T, 200, 1] ──── 48 filters of 7 frames x 7 bands ─┐
                     ├─ phase advance  [T, 128, 2] ──── 64 filters ───────────────────────┤ ReLU, then the mean
                     └─ 4 ms spectrum  [16 T, 32, 1] ── 28 filters ───────────────────────┘ over 4 regions of bands
                                                    │
    speech-weighted mean and deviation of each filter in each region, forgetting over 8 s of speech
                                                    │
    tanh compression ── linear ── raw score

Filters are drawn from unlabelled patches and the head is solved for (`workbench.train`, docs/design/0006); the counts
are those of configs/patches.toml.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import tensorflow as tf

from edge.contract import FrontEndSpec
from workbench.models.blocks import Causal, Parallel, Quantised, StatisticsPooling, Step, dense_head
from workbench.models.config import InputPlane, ModelConfig, input_planes
from workbench.models.layers import CompressionLayer
from workbench.models.space_to_depth import BandConvolution, rows_before

_BEYOND = 1e-4
"""Share of a filter's responses that int8 may cut off at the top: half of the range holds no more than that."""


def blocks(model: ModelConfig, frontend: FrontEndSpec) -> list[Step]:
    """List the steps from features [B, T, 1, F] to the raw score [B, chunks, 1]."""
    planes = input_planes(frontend)
    banks = [filter_bank(planes[name], count, model) for name, count in model.patch_parts(frontend).items()]
    return [
        # The past stays float: the planes span different ranges, and each has an int8 grid of its own.
        Causal(Parallel(banks), rows_before(model.patch_size[0], model.frame_stride), name="patch"),
        StatisticsPooling(model, frontend),
        *([CompressionLayer(name="head_compression")] if model.head_compression else ()),
        *dense_head(model.head_units),
    ]


def filter_bank(plane: InputPlane, filters: int, model: ModelConfig) -> list[Step]:
    """List the steps from features with their past to filter means [B, T / stride, 1, regions * filters]."""
    rows = plane.rows * model.frame_stride // model.row_step(plane)
    return [
        partial(cut_plane, plane=plane, model=model),
        Quantised(name=f"{plane.name}_in"),
        Quantised(BandConvolution(plane, filters, model), name=f"{plane.name}_out", beyond=_BEYOND),
        partial(region_means, filters=filters, rows=rows, regions=model.patch_regions),
    ]


def cut_plane(features: Any, plane: InputPlane, model: ModelConfig) -> Any:
    """Cut ``plane`` [B, rows of past and clip, bands, channels] out of features with their past [B, past + T, 1, F]."""
    past, length = rows_before(model.patch_size[0], model.frame_stride), model.patch_size[0]
    batch = -1 if features.shape[0] is None else features.shape[0]
    shape = [batch, features.shape[1] * plane.rows, plane.bands, plane.channels]
    part = tf.reshape(features[..., plane.columns], shape)
    # Where rows are shorter than a frame, only those that the first place of a filter needs.
    spare = past * plane.rows - rows_before(length, model.row_step(plane))
    return part[:, spare:] if spare else part


def region_means(responses: Any, filters: int, rows: int, regions: int) -> Any:
    """Average [B, T', places, filters] over ``rows`` and in each region of bands: [B, T' / rows, 1, regions * filters].

    It averages int8 of the responses' own grid: a few large ones would make the average of the small ones coarse.
    """
    batch = -1 if responses.shape[0] is None else responses.shape[0]
    frames, block = responses.shape[1], responses.shape[3] // filters
    places = responses.shape[2] * block
    responses = tf.reshape(responses, [batch, frames, places, filters]) if block > 1 else responses
    width = places // regions
    means = tf.nn.avg_pool2d(responses, (rows, width), (rows, width), "VALID")[:, :, :regions]
    return tf.reshape(means, [batch, frames // rows, 1, regions * filters])
