"""A search over configurations with Optuna (Akiba et al. 2019): trials, their value, pruning, and what a kill leaves.

A trial trains its configuration with one or more seeds, one after the other. Its value is the median, over the seeds,
of the figure at each run's kept epoch; after every epoch the median so far is reported to the pruner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal, Protocol

import optuna
from optuna.trial import FrozenTrial, TrialState

from workbench.config import DataConfig, ExperimentConfig, config_to_dict, flatten
from workbench.errors import TrainingError
from workbench.train.runs import RunFolder
from workbench.tune.search_space import SearchSpace, apply
from workbench.tune.trial_queue import MAX_TRIES, quiet_heartbeat, requeue, trial_folder

Record = dict[str, Any]
OBJECTIVES: dict[str, Literal["minimize", "maximize"]] = {"selection": "minimize", "auc": "maximize"}
"""``selection``: the mean dev EER over all and over the paired clips, by which the epoch is chosen anyway; ``auc``:
the same mean of the AUC."""
PRUNERS = ("median", "hyperband", "none")
_HEARTBEAT_S = 15
_STALE_S = 60
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


class TrainFunction(Protocol):
    """Trains ``config`` to ``run``, calling ``report`` with each new epoch's record; returns the whole history."""

    def __call__(self, config: ExperimentConfig, run: Path, report: Callable[[Record], None]) -> Sequence[Record]: ...


@dataclass(frozen=True)
class Search:
    """What makes a search: two with the same study name must agree in all but the folder."""

    base: ExperimentConfig
    space: SearchSpace
    objective: str
    seeds: int
    manifest_digest: str
    folder: Path

    def identity(self) -> dict[str, Any]:
        """As the study keeps it. Whole, so that the best configuration can be rebuilt from the storage alone."""
        # Where the data lie differs from machine to machine; that they are the same is what the digest says.
        return {
            "base": flatten(config_to_dict(replace(self.base, data=DataConfig()))),
            "space": self.space.to_dict(),
            "objective": self.objective,
            "seeds": self.seeds,
            "manifest_digest": self.manifest_digest,
        }


def figure(history: Sequence[Record], objective: str) -> float:
    """The objective's figure at the epoch whose weights the run keeps.

    Parameters
    ----------
    history : at least one record of `workbench.train.descent.fit`.
    """
    kept = min(history, key=lambda record: record["selection"])
    if objective == "selection":
        return float(kept["selection"])
    found = [kept[name] for name in ("dev_auc", "dev_paired_auc") if kept[name] is not None]
    return float(sum(found) / len(found))


def open_study(storage: str, name: str, search: Search, pruner: str, seed: int | None) -> optuna.Study:
    """Make the study ``name`` in ``storage`` (an SQLAlchemy URL), or go on with it.

    ``seed`` is that of the draws, with the trials that there are, so that going on draws anew; None is random.

    Raises
    ------
    TrainingError
        The storage cannot be opened, or the study is another search.
    """
    with storage_errors(storage), quiet_heartbeat():
        study = optuna.create_study(
            storage=optuna.storages.RDBStorage(
                storage,
                heartbeat_interval=_HEARTBEAT_S,
                grace_period=_STALE_S,
                heartbeat_stale_trial_callback=requeue,
            ),
            study_name=name,
            direction=OBJECTIVES[search.objective],
            pruner=_pruner(pruner, search.base.train.descent.epochs, search.seeds),
            load_if_exists=True,
        )
        study.sampler = optuna.samplers.TPESampler(seed=None if seed is None else seed + len(study.get_trials(False)))
        kept = study.user_attrs.get("search")
        if kept is None:
            study.set_user_attr("search", search.identity())
        elif differing := _differing(kept, search.identity()):
            raise TrainingError(
                f"the study {name!r} in {storage} was begun with another {' and '.join(differing)}; "
                "give another --study, or the options that it was begun with"
            )
    return study


