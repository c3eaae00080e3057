"""Extract patches (to learn filters) and pooled statistics (to fit the head) from clips; compress the statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workbench.data.atomic_file import write_arrays
from workbench.data.loader import Loader
from workbench.data.manifest import Row
from workbench.models.config import input_planes
from workbench.models.network import Network
from workbench.train.config import MIN_SPEECH_S
from workbench.train.dev import DevSet

Float = NDArray[np.float32]
Filters = dict[str, Float]
"""Kernel and bias of each convolution: ``NAME/kernel`` and ``NAME/bias``."""
Progress = Callable[[int, int], Any]

_BATCH = 32
_PATCH_CLIPS = 800
_PATCHES_A_CLIP = 25
_SMALLEST_DEVIATION = 1e-3


class Extractor:
    """Computes patches and statistics of training clips with the network's own layers."""

    def __init__(self, network: Network, loader: Loader, rows: Sequence[Row]) -> None:
        self.network, self.loader, self.rows = network, loader, tuple(rows)
        self._features = tf.function(network.feature_model(loader.clip_samples))
        frames = loader.clip_samples // network.config.frontend.hop
        self._statistics = tf.function(network.statistics_model(frames))

    @property
    def convolutions(self) -> list[str]:
        """Names of the network's convolutions over patches."""
        return [f"{name}_conv" for name in self.network.config.model.patch_parts(self.network.config.frontend)]

    def set_filters(self, filters: Filters) -> None:
        """Give the network's convolutions their weights."""
        for name in self.convolutions:
            self.network.layers[name].set_weights([filters[f"{name}/kernel"], filters[f"{name}/bias"]])

    def patches(self, rng: np.random.Generator) -> Iterator[list[Float]]:
        """Yield random patches of a random clip's speech for each convolution; every other batch is augmented."""
        config = self.network.config
        planes = [input_planes(config.frontend)[name] for name in config.model.patch_parts(config.frontend)]
        chosen = rng.permutation(len(self.rows))[:_PATCH_CLIPS]
        for start in range(0, len(chosen), _BATCH):
            features, mask = self._features(self._batch((start // _BATCH) % 2, chosen[start : start + _BATCH]))
            for clip, speech in zip(features.numpy(), mask.numpy(), strict=True):
                voiced = np.flatnonzero(speech > 0)
                if len(voiced):
                    frames = clip[voiced[0] : voiced[-1] + 1, 0]
                    maps = [frames[:, plane.columns].reshape(-1, plane.bands, plane.channels) for plane in planes]
                    yield [cut_patches(plane, config.model.patch_size, _PATCHES_A_CLIP, rng) for plane in maps]

    def pass_over(self, number: int, file: Path, progress: Progress) -> tuple[Float, NDArray[np.int_]]:
        """Compute the statistics [shape=(n, S)] of the clips with enough speech, and their places in ``rows``
        [shape=(n,)], in pass ``number``; written to ``file``, or read from it.
        """
        if file.exists():
            with np.load(file) as kept:
                return kept["statistics"].astype(np.float32), kept["indices"]
        min_frames = MIN_SPEECH_S * self.network.config.frontend.frames_per_s
        values: list[Float] = []
        indices: list[int] = []
        starts = range(0, len(self.rows), _BATCH)
        with progress(number, len(starts)) as bar:
            for start in starts:
                chosen = range(start, min(start + _BATCH, len(self.rows)))
                features, mask = self._features(self._batch(number, chosen))
                statistics = self._statistics([features, mask])[:, -1].numpy()
                enough = mask.numpy().sum(axis=1)[: len(chosen)] >= min_frames
                values += [statistics[place] for place in np.flatnonzero(enough)]
                indices += [chosen[place] for place in np.flatnonzero(enough)]
                bar.update(0.0)
        write_arrays(file, statistics=np.stack(values), indices=np.array(indices))
        return np.stack(values), np.array(indices)

    def _batch(self, number: int, indices: Iterable[int]) -> Float:
        """Clips ``indices`` in pass ``number``; always `_BATCH` rows, so that the graph is traced once."""
        clips = np.zeros((_BATCH, self.loader.clip_samples), np.float32)
        for place, index in enumerate(indices):
            clips[place] = self.loader.variant(index, number)
        return clips


def dev_statistics(network: Network, dev: DevSet) -> Float:
    """Compute the statistics at the end of each dev clip [shape=(n, S)]."""
    model = network.statistics_model(dev.features.shape[1])
    starts = range(0, len(dev.rows), _BATCH)
    batches = ((dev.features[start : start + _BATCH], dev.mask[start : start + _BATCH]) for start in starts)
    return np.concatenate([model([features, mask])[:, -1].numpy() for features, mask in batches])


@dataclass(frozen=True)
class Compression:
    """``tanh(statistics * scale + shift)``, both [shape=(S,)]; without any compression, both are empty.

    A recording with a click or a hum is odd in a few statistics. Uncompressed, it would move the raw score far, and as
    squares count in the regression, a few such clips would bend the head for all.
    """

    scale: Float
    shift: Float

    def __call__(self, statistics: Float) -> Float:
        """Compress ``statistics`` [shape=(n, S)] to the range -1 to 1."""
        return np.tanh(statistics * self.scale + self.shift).astype(np.float32) if self.scale.size else statistics

    def assign_to(self, network: Network) -> None:
        """Set the network's compression layer."""
        if self.scale.size:
            network.layers["head_compression"].set_weights([self.scale, self.shift])


def fit_compression(statistics: Float, strength: float) -> Compression:
    """Fit a compression that bends ``statistics`` [shape=(n, S)] at about 1 / ``strength`` deviations from their mean.

    A ``strength`` of 0 leaves them as they are.
    """
    if not strength:
        return Compression(np.zeros(0, np.float32), np.zeros(0, np.float32))
    mean = statistics.mean(axis=0, dtype=np.float64)
    scale = strength / (statistics.std(axis=0, dtype=np.float64) + _SMALLEST_DEVIATION)
    return Compression(scale.astype(np.float32), (-mean * scale).astype(np.float32))


def cut_patches(plane: Float, size: tuple[int, int], count: int, rng: np.random.Generator) -> Float:
    """Cut ``count`` random patches of ``size`` (frames, bands) from ``plane`` [shape=(T, M, C)].

    Returns
    -------
    [shape=(count, frames, bands, C)]; from a plane that is smaller than a patch, none.
    """
    frames, bands = size
    starts, lows = plane.shape[0] - frames + 1, plane.shape[1] - bands + 1
    if starts < 1 or lows < 1:
        return np.zeros((0, frames, bands, plane.shape[2]), np.float32)
    places = zip(rng.integers(starts, size=count), rng.integers(lows, size=count), strict=True)
    return np.stack([plane[start : start + frames, low : low + bands] for start, low in places])
