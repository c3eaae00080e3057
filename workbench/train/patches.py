"""Filters for the 2-D stage, learnt from the features alone: whitened patches as a dictionary.

Coates and Ng (2011, "The importance of encoding versus training with sparse coding and vector quantization") found that
a large dictionary of whitened patches, with a threshold, serves a linear classifier as well as trained features do. No
label takes part, so the filters cannot learn which recordings were bona fide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_RIDGE = 0.05
"""Of the mean eigenvalue: keeps whitening from blowing up directions that hold nothing but rounding."""
_THRESHOLD = 0.5
"""In deviations of a whitened patch along a filter."""


def cut_patches(features: Float, size: tuple[int, int], count: int, rng: np.random.Generator) -> Float:
    """``count`` random patches of ``features`` [shape=(T, M, C)]: [shape=(count, frames, bands, C)].

    A clip shorter than a patch gives none.
    """
    frames, bands = size
    starts, lows = features.shape[0] - frames + 1, features.shape[1] - bands + 1
    if starts < 1 or lows < 1:
        return np.zeros((0, frames, bands, features.shape[2]), np.float32)
    places = zip(rng.integers(starts, size=count), rng.integers(lows, size=count), strict=True)
    return np.stack([features[start : start + frames, low : low + bands] for start, low in places])


def learn_filters(patches: Float, filters: int, level_free: bool, rng: np.random.Generator) -> tuple[Float, Float]:
    """Kernel [shape=(frames, bands, C, filters)] and bias [shape=(filters,)] from ``patches`` [shape=(n, …, C)].

    Filters come in pairs of opposite sign, so that a rectifier after them keeps both sides. With ``level_free`` they
    sum to zero: a patch's mean does not count.

    Raises
    ------
    ValueError
        Fewer patches than pairs.
    """
    pairs = (filters + 1) // 2
    if len(patches) < pairs:
        raise ValueError(f"{filters} filters need at least {pairs} patches to be drawn from; got {len(patches)}")
    rows = patches.reshape(len(patches), -1).astype(np.float64)
    if level_free:
        rows = rows - rows.mean(axis=1, keepdims=True)
    mean = rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((rows - mean).T))
    whiten = (vectors / np.sqrt(np.maximum(values, 0.0) + _RIDGE * values.mean() + 1e-12)) @ vectors.T
    chosen = (rows[rng.choice(len(rows), pairs, replace=False)] - mean) @ whiten
    chosen /= np.linalg.norm(chosen, axis=1, keepdims=True) + 1e-9
    weights = whiten @ chosen.T
    if level_free:
        weights -= weights.mean(axis=0, keepdims=True)
    offset = -(mean @ weights)
    both = np.concatenate([weights, -weights], axis=1)[:, :filters]
    bias = np.concatenate([offset, -offset])[:filters] - _THRESHOLD
    return both.reshape(*patches.shape[1:], filters).astype(np.float32), bias.astype(np.float32)
