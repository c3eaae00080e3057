"""The recipe of the shipped model: filters learnt without labels, and a linear head solved for, without descent.

    features        log-mel power, phase advance, 4 ms spectrum     workbench.frontend
    filters         whitened patches as one 2-D convolution         workbench.train.dictionary
    rectify, pool   ReLU, then the mean of each region of bands     workbench.models
    statistics      speech-weighted mean and deviation over time    workbench.models, workbench.train.statistics
    compression     tanh of the standardised statistics             workbench.train.statistics
    head            ridge regression with a WCCN penalty            workbench.train.regression

Begin with `fit_ridge`. docs/design/0006 says what each step gained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.data.loader import Loader
from workbench.data.manifest import Row
from workbench.errors import TrainingError
from workbench.models.network import Network
from workbench.train.dev import DevSet, evaluate_dev, record_of
from workbench.train.dictionary import learn_filters
from workbench.train.regression import TrainingClips, mean_squared_error, normal_equations, upper_power
from workbench.train.runs import RunFolder
from workbench.train.statistics import Extractor, Progress, dev_statistics, fit_compression


def fit_ridge(
    network: Network,
    loader: Loader,
    rows: Sequence[Row],
    dev_sets: Sequence[DevSet],
    folder: RunFolder,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Train ``network``, of patches and a linear head, without descent; write the best weights to ``folder``.

    The same inputs give the same weights. Filters and passes are kept in ``folder``, so a killed run resumes.

    Parameters
    ----------
    network
        Freshly made; holds the best weights afterwards.
    loader
        Cuts and augments the training clips.
    rows
        The train split, in the order of the loader's cache.
    dev_sets
        Dev as it is and, if ``train.dev_transmission`` asks for it, through a transmission. The mean of their
        `DevScores.selection` chooses the penalty.
    progress
        As `workbench.train.descent.fit` takes it; an epoch is a pass over the training clips.

    Returns
    -------
    One record a penalty, in order: epoch, penalty, loss (mean squared error), dev_eer and dev_auc (fractions),
    selection.

    Raises
    ------
    TrainingError
        The network has no patches, or layers that only descent can train; or there are too few clips for its filters.
    """
    _check_architecture(network)
    model, settings = network.config.model, network.config.train.ridge
    raw_score_model = network.raw_score_model(dev_sets[0].features.shape[1])
    extractor = Extractor(network, loader, rows)
    extractor.set_filters(learn_filters(extractor, folder.path, progress))
    # The network's own layers filter, rectify, pool regions of bands, and take mean and deviation over the speech.
    passes = [
        extractor.pass_over(number, folder.path / f"pass-{number}.npz", progress) for number in range(settings.passes)
    ]
    clips = TrainingClips.of(rows, passes, upper_power(network.config))
    compress = fit_compression(clips.values[clips.unchanged], model.head_compression)
    compress.assign_to(network)
    clips = replace(clips, values=compress(clips.values))
    equations = normal_equations(clips, settings.wccn_penalty)
    dev_values = [compress(dev_statistics(network, part)) for part in dev_sets]
    history: list[dict[str, Any]] = []
    for penalty in settings.penalties:
        head = equations.solve(penalty)
        scores = [evaluate_dev(part, head(values)) for part, values in zip(dev_sets, dev_values, strict=True)]
        loss = mean_squared_error(head, clips.fitted(settings.wccn_penalty))
        record = {"epoch": len(history), "penalty": penalty, "loss": loss}
        history.append(record | record_of(scores, network.config.train.dev_transmission))
        if history[-1] is min(history, key=lambda record: record["selection"]):
            network.layers["head_raw_score"].set_weights([head.weights[:, None], np.array([head.bias], np.float32)])
            folder.save_weights(raw_score_model)
        folder.write_history(history)
        with progress(history[-1]["epoch"], 1) as bar:
            bar.finish(history[-1])
    return history


def _check_architecture(network: Network) -> None:
    model = network.config.model
    if not model.patch_filters or model.widths or model.head_units or model.batch_norm:
        raise TrainingError(
            'train.solver = "ridge" trains patches and a linear head: set model.patch_filters, widths = [], '
            'dilations = [], head_units = 0 and batch_norm = false, or solver = "descent"'
        )
