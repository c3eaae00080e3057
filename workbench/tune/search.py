"""A search over configurations with Optuna (Akiba et al. 2019), which stores, prunes, retries and resumes its trials.

A search trial trains its configuration with one or more seeds, one after the other. Its value is the median, over the
seeds, of the figure at each run's kept epoch; after every epoch the pruner compares the median so far.
"""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal

import click
import optuna
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from workbench.config import (
    DataConfig,
    ExperimentConfig,
    config_from_dict,
    config_to_dict,
    config_to_toml,
    flatten,
    nest,
    short_text,
)
from workbench.data.atomic_file import write_atomically
from workbench.data.progress import EpochBar
from workbench.errors import TrainingError
from workbench.models.quiet_tensorflow import load_tensorflow
from workbench.train.inputs import Inputs, create_run
from workbench.train.runs import RunFolder
from workbench.tune.search_space import SearchSpace, apply

Record = dict[str, Any]
Train = Callable[[ExperimentConfig, Path, Callable[[Record], None]], Sequence[Record]]
"""``train(config, run, report)`` trains to the folder ``run``, calls ``report`` with each record, returns them all."""

OBJECTIVES: dict[str, Literal["minimize", "maximize"]] = {"selection": "minimize", "auc": "maximize"}
"""``selection``: mean dev EER over all and over the paired clips, which also selects the epoch; ``auc``: the same mean
of the AUC."""
PRUNERS = ("median", "hyperband", "none")
_HEARTBEAT_S = 15
_STALE_S = 60
_RETRIES = 2
_FAILURES_IN_A_ROW = 3


@dataclass(frozen=True)
class Search:
    """The definition of a search; two starts of one study agree in all but ``folder``, ``storage`` and ``pruner``."""

    inputs: Inputs
    space: SearchSpace
    objective: str
    seeds: int
    study: str
    storage: str
    """SQLAlchemy URL."""
    folder: Path
    """Folder for the trials' run folders."""
    pruner: str = "median"

    def identity(self) -> dict[str, Any]:
        """As the study keeps it: whole, so that the best configuration is rebuilt from the storage alone."""
        # Where the data lie differs from machine to machine; the digest says that they are the same.
        return {
            "base": flatten(config_to_dict(replace(self.inputs.config, data=DataConfig()))),
            "space": self.space.to_dict(),
            "objective": self.objective,
            "seeds": self.seeds,
            "manifest_digest": self.inputs.manifest.digest(),
        }


def tune(
    search: Search, cache: Path, jobs: int, trials: int | None, timeout_s: float | None, sampler_seed: int | None
) -> None:
    """Run search trials in ``jobs`` processes until the study holds ``trials`` ended ones, or for ``timeout_s``.

    Raises
    ------
    TrainingError
        The storage cannot be opened, or the study was made by another search.
    """
    open_study(search, sampler_seed)
    arguments = (search, cache, trials, timeout_s)
    if jobs == 1:
        return _work(*arguments, sampler_seed)
    # TensorFlow does not survive a fork, and its seeds are of the whole process.
    spawn = multiprocessing.get_context("spawn")
    seeds = [None if sampler_seed is None else sampler_seed + 1000 * job for job in range(jobs)]
    with ProcessPoolExecutor(jobs, spawn, initializer=load_tensorflow) as pool:
        for worker in [pool.submit(_work, *arguments, seed) for seed in seeds]:
            worker.result()
    return None


