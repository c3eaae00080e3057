"""A run folder says what was run, refuses another run, and survives a kill."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest

from workbench.config import ExperimentConfig, override
from workbench.errors import ConfigError, TrainingError
from workbench.train.runs import RunFolder, RunInfo, collect_versions, git_revision


@pytest.fixture
def info():
    return RunInfo(
        config=ExperimentConfig(),
        manifest="/corpus/manifest.tsv",
        manifest_root="/corpus",
        manifest_digest="ab" * 32,
        noise="",
        git_revision="0123456789ab",
        versions={"python": "3.11"},
    )


def test_what_was_created_is_read_back(info, tmp_path):
    folder = RunFolder(tmp_path / "runs" / "first")
    folder.create(info)
    assert folder.info() == info
    assert {folder.weights.parent, folder.checkpoints.parent, folder.tensorboard.parent} == {folder.path}


def test_the_same_run_is_resumed_and_keeps_its_first_record(info, tmp_path):
    folder = RunFolder(tmp_path)
    folder.create(info)
    folder.create(replace(info, git_revision="later", manifest="/elsewhere.tsv"))
    assert folder.info() == info


@pytest.mark.parametrize("change", ["config", "data"])
def test_another_run_in_the_folder_is_refused(info, tmp_path, change):
    folder = RunFolder(tmp_path)
    folder.create(info)
    other = (
        replace(info, config=override(info.config, "train", seed=1))
        if change == "config"
        else replace(info, manifest_digest="cd" * 32)
    )
    with pytest.raises(TrainingError) as caught:
        folder.create(other)
    assert str(caught.value) == (
        f"{tmp_path} holds a run with another configuration or manifest; "
        "give another --run folder, or the same options to resume it"
    )


def test_what_is_no_run_folder_is_said_to_be_none(tmp_path):
    for text in [None, "", "{", "3", "[]", "{}", '{"config": {}}', '{"config": {}, "surplus": 1}']:
        if text is not None:
            (tmp_path / "run.json").write_text(text)
        with pytest.raises(TrainingError, match="not a run folder of `workbench train`"):
            RunFolder(tmp_path).info()


def test_a_configuration_of_another_version_is_named(info, tmp_path):
    RunFolder(tmp_path).create(info)
    data = json.loads((tmp_path / "run.json").read_text())
    data["config"]["model"]["no_longer"] = 1
    (tmp_path / "run.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=r"run\.json: model: unknown key no_longer"):
        RunFolder(tmp_path).info()


def test_history_is_empty_then_what_was_written_last(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.history() == []
    folder.write_history([{"epoch": 0, "loss": 0.5}])
    folder.write_history([{"epoch": 0, "loss": 0.5}, {"epoch": 1, "loss": 0.25}])
    assert folder.history() == [{"epoch": 0, "loss": 0.5}, {"epoch": 1, "loss": 0.25}]
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 2


def test_versions_name_python_and_what_is_installed():
    found = collect_versions()
    assert found["python"].startswith("3.")
    assert {"bonafone", "numpy"} <= set(found)


def test_a_revision_shows_that_files_were_changed(tmp_path):
    assert git_revision(tmp_path / "missing") == ""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    (tmp_path / "a").write_text("1")
    for command in (["init", "-q"], ["add", "a"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *command], check=True)
    clean = git_revision(tmp_path)
    assert len(clean) == 12
    (tmp_path / "a").write_text("2")
    assert git_revision(tmp_path) == f"{clean}+"
