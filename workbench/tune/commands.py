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

from workbench.config import DataConfig, ExperimentConfig, load_config, override
from workbench.config_toml import config_to_toml, flatten, short_text
from workbench.data.manifest import write_manifest
from workbench.data.progress import EpochBar
from workbench.models.quiet_tensorflow import load_tensorflow
from workbench.train.commands import gather_manifest, run_training
from workbench.train.runs import RunFolder, write_atomically
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
    search, data = _search(options)
    _make_sqlite_folder(options.storage)
    study = open_study(options.storage, options.study, search, options.pruner, options.sampler_seed)
    waiting = requeue_unfinished(study)
    if waiting:
        click.echo(f"{waiting} unfinished trials go on", err=True)
    if jobs == 1:
        return _work(options, search, data, 0)
    # TensorFlow does not survive a fork, and its seeds are of the whole process.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, initializer=load_tensorflow) as pool:
        workers = [pool.submit(_work, options, search, data, worker) for worker in range(jobs)]
        return sum(worker.result() for worker in workers)


def _search(options: TuneOptions) -> tuple[Search, dict[str, Path | None]]:
    base = override(load_config(options.config or "tcn"), "train", **options.train)
    given = {name: str(path) for name, path in options.data.items() if path is not None}
    if set(given) - {"noise"}:
        base = replace(base, data=DataConfig(noise=base.data.noise))
    base = override(base, "data", **given)
    space = load_space(options.space, base)
    folder = options.folder / options.study
    # Two folders are split once: with a split of its own, every seed would be chosen by other clips.
    manifest, file = gather_manifest(base.data, RunFolder(folder), base.train.seed)
    if base.data.manifest is None:
        # Run folders lie deeper than the list: only whole paths mean the same from everywhere.
        rows = tuple(replace(row, path=str((manifest.root / row.path).resolve())) for row in manifest.rows)
        write_manifest(replace(manifest, rows=rows), file)
    noise = None if base.data.noise is None else Path(base.data.noise)
    search = Search(base, space, options.objective, options.seeds, manifest.digest(), folder)
    return search, {"manifest": file, "noise": noise}


def _work(options: TuneOptions, search: Search, data: dict[str, Path | None], worker: int) -> int:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = None if options.sampler_seed is None else options.sampler_seed + 1000 * worker
    study = open_study(options.storage, options.study, search, options.pruner, seed)
    function = objective(search, _train_function(data, options.cache))
    return optimise(study, function, options.trials, options.timeout_s, lambda *told: _finish(search, *told))


def _train_function(data: dict[str, Path | None], cache: Path) -> Callable[..., Sequence[Record]]:
    import tf_keras

    def train(config: ExperimentConfig, run: Path, report: Callable[[Record], None]) -> Sequence[Record]:
        class Bar(EpochBar):
            def finish(self, record: Record) -> None:
                report(record)

        run.mkdir(parents=True, exist_ok=True)
        # Beside the run, so that any trial can be trained again by hand; where the data lie is no part of it.
        file = run / "config.toml"
        write_atomically(file, config_to_toml(replace(config, data=DataConfig())))
        try:
            run_training(data, str(file), run, cache, {}, Bar)
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