def objective(search: Search, train: TrainFunction) -> Callable[[optuna.Trial], float]:
    """The function that Optuna optimises; ``train`` does the training."""

    def run(trial: optuna.Trial) -> float:
        folder = search.folder / trial_folder(trial)
        trial.set_user_attr("folder", folder.name)
        values = search.space.suggest(trial)
        trial.set_user_attr("values", values)
        config = apply(search.base, values, f"trial {trial.number}")
        figures: list[float] = []
        for index in range(search.seeds):
            seeded = apply(config, {"train.seed": search.base.train.seed + index})
            place = folder / f"seed-{seeded.train.seed}"
            earlier = RunFolder(place).history()
            history = train(
                seeded, place, _Reporter(trial, search.objective, figures, index * config.train.descent.epochs, earlier)
            )
            figures.append(figure(history, search.objective))
        trial.set_user_attr("figures", figures)
        return float(median(figures))

    def keep_reason(trial: optuna.Trial) -> float:
        try:
            return run(trial)
        except optuna.TrialPruned:
            raise
        except Exception as error:
            trial.set_user_attr("error", f"{type(error).__name__}: {error}")
            raise

    return keep_reason


class _Reporter:
    """Hands the median so far to the pruner after each epoch, and ends the trial if it says so.

    ``figures`` are those of the seeds before, ``earlier`` what a killed start of this one left.
    """

    def __init__(
        self, trial: optuna.Trial, objective: str, figures: Sequence[float], first_step: int, earlier: Sequence[Record]
    ) -> None:
        self._trial, self._objective, self._first_step = trial, objective, first_step
        self._figures, self._earlier = tuple(figures), tuple(earlier)
        self._history: list[Record] = []

    def __call__(self, record: Record) -> None:
        if not self._history:
            # A checkpoint may lie before the end of the history: those epochs are run once more.
            for before in self._earlier:
                if before["epoch"] < record["epoch"]:
                    self._report(before)
        self._report(record)
        if self._trial.should_prune():
            raise optuna.TrialPruned

    def _report(self, record: Record) -> None:
        self._history.append(record)
        value = median([*self._figures, figure(self._history, self._objective)])
        self._trial.report(value, self._first_step + record["epoch"])


def optimise(
    study: optuna.Study,
    function: Callable[[optuna.Trial], float],
    trials: int | None,
    timeout_s: float | None,
    tell: Callable[[optuna.Study, FrozenTrial], None],
) -> int:
    """Run trials until the study holds ``trials`` finished ones, or for ``timeout_s``; return how many failed here.

    ``tell`` is called after every trial. A trial that fails is set aside and the search goes on; three in a row end
    it, since the cause is then hardly the trial's.
    """
    failed = in_a_row = 0

    def after(study: optuna.Study, trial: FrozenTrial) -> None:
        nonlocal failed, in_a_row
        tell(study, trial)
        failure = trial.state == TrialState.FAIL
        failed, in_a_row = failed + failure, (in_a_row + 1) * failure
        if in_a_row == MAX_TRIES or reached(study, trials):
            study.stop()

    if not reached(study, trials):
        with quiet_heartbeat():
            study.optimize(function, timeout=timeout_s, callbacks=[after], catch=(Exception,), gc_after_trial=True)
    return failed


def reached(study: optuna.Study, trials: int | None) -> bool:
    """Whether the study holds ``trials`` trials that ran to their end or were pruned."""
    return trials is not None and len(study.get_trials(deepcopy=False, states=_DONE)) >= trials


def _differing(kept: dict[str, Any], identity: dict[str, Any]) -> list[str]:
    # A field that came with a later version of this program had its default.
    filled = {**kept, "base": {**flatten(config_to_dict(ExperimentConfig())), **kept["base"]}}
    return sorted(name for name, value in identity.items() if filled.get(name) != value)


def _pruner(name: str, epochs: int, seeds: int) -> optuna.pruners.BasePruner:
    if name == "median":
        # A third of the schedule, and a few trials to compare with, come first.
        return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=epochs // 3)
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=max(1, epochs // 9), max_resource=epochs * seeds)
    return optuna.pruners.NopPruner()


@contextmanager
def storage_errors(storage: str) -> Iterator[None]:
    """Turn what a storage raises on being opened into this project's error."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (ImportError, SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise TrainingError(
            f"{storage}: cannot open the storage ({error}); give an SQLAlchemy URL such as sqlite:///runs/tune.db, "
            "and install its driver"
        ) from error
