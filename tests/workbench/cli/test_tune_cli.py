"""`workbench tune` end to end, with real but tiny runs."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

pytest.importorskip("optuna", reason="needs the tune extra")
pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.cli.main import main
from workbench.config import config_to_toml, load_config
from workbench.train.runs import RunFolder

SPACE = '[space]\n"train.descent.learning_rate" = { low = 1e-4, high = 1e-2, log = true }\n"model.head_units" = { choices = [4, 6] }\n'


@pytest.fixture
def command(make_config, voices, tmp_path):
    config = make_config(descent={"epochs": 2, "steps_per_epoch": 2, "tensorboard_audio": False})
    (tmp_path / "base.toml").write_text(config_to_toml(config))
    (tmp_path / "space.toml").write_text(SPACE)
    places = {"config": "base.toml", "space": "space.toml", "runs": "runs", "cache": "cache"}
    options = [text for name, file in places.items() for text in (f"--{name}", str(tmp_path / file))]
    options += ["--bonafide", str(voices[0]), "--spoof", str(voices[1]), "--sampler-seed", "1"]
    return [*options, "--storage", f"sqlite:///{tmp_path}/db/tune.db"]


@pytest.mark.slow
def test_a_search_trains_and_writes_what_train_takes(command, tmp_path):
    best = tmp_path / "best.toml"
    arguments = ["tune", *command, "--trials", "1", "--seeds", "2", "--json", "--write", str(best)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert (summary["trials"]["complete"], summary["study"]) == (1, "tune")
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["trial 0"]

    folder = tmp_path / "runs" / "tune" / summary["folder"]
    runs = [RunFolder(folder / f"seed-{seed}") for seed in (0, 1)]
    figures = [min(record["selection"] for record in run.history()) for run in runs]
    assert summary["figures"] == figures
    assert summary["value"] == sum(figures) / 2
    # Both seeds were trained and selected on the same clips.
    assert runs[0].info().manifest_digest == runs[1].info().manifest_digest
    config = load_config(best)
    assert config.train.descent.learning_rate == summary["values"]["train.descent.learning_rate"]
    assert config.model.head_units == summary["values"]["model.head_units"]
    assert config.train.descent.epochs == 2

    # Enough is enough: the same command trains nothing more, and the storage alone tells the best.
    assert json.loads(CliRunner().invoke(main, arguments).stdout) == summary
    shown = CliRunner().invoke(main, ["tune", "--best", "--storage", command[-1]])
    assert shown.stdout.startswith("tune: 1 trials finished, 0 pruned, 0 failed\nbest is trial ")
    assert f"head_units={config.model.head_units}" in shown.stdout


def test_data_that_are_missing_and_a_study_that_is_not_there_are_named(tmp_path):
    storage = f"sqlite:///{tmp_path}/tune.db"
    result = CliRunner().invoke(main, ["tune", "--storage", storage, "--trials", "1"])
    assert result.exit_code == 1
    assert "give the data once: --manifest" in result.stderr
    result = CliRunner().invoke(main, ["tune", "--storage", storage, "--best"])
    assert result.exit_code == 1
    assert "holds no study 'tune'; it holds none" in result.stderr
