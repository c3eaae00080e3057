"""A search: what a trial's value is, what is pruned, and what goes on after a kill. The training is made up here."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna", reason="needs the tune extra")

from optuna.trial import TrialState  # noqa: E402

from workbench.config import ExperimentConfig, config_to_dict, load_config  # noqa: E402
from workbench.errors import TrainingError  # noqa: E402
from workbench.train.runs import RunFolder  # noqa: E402
from workbench.tune.best import find_best, write_best  # noqa: E402
from workbench.tune.search import (  # noqa: E402
    Search,
    figure,
    objective,
    open_study,
    optimise,
)
from workbench.tune.search_space import load_space  # noqa: E402
from workbench.tune.trial_queue import MAX_TRIES, requeue_unfinished, trial_folder  # noqa: E402

SPACE = '[space]\n"model.dropout" = { low = 0.0, high = 0.5 }\n"model.statistics" = { choices = [["mean"]] }\n'


def record(epoch, selection, auc=0.5, paired_auc=None):
    return {"epoch": epoch, "selection": selection, "dev_auc": auc, "dev_paired_auc": paired_auc}


@pytest.fixture(scope="module")
def empty_storage(tmp_path_factory):
    """Making the tables takes longer than most of these searches."""
    path = tmp_path_factory.mktemp("storage") / "empty.db"
    optuna.storages.RDBStorage(f"sqlite:///{path}")
    return path


@pytest.fixture
def storage(tmp_path, empty_storage):
    shutil.copy(empty_storage, tmp_path / "tune.db")
    return f"sqlite:///{tmp_path}/tune.db"


@pytest.fixture
def search(make_config, tmp_path):
    base = make_config(descent={"epochs": 4})
    (tmp_path / "space.toml").write_text(SPACE)
    return Search(base, load_space(tmp_path / "space.toml", base), "selection", 1, "d" * 64, tmp_path / "runs")


def run(storage, search, train, trials, pruner="none"):
    study = open_study(storage, "s", search, pruner, 1)
    requeue_unfinished(study)
    failed = optimise(study, objective(search, train), trials, None, lambda study, trial: None)
    return study, failed


def easy(config, folder, report):
    """A run whose error falls to the drawn dropout, plus a tenth a seed."""
    history = []
    for epoch in range(config.train.descent.epochs):
        history.append(record(epoch, config.model.dropout + config.train.seed / 10 + (3 - epoch) / 100))
        report(history[-1])
    return history


def test_the_figure_is_that_of_the_epoch_that_is_kept():
    history = [record(0, 0.4, 0.9, 0.9), record(1, 0.2, 0.7, 0.5), record(2, 0.3, 0.8, 0.8)]
    assert figure(history, "selection") == 0.2
    assert figure(history, "auc") == pytest.approx(0.6)
    assert figure([record(0, 0.2, 0.7)], "auc") == 0.7


def test_a_trials_value_is_the_median_over_its_seeds(storage, search):
    study, failed = run(storage, replace(search, seeds=3), easy, 2)
    assert failed == 0
    for trial in study.trials:
        assert trial.value == pytest.approx(trial.params["model.dropout"] + 0.1)
        assert len(trial.user_attrs["figures"]) == 3
        # Three seeds of four epochs, one after the other: each is a step.
        assert list(trial.intermediate_values) == [*range(12)]
        assert trial.intermediate_values[4] == pytest.approx(trial.params["model.dropout"] + (0.0 + 0.13) / 2)


def test_the_best_is_rebuilt_from_the_storage_and_written_for_train(storage, search, tmp_path):
    run(storage, search, easy, 5)
    summary, config = find_best(storage, "s")
    study = optuna.load_study(study_name="s", storage=storage)
    assert summary["value"] == min(trial.value for trial in study.trials)
    assert config.model.dropout == summary["values"]["model.dropout"]
    assert config.model.statistics == ("mean",)
    expected = config_to_dict(search.base)
    expected["model"].update(dropout=config.model.dropout, statistics=("mean",))
    assert config_to_dict(config) == expected
    write_best(tmp_path / "out" / "best.toml", summary, config)
    assert load_config(tmp_path / "out" / "best.toml") == config


def test_auc_is_to_be_large(storage, search):
    def train(config, folder, report):
        report(record(0, 0.5, config.model.dropout))
        return [record(0, 0.5, config.model.dropout)]

    study, _ = run(storage, replace(search, objective="auc"), train, 6)
    assert study.best_value == max(trial.params["model.dropout"] for trial in study.trials)


def test_a_hopeless_trial_is_pruned_after_a_third_of_its_epochs(storage, search):
    calls = []

    def train(config, folder, report):
        bad = len(calls) >= 5
        calls.append([])
        for epoch in range(4):
            calls[-1].append(epoch)
            report(record(epoch, 0.9 if bad else 0.1))
        return [record(0, 0.1)]

    study, _ = run(storage, search, train, 7, "median")
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE] * 5 + [TrialState.PRUNED] * 2
    assert calls[5] == [0, 1]


def test_the_count_is_of_the_study_not_of_the_call(storage, search):
    study, _ = run(storage, search, easy, 3)
    study, _ = run(storage, search, easy, 3)
    assert len(study.trials) == 3
    study, _ = run(storage, search, easy, 5)
    assert len(study.trials) == 5


def test_a_failed_trial_is_set_aside_and_tried_again_in_its_folder(storage, search):
    folders = []

    def fails_once(config, folder, report):
        folders.append(folder)
        if len(folders) == 2:
            raise RuntimeError("out of memory")
        return easy(config, folder, report)

    study, failed = run(storage, search, fails_once, 3)
    assert failed == 1
    broken = study.trials[1]
    assert (broken.state, broken.user_attrs["error"]) == (TrialState.FAIL, "RuntimeError: out of memory")
    study, failed = run(storage, search, fails_once, 4)
    assert failed == 0
    # Counted once: it has been mended.
    assert find_best(storage, "s")[0]["trials"] == {"running": 0, "complete": 4, "pruned": 0, "fail": 0, "waiting": 0}
    again = study.trials[4]
    assert (again.params, trial_folder(again)) == (broken.params, "trial-0001")
    assert folders[4] == folders[1] == search.folder / "trial-0001" / "seed-0"
    # It has been tried again with success: nothing is left to do.
    assert requeue_unfinished(study) == 0


def test_three_failures_in_a_row_end_the_search_and_three_tries_a_trial(storage, search):
    def broken(config, folder, report):
        raise RuntimeError("no disk")

    counts = []
    for _ in range(5):
        study, failed = run(storage, search, broken, 10)
        counts.append(failed)
    assert counts == [3] * 5
    tries = [trial_folder(trial) for trial in study.trials]
    assert max(tries.count(name) for name in tries) == MAX_TRIES


def test_a_killed_trial_goes_on_where_it_was_and_reports_what_it_had(storage, search, monkeypatch):
    monkeypatch.setattr("workbench.tune.search._STALE_S", 1)
    monkeypatch.setattr("workbench.tune.search._HEARTBEAT_S", 1)

    class Killed(BaseException):
        """As SIGKILL does, it gives nobody time to say that the trial is over."""

    def dies(config, folder, report):
        RunFolder(folder).path.mkdir(parents=True)
        RunFolder(folder).write_history([record(0, 0.5), record(1, 0.4), record(2, 0.3)])
        raise Killed

    with pytest.raises(Killed):
        run(storage, search, dies, 1)

    def resumes(config, folder, report):
        # Its last checkpoint was that of epoch 1.
        history = RunFolder(folder).history()[:2]
        for epoch in (2, 3):
            history.append(record(epoch, 0.35 - epoch / 100))
            report(history[-1])
        return history

    study = open_study(storage, "s", search, "none", 1)
    assert study.trials[0].state == TrialState.RUNNING
    time.sleep(2.5)  # the storage's clock counts whole seconds
    study, failed = run(storage, search, resumes, 1)
    assert failed == 0
    first, second = study.trials
    assert (first.state, second.state) == (TrialState.FAIL, TrialState.COMPLETE)
    assert (second.params, trial_folder(second)) == (first.params, "trial-0000")
    assert second.intermediate_values == pytest.approx({0: 0.5, 1: 0.4, 2: 0.33, 3: 0.32})


@pytest.mark.parametrize(
    ("change", "named"),
    [({"seeds": 2}, "seeds"), ({"manifest_digest": "e" * 64}, "manifest_digest"), ({"objective": "auc"}, "objective")],
)
def test_another_search_under_the_same_name_is_refused(storage, search, change, named):
    run(storage, search, easy, 1)
    with pytest.raises(TrainingError, match=f"begun with another {named};"):
        open_study(storage, "s", replace(search, **change), "none", None)


def test_a_search_that_goes_on_draws_anew_and_one_that_begins_again_draws_the_same(storage, search, tmp_path):
    for count in (2, 4):
        study, _ = run(storage, search, easy, count)
    drawn = [trial.params["model.dropout"] for trial in study.trials]
    assert len(set(drawn)) == 4
    again, _ = run(f"sqlite:///{tmp_path}/again.db", search, easy, 2)
    assert [trial.params["model.dropout"] for trial in again.trials] == drawn[:2]


def test_where_the_data_lie_is_no_part_of_a_search(storage, search):
    run(storage, search, easy, 1)
    elsewhere = replace(search.base, data=replace(search.base.data, manifest="/mnt/m.tsv"))
    open_study(storage, "s", replace(search, base=elsewhere, folder=Path("/mnt/runs")), "none", None)


def test_a_search_goes_on_with_a_version_that_knows_more_fields(storage, search):
    study, _ = run(storage, search, easy, 1)
    kept = study.user_attrs["search"]
    assert kept["base"].pop("train.clip_s") == search.base.train.clip_s
    study.set_user_attr("search", kept)
    with pytest.raises(TrainingError, match="begun with another base;"):
        open_study(storage, "s", search, "none", None)
    default = replace(search.base, train=replace(search.base.train, clip_s=ExperimentConfig().train.clip_s))
    open_study(storage, "s", replace(search, base=default), "none", None)


def test_a_study_that_is_not_there_is_named(storage, search):
    run(storage, search, easy, 1)
    with pytest.raises(TrainingError, match="holds no study 'other'; it holds s"):
        find_best(storage, "other")


@pytest.mark.parametrize("url", ["nonsense", "unknown://x/y", "sqlite:////no/such/folder/tune.db"])
def test_a_storage_that_cannot_be_opened_says_so(search, url):
    with pytest.raises(TrainingError, match="cannot open the storage"):
        open_study(url, "s", search, "none", None)


@pytest.mark.parametrize("pruner", ["median", "hyperband", "none"])
def test_every_pruner_can_be_used(storage, search, pruner):
    study, failed = run(storage, search, easy, 3, pruner)
    assert (failed, len(study.trials)) == (0, 3)
