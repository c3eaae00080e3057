"""A search: what a trial's value is, what is pruned, and what goes on after a kill. The training is made up here."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna", reason="needs the tune extra")

import sqlalchemy  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

from workbench.cli.tune import tune  # noqa: E402
from workbench.config import config_to_dict, load_config  # noqa: E402
from workbench.data.manifest import Manifest, Row  # noqa: E402
from workbench.errors import TrainingError  # noqa: E402
from workbench.train.inputs import Inputs  # noqa: E402
from workbench.train.runs import RunFolder  # noqa: E402
from workbench.tune import search as search_module  # noqa: E402
from workbench.tune.search import (  # noqa: E402
    OBJECTIVES,
    PRUNERS,
    Search,
    figure,
    find_best,
    open_study,
    optimise,
    trial_folder,
    write_best,
)
from workbench.tune.search_space import load_space  # noqa: E402

SPACE = '[space]\n"model.dropout" = { low = 0.0, high = 0.5 }\n"model.statistics" = { choices = [["mean"]] }\n'


def record(epoch, selection, auc=0.5, paired_auc=None):
    return {"epoch": epoch, "selection": selection, "dev_auc": auc, "dev_paired_auc": paired_auc}


@pytest.fixture(scope="module")
def unsynced():
    """A test's storage need not outlive a loss of power, and waiting for the disk takes longer than these searches."""

    def leave_it_to_the_system(connection, _):
        connection.execute("PRAGMA synchronous = OFF")

    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "connect", leave_it_to_the_system)
    yield
    sqlalchemy.event.remove(sqlalchemy.engine.Engine, "connect", leave_it_to_the_system)


@pytest.fixture(scope="module")
def empty_storage(unsynced, tmp_path_factory):
    """Making the tables takes longer than most of these searches."""
    path = tmp_path_factory.mktemp("storage") / "empty.db"
    optuna.storages.RDBStorage(f"sqlite:///{path}")
    return path


@pytest.fixture
def search(make_config, tmp_path, empty_storage):
    shutil.copy(empty_storage, tmp_path / "tune.db")
    base = make_config(descent={"epochs": 4})
    (tmp_path / "space.toml").write_text(SPACE)
    inputs = Inputs(base, Manifest((Row("a.wav"),), tmp_path), tmp_path / "m.tsv")
    space = load_space(tmp_path / "space.toml", base)
    return Search(inputs, space, "selection", 1, "s", f"sqlite:///{tmp_path}/tune.db", tmp_path / "runs", "none")


def run(search, train, trials):
    study = open_study(search, 1)
    optimise(study, search, train, trials, None)
    return study


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


def test_a_trials_value_is_the_median_over_its_seeds(search):
    study = run(replace(search, seeds=3), easy, 2)
    for trial in study.trials:
        assert trial.value == pytest.approx(trial.params["model.dropout"] + 0.1)
        assert len(trial.user_attrs["figures"]) == 3
        # Three seeds of four epochs, one after the other: each is a step.
        assert list(trial.intermediate_values) == [*range(12)]
        assert trial.intermediate_values[4] == pytest.approx(trial.params["model.dropout"] + (0.0 + 0.13) / 2)


def test_the_best_is_rebuilt_from_the_storage_and_written_for_train(search, tmp_path):
    study = run(search, easy, 5)
    summary, config = find_best(search.storage, "s")
    assert summary["value"] == min(trial.value for trial in study.trials)
    assert config.model.dropout == summary["values"]["model.dropout"]
    expected = config_to_dict(search.inputs.config)
    expected["model"].update(dropout=config.model.dropout, statistics=("mean",))
    assert config_to_dict(config) == expected
    write_best(tmp_path / "best.toml", summary, config)
    assert load_config(tmp_path / "best.toml") == config
    with pytest.raises(TrainingError, match="holds no study 'other'; it holds s"):
        find_best(search.storage, "other")


def test_auc_is_to_be_large(search):
    def train(config, folder, report):
        report(record(0, 0.5, config.model.dropout))
        return [record(0, 0.5, config.model.dropout)]

    study = run(replace(search, objective="auc"), train, 6)
    assert study.best_value == max(trial.params["model.dropout"] for trial in study.trials)


