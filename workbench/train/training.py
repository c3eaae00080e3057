"""`workbench train`: from a configuration and clips to a trained run folder, with the solver that it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tf_keras

from workbench.data.progress import EpochBar, watch
from workbench.train.descent import fit
from workbench.train.experiment import prepare
from workbench.train.fusion import fit_fusion
from workbench.train.inputs import Inputs
from workbench.train.pretrained import load_pretrained
from workbench.train.ridge import fit_ridge
from workbench.train.runs import RunFolder


def run_training(
    inputs: Inputs, folder: RunFolder, cache: Path, progress: Callable[[int, int], Any] = EpochBar
) -> dict[str, Any]:
    """Train to ``folder`` with the solver that the configuration names.

    Parameters
    ----------
    inputs, folder
        From `workbench.train.inputs.read_inputs` and `create_run`.
    cache
        Folder for decoded audio.
    progress
        As `workbench.train.descent.fit` takes it.

    Returns
    -------
    Path of the run, number of epochs, and the record of the best one.

    Raises
    ------
    ManifestError, TrainingError
        Clips cannot be decoded, a split lacks a class, or the network does not fit the solver.
    """
    config = inputs.config
    tf_keras.utils.set_random_seed(config.train.seed)
    experiment = prepare(
        config,
        inputs.manifest,
        cache,
        noise_folder=inputs.noise,
        progress=lambda rows: watch(rows, len(rows), "decoding"),
    )
    network, loader, transmission = experiment.network, experiment.loader, config.train.dev_transmission
    if config.train.solver == "fusion":
        history = fit_fusion(network, experiment, config.train.branches, folder)
    else:
        dev_sets = [experiment.dev, *([experiment.dev_through(transmission)] if transmission else [])]
        if config.train.solver == "ridge":
            history = fit_ridge(network, loader, experiment.train_rows, dev_sets, folder, progress)
        else:
            if config.model.encoder_blocks:
                load_pretrained(network, cache)
            history = fit(network, loader, dev_sets, folder, progress)
    best = min(history, key=lambda record: record["selection"])
    return {
        "run": str(folder.path),
        "epochs": len(history),
        "best_epoch": best["epoch"],
        "best_dev_eer": best["dev_eer"],
        "best": best,
    }
