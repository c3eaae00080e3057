"""What a network with patches hears in the training clips: patches for its filters, statistics for its head."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workbench.data.loader import Loader
from workbench.data.manifest import Row
from workbench.errors import TrainingError
from workbench.models.network import Network
from workbench.models.planes import planes_of
from workbench.train.config import MIN_SPEECH_S
from workbench.train.dev import DevSet
from workbench.train.patches import cut_patches, learn_filters

Float = NDArray[np.float32]
Weights = dict[str, Float]
Progress = Callable[[int, int], Any]

_BATCH = 32
_PATCH_CLIPS = 800
_PATCHES_A_CLIP = 25


class Collector:
    """Statistics of training clips by the network's own layers."""

    def __init__(self, network: Network, loader: Loader, rows: Sequence[Row]) -> None:
        self.network, self.loader, self.rows = network, loader, rows
        self.frames = loader.clip_samples // network.config.frontend.hop
        self.features = tf.function(network.feature_model(loader.clip_samples))
        self.statistics = network.statistics_model(self.frames)
        self.run = tf.function(self.statistics)
        self.min_frames = MIN_SPEECH_S * network.config.frontend.frames_per_s

    @property
    def parts(self) -> list[str]:
        """Names of the convolutions of the 2-D stage."""
        return [f"{name}_conv" for name in self.network.config.model.patch_parts(self.network.config.frontend)]

    def set_filters(self, weights: dict[str, Float]) -> None:
        """Kernel and bias of the 2-D stage, by the names that `learn` gives."""
        for name in self.parts:
            self.network.layers[name].set_weights([weights[f"{name}/kernel"], weights[f"{name}/bias"]])

    def batch(self, number: int, indices: Iterable[int]) -> Float:
        """Clips ``indices`` as pass ``number`` hears them; always `_BATCH` rows, so that the graph is traced once."""
        clips = np.zeros((_BATCH, self.loader.clip_samples), np.float32)
        for place, index in enumerate(indices):
            clips[place] = self.loader.variant(index, number)
        return clips

    def patches(self, rng: np.random.Generator) -> Iterator[list[Float]]:
        """Patches of random training clips, as they are and augmented by turns: for each convolution those it reads."""
        config = self.network.config
        planes, size = planes_of(config.frontend), config.model.patch_size
        chosen = rng.permutation(len(self.rows))[:_PATCH_CLIPS]
        for start in range(0, len(chosen), _BATCH):
            features, mask = self.features(self.batch((start // _BATCH) % 2, chosen[start : start + _BATCH]))
            for clip, speech in zip(features.numpy(), mask.numpy(), strict=True):
                heard = np.flatnonzero(speech > 0)
                if len(heard):
                    spoken = clip[heard[0] : heard[-1] + 1, 0]
                    parts = [planes[name] for name in config.model.patch_parts(config.frontend)]
                    pictures = [spoken[:, part.columns].reshape(-1, part.bands, part.channels) for part in parts]
                    yield [cut_patches(picture, size, _PATCHES_A_CLIP, rng) for picture in pictures]


def learn(collector: Collector) -> Weights:
    """Filters of the 2-D stage from patches of the training clips, by layer: ``NAME/kernel`` and ``NAME/bias``.

    Raises
    ------
    TrainingError
        Fewer patches than filters.
    """
    rng = np.random.default_rng([collector.loader.seed, 2])
    patches = [np.concatenate(part) for part in zip(*collector.patches(rng), strict=True)]
    found = {}
    for name, examples in zip(collector.parts, patches, strict=True):
        wanted = collector.network.layers[name].filters
        level_free = planes_of(collector.network.config.frontend)[name.removesuffix("_conv")].level_free
        try:
            found[f"{name}/kernel"], found[f"{name}/bias"] = learn_filters(examples, wanted, level_free, rng)
        except ValueError as error:
            raise TrainingError(f"{error}; give more or longer clips") from error
    return found


def keep(file: Path, **arrays: NDArray[Any]) -> None:
    """Write ``arrays`` to ``file`` at once: a kill leaves the earlier file, or none."""
    temporary = file.with_name(f".{file.stem}.tmp.npz")
    np.savez(temporary, **arrays)  # type: ignore[arg-type]
    temporary.replace(file)


def hear_pass(collector: Collector, number: int, file: Path, progress: Progress) -> tuple[Float, NDArray[np.int_]]:
    """Statistics [shape=(n, S)] of the clips with enough speech, and which rows those are [shape=(n,)]; read from
    ``file``, or computed and written there.
    """
    if file.exists():
        with np.load(file) as kept:
            return kept["statistics"].astype(np.float32), kept["indices"]
    values: list[Float] = []
    chosen_rows: list[int] = []
    starts = range(0, len(collector.rows), _BATCH)
    with progress(number, len(starts)) as bar:
        for start in starts:
            chosen = range(start, min(start + _BATCH, len(collector.rows)))
            clips = collector.batch(number, chosen)
            features, mask = collector.features(clips)
            found = collector.run([features, mask])[:, -1].numpy()
            heard = mask.numpy().sum(axis=1) >= collector.min_frames
            for place, index in enumerate(chosen):
                if heard[place]:
                    values.append(found[place])
                    chosen_rows.append(index)
            bar.update(0.0)
    result = np.stack(values), np.array(chosen_rows)
    keep(file, statistics=result[0], indices=result[1])
    return result


def dev_statistics(network: Network, dev: DevSet) -> Float:
    """What the head reads at the end of each dev clip [shape=(n, S)]."""
    model = network.statistics_model(dev.features.shape[1])
    parts = []
    for start in range(0, len(dev.rows), _BATCH):
        part = slice(start, start + _BATCH)
        parts.append(model([dev.features[part], dev.mask[part]])[:, -1].numpy())
    return np.concatenate(parts)