def test_a_hopeless_trial_is_pruned_after_a_third_of_its_epochs(search):
    calls = []

    def train(config, folder, report):
        bad = len(calls) >= 5
        calls.append([])
        for epoch in range(4):
            calls[-1].append(epoch)
            report(record(epoch, 0.9 if bad else 0.1))
        return [record(0, 0.1)]

    study = run(replace(search, pruner="median"), train, 7)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 5 + [TrialState.PRUNED] * 2
    assert calls[5] == [0, 1]


def test_a_search_that_goes_on_counts_the_trials_there_are_and_draws_anew(search, tmp_path):
    for count in (2, 2, 4):
        study = run(search, easy, count)
    drawn = [trial.params["model.dropout"] for trial in study.trials]
    assert len(set(drawn)) == 4
    again = run(replace(search, storage=f"sqlite:///{tmp_path}/new/again.db"), easy, 2)
    assert [trial.params["model.dropout"] for trial in again.trials] == drawn[:2]


def test_a_failed_trial_is_set_aside_with_its_reason_and_three_in_a_row_end_the_search(search, capsys):
    folders = []

    def fails(config, folder, report):
        folders.append(folder)
        if len(folders) != 1:
            raise RuntimeError("out of memory")
        return easy(config, folder, report)

    study = run(search, fails, 10)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] + [TrialState.FAIL] * 3
    assert study.trials[1].user_attrs["error"] == "RuntimeError: out of memory"
    assert "trial 1: failed, RuntimeError: out of memory; dropout=" in capsys.readouterr().err
    assert find_best(search.storage, "s")[0]["trials"]["fail"] == 3


@pytest.mark.slow
def test_a_killed_trial_is_retried_in_its_folder(search, monkeypatch):
    monkeypatch.setattr(search_module, "_STALE_S", 1)
    monkeypatch.setattr(search_module, "_HEARTBEAT_S", 1)

    class Killed(BaseException):
        """As SIGKILL does, it leaves no time to mark the trial as ended."""

    def dies(config, folder, report):
        RunFolder(folder).path.mkdir(parents=True)
        RunFolder(folder).write_history([record(0, 0.5), record(1, 0.4), record(2, 0.3)])
        raise Killed

    with pytest.raises(Killed):
        run(search, dies, 1)

    def resumes(config, folder, report):
        # Its last checkpoint was that of epoch 1.
        history = RunFolder(folder).history()[:2]
        for epoch in (2, 3):
            history.append(record(epoch, 0.35 - epoch / 100))
            report(history[-1])
        return history

    time.sleep(2.5)  # the storage's clock counts whole seconds
    first, second = run(search, resumes, 1).trials
    assert (first.state, second.state) == (TrialState.FAIL, TrialState.COMPLETE)
    assert (second.params, trial_folder(second)) == (first.params, "trial-0000")
    assert second.intermediate_values == pytest.approx({2: 0.33, 3: 0.32})
    # Counted once: it has been mended.
    assert find_best(search.storage, "s")[0]["trials"] == {
        "running": 0, "complete": 1, "pruned": 0, "fail": 0, "waiting": 0,
    }  # fmt: skip


def test_another_search_under_the_same_name_is_refused_but_not_the_same_data_elsewhere(search):
    run(search, easy, 1)
    other = replace(search.inputs, manifest=Manifest((Row("b.wav"),), Path("/corpus")))
    for change, named in (
        ({"seeds": 2}, "seeds"),
        ({"objective": "auc"}, "objective"),
        ({"inputs": other}, "manifest_digest"),
    ):
        with pytest.raises(TrainingError, match=f"begun with another {named};"):
            open_study(replace(search, **change), None)
    base = search.inputs.config
    moved = replace(search.inputs, config=replace(base, data=replace(base.data, manifest="/mnt/m.tsv")))
    open_study(replace(search, inputs=moved, folder=Path("/mnt/runs")), None)


def test_a_storage_that_cannot_be_opened_is_named(search):
    for url in ["nonsense", "unknown://x/y", "sqlite:////proc/no/tune.db"]:
        with pytest.raises(TrainingError, match="cannot open the storage"):
            open_study(replace(search, storage=url), None)


@pytest.mark.parametrize("pruner", PRUNERS)
def test_every_pruner_can_be_used(search, pruner):
    assert len(run(replace(search, pruner=pruner), easy, 3).trials) == 3


def test_the_command_offers_every_objective_and_pruner():
    choices = {option.name: option.type.choices for option in tune.params if hasattr(option.type, "choices")}
    assert tuple(choices["objective"]) == tuple(OBJECTIVES)
    assert tuple(choices["pruner"]) == PRUNERS
