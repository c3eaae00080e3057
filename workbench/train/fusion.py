"""Join trained branches into one network, and fit what each is worth by the transmission (`workbench.models.fusion`).

The branches keep the weights of their runs. The measure of the transmission is fitted to train clips as they are and
by telephone; the six numbers of the fusion are fitted to dev through several transmissions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import minimize

from workbench.data.loader import fit_length
from workbench.data.progress import watch
from workbench.errors import TrainingError
from workbench.models import fusion
from workbench.models.network import Network, until_pooled
from workbench.train.dev import evaluate_dev, record_of
from workbench.train.experiment import Experiment
from workbench.train.runs import RunFolder
from workbench.transmissions import CLEAN, through_transmission

Float = NDArray[np.floating[Any]]

TELEPHONE = "telephone"
TRANSMISSIONS = (CLEAN, TELEPHONE, "opus-wb-16", "bad-microphone", "noise-suppressed", "mp3-32")
"""What dev passes for the fit; each counts alike."""
_MEASURED_CLIPS = 1200
"""Train clips behind the measure of the transmission."""
_MEASURE_PENALTY = 1e-2
"""On the squares of its weights, of standardised statistics."""
_FUSION_PENALTY = 1e-3
_BATCH = 32


def fit_fusion(
    network: Network, experiment: Experiment, branches: Sequence[str], folder: RunFolder
) -> list[dict[str, Any]]:
    """Load the ``branches`` into ``network`` and fit the fusion; write the weights to ``folder``.

    Parameters
    ----------
    network
        Of the family ``fusion``, freshly made; holds the weights afterwards.
    experiment
        Its train and dev clips.
    branches
        Run folders: one of patches and one or more of the encoder, whose weights are averaged.

    Returns
    -------
    One record: loss (nats), the weights on clean speech and by telephone, and dev's figures as a history has them.

    Raises
    ------
    TrainingError
        A branch is missing, was trained on other clips, or has other filters.
    """
    dev, frames = experiment.dev, experiment.dev.features.shape[1]
    raw_score_model = network.raw_score_model(frames)
    encoders = load_branches(network, branches, folder.info().manifest_digest)
    measure_transmission(network, experiment, renew_moments=encoders > 1)
    outputs = network.model_of(network.blocks[:-1], frames)
    scores = []
    for name in watch(TRANSMISSIONS, len(TRANSMISSIONS), "dev through transmissions"):
        part = dev if name == CLEAN else experiment.dev_through(name)
        found = outputs.predict([part.features, part.mask], batch_size=_BATCH, verbose=0)[:, -1]
        scores.append(found.astype(np.float64))
    bonafide = np.array([row.label == "bonafide" for row in dev.rows])
    weights, loss = fit_weights(np.stack(scores), bonafide)
    network.layers["fusion"].set_weights([weight.astype(np.float32) for weight in weights])
    figures = [evaluate_dev(dev, fuse(part, weights)) for part in scores[:2]]
    record = {"epoch": 0, "loss": loss, "clean": weights[0].tolist(), "telephone": weights[1].tolist()}
    record |= record_of(figures, TELEPHONE)
    for place, branch in enumerate(fusion.OUTPUTS[:2]):
        alone = [evaluate_dev(dev, part[:, place]) for part in scores[:2]]
        record |= {f"{branch}_{name}": value for name, value in record_of(alone, TELEPHONE).items()}
    folder.save_weights(raw_score_model)
    folder.write_history([record])
    return [record]


def load_branches(network: Network, branches: Sequence[str], digest: str) -> int:
    """Set the layers of ``network`` to the weights of the runs ``branches``, averaged where several are of a family.

    Returns
    -------
    How many runs of the encoder were averaged.

    Raises
    ------
    TrainingError
        A family has no run, or a run was trained on clips of another manifest than that with ``digest``, or does not
        fit the network.
    """
    found: dict[str, list[dict[str, list[Any]]]] = {"patches": [], "encoder": []}
    for path in branches:
        run = RunFolder(Path(path))
        info = run.info()
        if info.manifest_digest != digest:
            raise TrainingError(
                f"{path} was trained on other clips: its dev may lie in this run's train; train it again"
            )
        if info.config.model.family not in found or not run.weights.exists():
            raise TrainingError(f"{path}: expected a finished run of {' or '.join(found)} as a branch")
        branch = Network(info.config)
        branch.raw_score_model(branch.chunk_frames).load_weights(run.weights)
        weights = {name: layer.get_weights() for name, layer in branch.layers.items() if layer.weights}
        found[info.config.model.family].append(weights)
    for family, runs in found.items():
        if not runs:
            raise TrainingError(
                f"a fusion needs a run of {family} among its branches; got {', '.join(branches) or 'none'}"
            )
        for name in runs[0]:
            mean = [np.mean(parts, axis=0) for parts in zip(*(run[name] for run in runs), strict=True)]
            try:
                network.layers[name].set_weights(mean)
            except (KeyError, ValueError) as error:
                raise TrainingError(
                    f"layer {name} of the run of {family} does not fit this configuration ([model] and [frontend] "
                    "must agree); change one of them"
                ) from error
    return len(found["encoder"])


def measure_transmission(network: Network, experiment: Experiment, *, renew_moments: bool) -> None:
    """Fit the layer ``transmission``: positive for train clips as they are, negative for the same by telephone.

    ``renew_moments``: set those of the head's batch normalisation to the same clips', as averaged weights need it.
    """
    loader = experiment.loader
    rng = np.random.default_rng([loader.seed, 4])
    chosen = np.sort(rng.permutation(len(experiment.train_rows))[:_MEASURED_CLIPS])
    frames = loader.clip_samples // network.config.frontend.hop
    features = tf.function(network.feature_model(loader.clip_samples))
    both: Any = network.blocks[0]
    statistics = network.model_of(until_pooled(both.steps[1]), frames)
    values: dict[str, list[Any]] = {CLEAN: [], TELEPHONE: []}
    for start in watch(range(0, len(chosen), _BATCH), -(-len(chosen) // _BATCH), "measuring the transmission"):
        indices = chosen[start : start + _BATCH]
        for name, parts in values.items():
            clips = [
                through_transmission(
                    loader.cache.clip(index), name, loader.sample_rate, experiment.train_rows[index].path
                )
                for index in indices
            ]
            batch = features(np.stack([fit_length(clip, loader.clip_samples) for clip in clips]))
            parts.append(statistics(batch)[:, -1].numpy())
    rows = np.concatenate([*values[CLEAN], *values[TELEPHONE]]).astype(np.float64)
    mean, variance = rows.mean(axis=0), rows.var(axis=0)
    if renew_moments:
        norm = network.layers["encoder_head_norm"]
        norm.set_weights([*norm.get_weights()[:2], mean, variance])
    scale = 1.0 / np.sqrt(variance + 1e-6)
    clean = np.arange(len(rows)) < len(rows) // 2
    design = np.concatenate([(rows - mean) * scale, np.ones((len(rows), 1))], axis=1)
    penalty = np.append(np.full(len(mean), _MEASURE_PENALTY), 0.0)
    weights, _ = logistic(design, clean, np.ones(len(rows)), penalty)
    kernel = weights[:-1] * scale
    network.layers["transmission"].set_weights([kernel[:, None], np.array([weights[-1] - mean @ kernel])])


def fit_weights(outputs: Float, bonafide: NDArray[np.bool_]) -> tuple[tuple[Float, Float], float]:
    """Fit the fusion to what the branches give for clips through several transmissions.

    Parameters
    ----------
    outputs
        [shape=(transmissions, clips, 3)], as `workbench.models.fusion.OUTPUTS`.
    bonafide
        [shape=(clips,)]; each class counts alike.

    Returns
    -------
    Weights on clean speech and by telephone: of patches, of encoder, and the offset [each shape=(3,)]; and the loss in
    nats. No branch counts below zero.
    """
    rows = outputs.reshape(-1, 3)
    labels = np.tile(bonafide, len(outputs))
    design = _design(rows)
    weights = np.where(labels, 0.5 / labels.mean(), 0.5 / (1.0 - labels.mean()))
    # Scores differ in scale: standardised, one small penalty keeps all of them bounded where dev is separable.
    scale = np.maximum(design.std(axis=0), 1e-6)
    bounds = [(0.0, None), (0.0, None), (None, None)] * 2
    found, loss = logistic(design / scale, labels, weights, np.full(6, _FUSION_PENALTY), bounds)
    found = found / scale
    return (found[:3], found[3:]), loss


def fuse(outputs: Float, weights: tuple[Float, Float]) -> Float:
    """Compute the fused scores of ``outputs`` [shape=(clips, 3)], as `workbench.models.fusion.FusionLayer` does."""
    return np.asarray(_design(outputs) @ np.concatenate(weights))


def _design(outputs: Float) -> Float:
    share = 1.0 / (1.0 + np.exp(-outputs[:, 2:]))
    terms = np.concatenate([outputs[:, :2], np.ones((len(outputs), 1))], axis=1)
    return np.concatenate([share * terms, (1.0 - share) * terms], axis=1)


def logistic(
    design: Float, labels: NDArray[np.bool_], weights: Float, penalty: Float, bounds: Any = None
) -> tuple[Float, float]:
    """Fit a weighted logistic regression by L-BFGS-B.

    Parameters
    ----------
    design : [shape=(n, k)].
    labels, weights : [shape=(n,)].
    penalty : of the squares of the coefficients [shape=(k,)].
    bounds : of the coefficients, as `scipy.optimize.minimize` takes them.

    Returns
    -------
    Coefficients [shape=(k,)] and the mean loss in nats, without the penalty.
    """
    sign, share = np.where(labels, 1.0, -1.0), weights / weights.sum()

    def loss(coefficients: Float) -> tuple[float, Float]:
        margin = sign * (design @ coefficients)
        slope = -share * sign / (1.0 + np.exp(np.clip(margin, -500, 500)))
        value = share @ np.logaddexp(0.0, -margin) + penalty @ coefficients**2 / 2.0
        return float(value), design.T @ slope + penalty * coefficients

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    return found, float(share @ np.logaddexp(0.0, -sign * (design @ found)))
