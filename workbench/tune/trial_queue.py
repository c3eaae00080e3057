"""Trials that were killed or that failed, put back into the queue of their study."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

MAX_TRIES = 3
"""A trial that was killed, or failed, is run again until it has been started this often."""


def trial_folder(trial: optuna.Trial | FrozenTrial) -> str:
    """Name of the trial's folder; a trial that is run again keeps the folder of its first start."""
    return str(trial.user_attrs.get("folder", f"trial-{trial.number:04}"))


def requeue(study: optuna.Study, trial: FrozenTrial) -> None:
    """Put a trial that was killed or that failed back into the queue, to go on in the same folder."""
    tries = trial.user_attrs.get("tries", 1)
    if tries < MAX_TRIES:
        attributes = {**trial.user_attrs, "tries": tries + 1, "folder": trial_folder(trial)}
        study.add_trial(
            optuna.create_trial(
                state=TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=attributes,
            )
        )


def requeue_unfinished(study: optuna.Study) -> int:
    """Queue what earlier calls left failed, or killed a minute ago, and return how many there are.

    A trial that was killed later still looks alive; whoever runs the next trial after that time queues it.
    """
    with quiet_heartbeat():
        optuna.storages.fail_stale_trials(study)
    latest = {trial_folder(trial): trial for trial in study.get_trials(deepcopy=False)}
    for trial in [trial for trial in latest.values() if trial.state == TrialState.FAIL]:
        requeue(study, trial)
    return len(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))


@contextmanager
def quiet_heartbeat() -> Iterator[None]:
    """Without the warning that heartbeats may still change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