def open_study(search: Search, sampler_seed: int | None) -> optuna.Study:
    """Make the study, or resume it; the draws depend on ``sampler_seed`` and on how many trials there are."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with _storage_errors(search.storage), _quiet_heartbeat():
        study = optuna.create_study(
            storage=optuna.storages.RDBStorage(
                search.storage,
                heartbeat_interval=_HEARTBEAT_S,
                grace_period=_STALE_S,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=_RETRIES),
            ),
            study_name=search.study,
            direction=OBJECTIVES[search.objective],
            pruner=_pruner(search),
            load_if_exists=True,
        )
    seed = None if sampler_seed is None else sampler_seed + len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(seed=seed)
    identity, kept = search.identity(), study.user_attrs.get("search")
    if kept is None:
        study.set_user_attr("search", identity)
    elif differing := sorted(name for name in identity if kept.get(name) != identity[name]):
        raise TrainingError(
            f"the study {search.study!r} in {search.storage} was begun with another {' and '.join(differing)}; "
            "give another --study, or the options that it was begun with"
        )
    return study


def optimise(study: optuna.Study, search: Search, train: Train, trials: int | None, timeout_s: float | None) -> None:
    """Run search trials one after the other; a trial that fails is set aside, three in a row end the search."""
    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    if trials is not None and len(study.get_trials(deepcopy=False, states=ended)) >= trials:
        return
    enough = [] if trials is None else [optuna.study.MaxTrialsCallback(trials, states=ended)]
    with _quiet_heartbeat():
        study.optimize(
            lambda trial: run_trial(trial, search, train),
            timeout=timeout_s,
            callbacks=[_Reporter(search), *enough],
            catch=(Exception,),
            gc_after_trial=True,
        )


def run_trial(trial: optuna.Trial, search: Search, train: Train) -> float:
    """Train what ``trial`` draws, with every seed; return the median of the figures."""
    # A retried trial keeps the attributes of its first start, so that training resumes in its folder.
    trial.set_user_attr("folder", trial_folder(trial))
    values = search.space.suggest(trial)
    trial.set_user_attr("values", values)
    base = search.inputs.config
    config = apply(base, values, f"trial {trial.number}")
    figures: list[float] = []
    try:
        for index in range(search.seeds):
            seeded = apply(config, {"train.seed": base.train.seed + index})
            place = search.folder / trial_folder(trial) / f"seed-{seeded.train.seed}"
            report = _report_to(trial, search.objective, figures, index * config.train.descent.epochs, place)
            figures.append(figure(train(seeded, place, report), search.objective))
    except optuna.TrialPruned:
        raise
    except Exception as error:
        trial.set_user_attr("error", f"{type(error).__name__}: {error}")
        raise
    trial.set_user_attr("figures", figures)
    return float(median(figures))


def _report_to(
    trial: optuna.Trial, objective: str, figures: list[float], first_step: int, run: Path
) -> Callable[[Record], None]:
    """Make the function that reports the median so far after each epoch, and ends the trial if the pruner says so."""
    earlier = RunFolder(run).history()
    history: list[Record] = []

    def report(record: Record) -> None:
        if not history:
            history.extend(before for before in earlier if before["epoch"] < record["epoch"])
        history.append(record)
        trial.report(median([*figures, figure(history, objective)]), first_step + record["epoch"])
        if trial.should_prune():
            raise optuna.TrialPruned

    return report


def figure(history: Sequence[Record], objective: str) -> float:
    """Return the objective's figure at the epoch whose weights the run keeps; ``history`` has at least one record."""
    kept = min(history, key=lambda record: record["selection"])
    if objective == "selection":
        return float(kept["selection"])
    found = [kept[name] for name in ("dev_auc", "dev_paired_auc") if kept[name] is not None]
    return float(sum(found) / len(found))


def trial_folder(trial: optuna.Trial | FrozenTrial) -> str:
    """Name the trial's folder: a retried trial keeps that of its first start."""
    return str(trial.user_attrs.get("folder", f"trial-{trial.number:04}"))


