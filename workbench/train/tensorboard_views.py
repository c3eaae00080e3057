"""TensorBoard views beside the curves: images of features, augmented clips, histograms of the dev raw scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workbench.data.loader import Loader
from workbench.train.dev import DevSet

Float = NDArray[np.float32]

_CLIPS = 3
"""Clips of each class."""
_SCALE = 3
"""Pixels along each side of one feature."""


class TrainingViews:
    """Writes to the default summary writer, at the first epoch and at every ``every``-th after it.

    ``source`` is a `workbench.train.descent.FeatureSource`.
    """

    def __init__(self, source: Any, loader: Loader, dev: DevSet, *, audio: bool, every: int = 5) -> None:
        self._source, self._loader, self._dev = source, loader, dev
        self._audio, self._every = audio, every

    def write(self, epoch: int, raw_score: Float, learning_rate: float) -> None:
        """Log one epoch.

        Parameters
        ----------
        raw_score : of each dev clip at its end [shape=(n_clips,)], higher = more bona fide.
        learning_rate : at the epoch's end.
        """
        tf.summary.scalar("learning_rate", learning_rate, step=epoch)
        bonafide = np.array([row.label == "bonafide" for row in self._dev.rows])
        for label, chosen in (("bonafide", bonafide), ("spoof", ~bonafide)):
            tf.summary.histogram(f"dev_raw_score/{label}", raw_score[chosen], step=epoch)
        if epoch == 0:
            self._write_dev(bonafide)
        if epoch % self._every == 0:
            self._write_training(epoch)

    def _write_dev(self, bonafide: NDArray[np.bool_]) -> None:
        """Write the features of the first dev clips of each class, once, since they never change."""
        for label, indices in _first(bonafide):
            for place, index in enumerate(indices):
                drawn = feature_image(speech_only(self._dev.features[index], self._dev.mask[index]))
                path = f"`{self._dev.rows[index].path}`"
                tf.summary.image(f"dev_features/{label}/{place}", drawn[None], step=0, description=path)

    def _write_training(self, epoch: int) -> None:
        """Write the first batch of ``epoch``, made again: batches depend on seed, epoch and step alone."""
        features, _, labels = next(iter(self._source.epoch(epoch, 1)))
        samples = self._loader.batch(epoch, 0).samples if self._audio else None
        for label, indices in _first(labels > 0.5):
            images = np.stack([feature_image(features[index]) for index in indices])
            tf.summary.image(f"train_features/{label}", images, step=epoch, max_outputs=_CLIPS)
            if samples is not None:
                clips = np.clip(samples[indices, :, None], -1.0, 1.0)
                rate = self._loader.sample_rate
                tf.summary.audio(f"train_audio/{label}", clips, rate, step=epoch, max_outputs=_CLIPS)


def speech_only(features: Float, mask: Float) -> Float:
    """Cut features [T, 1, M] after the last frame that counts as speech; keep all if none does."""
    voiced = np.flatnonzero(mask > 0.0)
    return features[: voiced[-1] + 1] if len(voiced) else features


def feature_image(features: Float) -> NDArray[np.uint8]:
    """Draw features [T, 1, M] as an RGB image, time to the right and the lowest band at the bottom.

    Colours range from the 1st to the 99th percentile of the clip.
    """
    import matplotlib

    plane = features[:, 0, :].T[::-1]
    low, high = np.percentile(plane, [1.0, 99.0])
    level = np.clip((plane - low) / max(high - low, 1e-6), 0.0, 1.0)
    colours: NDArray[np.uint8] = matplotlib.colormaps["magma"](level, bytes=True)[..., :3]
    return colours.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)


def _first(bonafide: NDArray[np.bool_]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    yield "bonafide", np.flatnonzero(bonafide)[:_CLIPS]
    yield "spoof", np.flatnonzero(~bonafide)[:_CLIPS]
