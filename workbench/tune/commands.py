"""What `workbench tune` does: trials into run folders, the study into a storage."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import optuna
from optuna.trial import FrozenTrial, TrialState

from workbench.config import DataConfig, ExperimentConfig, config_to_toml, flatten, short_text
from workbench.data.atomic_file import write_atomically
from workbench.data.progress import EpochBar
from workbench.models.quiet_tensorflow import load_tensorflow
from workbench.train.inputs import Inputs, create_run, read_inputs
from workbench.train.runs import RunFolder
from workbench.tune.search import (
    Record,
    Search,
    objective,
    open_study,
    optimise,
    storage_errors,
)
from workbench.tune.search_space import load_space
from workbench.tune.trial_queue import requeue_unfinished, trial_folder


@dataclass(frozen=True)
class TuneOptions:
    """The options of `workbench tune`; ``data`` and ``train`` replace fields of the configuration's."""

    data: dict[str, Path | None]
    train: dict[str, Any]
    config: str | None
    space: str
    storage: str
    study: str
    folder: Path
    cache: Path
    objective: str
    seeds: int
    pruner: str
    trials: int | None
    timeout_s: float | None
    sampler_seed: int | None


def run_tuning(options: TuneOptions, jobs: int) -> int:
    """Search in ``jobs`` processes; return how many trials failed.

    Raises
    ------
    ConfigError, ManifestError, TrainingError
        The configuration, the space, the data or the storage do not fit.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search, inputs = _search(options)
    _make_sqlite_folder(options.storage)
    study = open_study(options.storage, options.study, search, options.pruner, options.sampler_seed)
    waiting = requeue_unfinished(study)
    if waiting:
        click.echo(f"{waiting} unfinished trials go on", err=True)
    if jobs == 1:
        return _work(options, search, inputs, 0)
    # TensorFlow does not survive a fork, and its seeds are of the whole process.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, initializer=load_tensorflow) as pool:
        workers = [pool.submit(_work, options, search, inputs, worker) for worker in range(jobs)]
        return sum(worker.result() for worker in workers)


def _search(options: TuneOptions) -> tuple[Search, Inputs]:
    inputs = read_inputs(options.data, options.config, options.train)
    space = load_space(options.space, inputs.config)
    folder = options.folder / options.study
    search = Search(inputs.config, space, options.objective, options.seeds, inputs.manifest.digest(), folder)
    return search, inputs


def _work(options: TuneOptions, search: Search, inputs: Inputs, worker: int) -> int:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = None if options.sampler_seed is None else options.sampler_seed + 1000 * worker
    study = open_study(options.storage, options.study, search, options.pruner, seed)
    function = objective(search, _train_function(inputs, options.cache))
    return optimise(study, function, options.trials, options.timeout_s, lambda *told: _finish(search, *told))


def _train_function(inputs: Inputs, cache: Path) -> Callable[..., Sequence[Record]]:
    import tf_keras

    from workbench.train.experiment import run_training

    def train(config: ExperimentConfig, run: Path, report: Callable[[Record], None]) -> Sequence[Record]:
        class Bar(EpochBar):
            def finish(self, record: Record) -> None:
                report(record)

        run.mkdir(parents=True, exist_ok=True)
        # Beside the run, so that any trial can be trained again by hand; where the data lie is no part of it.
        file = run / "config.toml"
        write_atomically(file, config_to_toml(replace(config, data=DataConfig())))
        try:
            given = replace(inputs, config=replace(config, data=inputs.config.data))
            run_training(given, create_run(given, run), cache, Bar)
        finally:
            # Each trial builds its own graph; without this a long search would fill the memory.
            tf_keras.backend.clear_session()
        return RunFolder(run).history()

    return train


def _finish(search: Search, study: optuna.Study, trial: FrozenTrial) -> None:
    """Print a line, log the trial to TensorBoard and drop the checkpoints that nothing needs any more."""
    from workbench.tune.hparams import write_trial

    values = trial.user_attrs.get("values", {})
    head = f"trial {trial.number}"
    if trial.state == TrialState.FAIL:
        reason = trial.user_attrs.get("error", "no reason kept").splitlines()[0]
        click.echo(f"{head}: failed, {reason}", err=True)
        return
    folder = search.folder / trial_folder(trial)
    value = trial.value if trial.state == TrialState.COMPLETE else None
    last = trial.intermediate_values.get(trial.last_step) if trial.last_step is not None else None
    shown = value if value is not None else last
    if shown is not None:
        write_trial(folder / "hparams", folder.name, values, {search.objective: shown})
    for checkpoints in folder.glob("*/checkpoints"):
        shutil.rmtree(checkpoints)
    result = "pruned" if value is None else f"{search.objective} {value:.4f} (best {study.best_value:.4f})"
    click.echo(f"{head}: {result}; {short_text(flatten(values))}", err=True)


def _make_sqlite_folder(storage: str) -> None:
    from sqlalchemy.engine import make_url

    with storage_errors(storage):
        url = make_url(storage)
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