def find_best(storage: str, name: str) -> tuple[dict[str, Any], ExperimentConfig]:
    """Read the best finished search trial of a study, as JSON takes it, and its configuration, from the storage alone.

    Raises
    ------
    TrainingError
        There is no such study, or no trial of it has finished.
    """
    with _storage_errors(storage):
        names = optuna.get_all_study_names(storage)
        if name not in names:
            raise TrainingError(f"{storage} holds no study {name!r}; it holds {', '.join(sorted(names)) or 'none'}")
        study = optuna.load_study(study_name=name, storage=storage)
    latest = {trial_folder(trial): trial.state for trial in study.get_trials(deepcopy=False)}
    counts = {state.name.lower(): sum(found == state for found in latest.values()) for state in TrialState}
    if not counts["complete"]:
        raise TrainingError(
            f"no trial of {name!r} has finished yet: {counts['pruned']} pruned, {counts['fail']} failed"
        )
    best, search = study.best_trial, study.user_attrs["search"]
    summary = {
        "study": name,
        "trial": best.number,
        "objective": search["objective"],
        "value": best.value,
        "figures": best.user_attrs["figures"],
        "values": best.user_attrs["values"],
        "folder": trial_folder(best),
        "trials": counts,
    }
    base = config_from_dict(nest(search["base"]), f"study {name!r}")
    return summary, apply(base, best.user_attrs["values"])


def write_best(path: Path, summary: Mapping[str, Any], config: ExperimentConfig) -> None:
    """Write the best configuration as TOML that `workbench train --config` reads."""
    figures = ", ".join(f"{value:.4f}" for value in summary["figures"])
    head = (
        f"Trial {summary['trial']} of the study {summary['study']!r}: {summary['objective']} {summary['value']:.4f}, "
        f"the median of {figures}.\nWhat is not named here has its default."
    )
    write_atomically(path, config_to_toml(config, head))


class _Reporter:
    """Prints a line for each search trial, and stops the study after several failures in a row."""

    def __init__(self, search: Search) -> None:
        self._search, self._failures = search, 0

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._failures = self._failures + 1 if trial.state == TrialState.FAIL else 0
        if trial.state == TrialState.FAIL:
            result = f"failed, {trial.user_attrs.get('error', 'no reason kept').splitlines()[0]}"
        elif trial.state == TrialState.PRUNED:
            result = "pruned"
        else:
            result = f"{self._search.objective} {trial.value:.4f} (best {study.best_value:.4f})"
        values = short_text(flatten(trial.user_attrs.get("values", {})))
        click.echo(f"trial {trial.number}: {result}; {values}", err=True)
        if self._failures == _FAILURES_IN_A_ROW:
            study.stop()


def _work(search: Search, cache: Path, trials: int | None, timeout_s: float | None, sampler_seed: int | None) -> None:
    optimise(open_study(search, sampler_seed), search, _train(search.inputs, cache), trials, timeout_s)


def _train(inputs: Inputs, cache: Path) -> Train:
    import tf_keras

    from workbench.train.training import run_training

    def train(config: ExperimentConfig, run: Path, report: Callable[[Record], None]) -> Sequence[Record]:
        class Bar(EpochBar):
            def finish(self, record: Record) -> None:
                report(record)

        given = replace(inputs, config=replace(config, data=inputs.config.data))
        folder = create_run(given, run)
        # Beside the run, so that any trial can be trained again by hand; where the data lie is no part of it.
        write_atomically(run / "config.toml", config_to_toml(replace(config, data=DataConfig())))
        try:
            run_training(given, folder, cache, Bar)
        finally:
            # Each trial builds its own graph; without this a long search would fill the memory.
            tf_keras.backend.clear_session()
        return folder.history()

    return train


def _pruner(search: Search) -> optuna.pruners.BasePruner:
    epochs = search.inputs.config.train.descent.epochs
    if search.pruner == "median":
        # A third of the schedule, and a few trials to compare with, come first.
        return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=epochs // 3)
    if search.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=max(1, epochs // 9), max_resource=epochs * search.seeds)
    return optuna.pruners.NopPruner()


@contextmanager
def _storage_errors(storage: str) -> Iterator[None]:
    """Turn what a storage raises on being opened into this project's error."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        url = make_url(storage)
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        yield
    except (ImportError, OSError, SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise TrainingError(
            f"{storage}: cannot open the storage ({error}); give an SQLAlchemy URL such as sqlite:///runs/tune.db, "
            "and install its driver"
        ) from error


@contextmanager
def _quiet_heartbeat() -> Iterator[None]:
    """Silence Optuna's warning that heartbeats are experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
