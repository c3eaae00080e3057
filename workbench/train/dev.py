"""The dev split: features computed once, raw scores and error rates after every epoch or penalty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.config import ExperimentConfig
from workbench.data.cache import AudioCache
from workbench.data.loader import fit_length
from workbench.data.manifest import Row
from workbench.evaluate.metrics import auc, eer
from workbench.models.network import Network
from workbench.transmissions import through_transmission

Float = NDArray[np.float32]

_EVALUATION_BATCH = 32


@dataclass(frozen=True)
class DevScores:
    """EER and AUC on dev, over all clips and, where there are any, over the paired ones; fractions."""

    eer: float
    auc: float
    paired_eer: float | None
    paired_auc: float | None

    @property
    def selection(self) -> float:
        """The figure that selects the epoch or penalty: the mean of the EER over all clips and over the paired ones.

        Recording conditions alone can lower the first; the second has few clips and jumps by points between epochs.
        """
        return self.eer if self.paired_eer is None else (self.eer + self.paired_eer) / 2.0

    def record(self, name: str = "dev") -> dict[str, float | None]:
        """Return the figures by the names that a run's history uses."""
        return {
            f"{name}_eer": self.eer,
            f"{name}_auc": self.auc,
            f"{name}_paired_eer": self.paired_eer,
            f"{name}_paired_auc": self.paired_auc,
        }


def record_of(scores: Sequence[DevScores], transmission: str | None) -> dict[str, float | None]:
    """Join the figures of dev as it is and, if it was scored so, through ``transmission``, and their selection."""
    names = ("dev", f"dev_{transmission}")
    parts = [score.record(name) for score, name in zip(scores, names, strict=False)]
    selection = float(np.mean([score.selection for score in scores]))
    return {name: value for part in parts for name, value in part.items()} | {"selection": selection}


@dataclass(frozen=True)
class DevSet:
    """Features [n, T, 1, F] and speech weights [n, T] of the dev clips, padded to the longest."""

    rows: tuple[Row, ...]
    features: Float
    mask: Float


def padded_samples(config: ExperimentConfig, seconds: float) -> int:
    """Convert ``seconds`` to samples, rounded up to whole chunks."""
    chunk = config.model.chunk_samples
    return math.ceil(seconds * config.frontend.sample_rate / chunk) * chunk


def prepare_dev(network: Network, cache: AudioCache, rows: Sequence[Row], transmission: str = "clean") -> DevSet:
    """Compute the features of the clips ``rows`` of ``cache``, padded to the longest with silence.

    ``transmission`` is one of `workbench.transmissions.TRANSMISSION_NAMES`; its draws depend on the clip's path alone.
    """
    config = network.config
    longest = max(len(cache.clip(index)) for index in range(len(rows)))
    length = padded_samples(config, longest / config.frontend.sample_rate)
    model = network.feature_model(length)

    def samples(index: int) -> Float:
        rate = config.frontend.sample_rate
        return fit_length(through_transmission(cache.clip(index), transmission, rate, rows[index].path), length)

    parts = []
    for start in range(0, len(rows), _EVALUATION_BATCH):
        indices = range(start, min(start + _EVALUATION_BATCH, len(rows)))
        features, mask = model(np.stack([samples(index) for index in indices]))
        parts.append((features.numpy(), mask.numpy()))
    return DevSet(
        tuple(rows),
        np.concatenate([features for features, _ in parts]),
        np.concatenate([mask for _, mask in parts]),
    )


def score_dev(network: Network, dev: DevSet) -> Float:
    """Compute the raw score of each dev clip at its end [shape=(n_clips,)]."""
    model = network.raw_score_model(dev.features.shape[1])
    return model.predict([dev.features, dev.mask], batch_size=_EVALUATION_BATCH, verbose=0)[:, -1]


def evaluate_dev(dev: DevSet, raw_score: NDArray[np.floating[Any]]) -> DevScores:
    """Compute the error rates of the raw scores of dev [shape=(n_clips,)]."""
    bonafide = np.array([row.label == "bonafide" for row in dev.rows])
    paired = np.array([row.paired == "yes" for row in dev.rows])
    both = paired[bonafide].any() and paired[~bonafide].any()
    return DevScores(
        eer=float(eer(raw_score[bonafide], raw_score[~bonafide])[0]),
        auc=float(auc(raw_score[bonafide], raw_score[~bonafide])),
        paired_eer=float(eer(raw_score[bonafide & paired], raw_score[~bonafide & paired])[0]) if both else None,
        paired_auc=float(auc(raw_score[bonafide & paired], raw_score[~bonafide & paired])) if both else None,
    )
