"""The best trial of a search, from its storage alone: neither TensorFlow nor the run folders are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from workbench.config import ExperimentConfig, config_from_dict, config_to_toml, nest
from workbench.data.atomic_file import write_atomically
from workbench.errors import TrainingError
from workbench.tune.search import storage_errors
from workbench.tune.search_space import apply
from workbench.tune.trial_queue import trial_folder


def find_best(storage: str, name: str) -> tuple[dict[str, Any], ExperimentConfig]:
    """The best finished trial of a study, as JSON takes it, and its configuration.

    Raises
    ------
    TrainingError
        There is no such study, or no trial of it has finished.
    """
    with storage_errors(storage):
        names = optuna.get_all_study_names(storage)
        if name not in names:
            raise TrainingError(f"{storage} holds no study {name!r}; it holds {', '.join(sorted(names)) or 'none'}")
        study = optuna.load_study(study_name=name, storage=storage)
    # A trial that was killed and run again stands twice, in one folder; its last state counts.
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


def write_best(path: Path, summary: dict[str, Any], config: ExperimentConfig) -> None:
    """Write the best configuration as TOML that `workbench train --config` takes."""
    figures = ", ".join(f"{value:.4f}" for value in summary["figures"])
    head = (
        f"Trial {summary['trial']} of the study {summary['study']!r}: {summary['objective']} {summary['value']:.4f}, "
        f"the median of {figures}.\nWhat is not named here has its default."
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, config_to_toml(config, head))
