"""Teachers: earlier runs, frozen, whose evidence a new run learns beside the labels (Hinton et al. 2015).

Each computes its own features from the samples of a batch, so it may have any front end and architecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workbench.data.loader import fit_length
from workbench.errors import QuantizeError, TrainingError
from workbench.evaluate.calibration import Calibration, fit_calibration
from workbench.models.network import Network
from workbench.train.dev import padded_samples, prepare_dev, score_dev
from workbench.train.earlier_runs import trained_network
from workbench.train.experiment import Experiment

Float = NDArray[np.float32]


class Teacher:
    """One frozen network: clips [B, n] to its calibrated evidence at their end [B], in nats."""

    def __init__(self, network: Network, calibration: Calibration) -> None:
        self.network, self.calibration = network, calibration
        self._compiled: dict[int, Any] = {}

    def __call__(self, samples: Float) -> Float:
        # Silence after the clip, up to the teacher's own whole chunks, carries no evidence.
        length = padded_samples(self.network.config, samples.shape[1] / self.network.config.frontend.sample_rate)
        if length not in self._compiled:
            self._compiled[length] = tf.function(self.network.clip_model(length))
        padded = np.stack([fit_length(clip, length) for clip in samples])
        raw_score = self._compiled[length](padded, training=False)[:, -1].numpy()
        return self.calibration.apply(raw_score).astype(np.float32)


class Teachers:
    """An ensemble of at least one: the mean of their evidence."""

    def __init__(self, teachers: Sequence[Teacher]) -> None:
        self.teachers = tuple(teachers)

    def __call__(self, samples: Float) -> Float:
        """Evidence of clips ``samples`` [shape=(B, n)] at their end [shape=(B,)], in nats."""
        return np.mean([teacher(samples) for teacher in self.teachers], axis=0, dtype=np.float32)


def load_teachers(runs: Sequence[Path], experiment: Experiment) -> Teachers:
    """The networks of the run folders ``runs``, each calibrated on the dev clips of ``experiment``.

    A solved head answers around ±1 and a descended one in nats of its own: only calibrated can they be averaged, and
    compared with a probability.

    Raises
    ------
    TrainingError
        A folder holds no trained run, hears another sample rate, or does not tell dev apart.
    """
    return Teachers([_load(run, experiment) for run in runs])


def _load(run: Path, experiment: Experiment) -> Teacher:
    network = trained_network(run)
    wanted, found = experiment.loader.sample_rate, network.config.frontend.sample_rate
    if wanted != found:
        raise TrainingError(f"{run}: this teacher hears {found} Hz and the student {wanted} Hz; they must agree")
    rows = experiment.dev.rows
    dev = prepare_dev(network, experiment.dev_cache, rows, range(len(rows)))
    raw_score = score_dev(network, dev)
    bonafide = np.array([row.label == "bonafide" for row in rows])
    try:
        calibration = fit_calibration(raw_score[bonafide], raw_score[~bonafide])
    except QuantizeError as error:
        raise TrainingError(f"{run}: cannot teach: {error}") from error
    return Teacher(network, calibration)


def soften_targets(bonafide: NDArray[np.bool_], taught: Float, share: float, temperature: float) -> Float:
    """Targets of a regression on the classes, of which the teachers have a ``share``.

    Parameters
    ----------
    bonafide : [shape=(n,)]
    taught : the teachers' evidence [shape=(n,), nats].
    share : in [0, 1]; at 0 the targets are the labels, 1 and -1.
    temperature : above 0; divides the evidence.

    Returns
    -------
    [shape=(n,), range -1 to 1]; the teachers' part is ``tanh(evidence / 2 / temperature)``, their probability of bona
    fide, stretched from -1 to 1.
    """
    labels = np.where(bonafide, 1.0, -1.0)
    return ((1.0 - share) * labels + share * np.tanh(taught / (2.0 * temperature))).astype(np.float32)
