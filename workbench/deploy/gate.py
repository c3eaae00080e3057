"""The parity gate's scores of dev clips: by the trained network in Keras, and by the `.tflite` through `edge`."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.contract import Contract
from edge.decision import FileDecider, RawScore
from edge.model import Model
from edge.scoring import score_samples
from workbench.errors import QuantizeError
from workbench.models.network import Network
from workbench.train.experiment import Experiment
from workbench.transmissions import through_transmission

Float = NDArray[np.float32]
Watch = Callable[[Iterable[Any], int, str], Iterable[Any]]

_BATCH = 32
_FOLDING_TOLERANCE = 1e-2
"""Nats, or share of a raw score above 1: float32 sums in another order leave some thousandths of it."""


def trained_scores(network: Network, folded: Network, contract: Contract, experiment: Experiment) -> Float:
    """Score each dev clip by the trained ``network`` itself, after a comparison with its ``folded`` form.

    Returns
    -------
    [shape=(n_clips,)]
        Uncalibrated file scores in nats, by the rules of `edge.decision.FileDecider`; NaN for too little speech.

    Raises
    ------
    QuantizeError
        The raw scores of the two differ by more than float32 rounds.
    """
    raw_scores = _raw_scores(network, experiment)
    difference = np.abs(raw_scores - _raw_scores(folded, experiment))
    if not (difference <= _FOLDING_TOLERANCE * np.maximum(1.0, np.abs(raw_scores))).all():
        raise QuantizeError(
            f"folding changed the network: on dev its raw score differs from the trained one's by up to "
            f"{np.nanmax(difference):.3g} nats, expected at most {_FOLDING_TOLERANCE:g}; a layer acts differently in "
            "its deployed form: compare the two with Network.statistics_model"
        )
    speech = experiment.dev.mask.reshape(*raw_scores.shape, -1).sum(axis=2)
    clips = enumerate(zip(raw_scores, speech, strict=True))
    return np.array([_decide(*chunks, contract, experiment.dev_cache.clip(index)) for index, chunks in clips])


def deployed_scores(
    model: bytes,
    experiment: Experiment,
    watch: Watch,
    what: str,
    transmission: str = "clean",
    label: str | None = None,
) -> Float:
    """Score each dev clip by the `.tflite` in ``model``, through the runtime that ships.

    Parameters
    ----------
    watch, what
        ``watch(items, total, what)`` may draw progress.
    transmission
        What the clips pass first, one of `workbench.transmissions.TRANSMISSION_NAMES`.
    label
        ``bonafide`` or ``spoof``, to score those alone.

    Returns
    -------
    [shape=(n_clips,)]
        File scores in nats, by the calibration of the model's contract; NaN for too little speech.
    """
    rate, rows = experiment.loader.sample_rate, experiment.dev.rows
    indices = [index for index, row in enumerate(rows) if label in (None, row.label)]
    scores = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        loaded = Model.load(path)
        for index in watch(indices, len(indices), what):
            samples = through_transmission(experiment.dev_cache.clip(index), transmission, rate, rows[index].path)
            scores.append(_number(score_samples(loaded, samples).cm_score))
    return np.array(scores)


def _raw_scores(network: Network, experiment: Experiment) -> Float:
    """Raw score after each chunk of each dev clip [shape=(n_clips, chunks)]."""
    dev = experiment.dev
    model = network.raw_score_model(dev.features.shape[1])
    return model.predict([dev.features, dev.mask], batch_size=_BATCH, verbose=0)


def _decide(raw_scores: Float, speech: Float, contract: Contract, samples: Float) -> float:
    """File score of a clip by the raw score and the frames of speech of its chunks."""
    decider, chunk = FileDecider(contract), contract.chunk_samples
    # After its last chunk a clip is padded to the longest of dev.
    for place in range(math.ceil(len(samples) / chunk)):
        decider.add(RawScore(place * chunk, (place + 1) * chunk, float(raw_scores[place]), float(speech[place])))
    return _number(decider.decide(all_zero=not samples.any()).cm_score)


def _number(score: float | None) -> float:
    return np.nan if score is None else score
