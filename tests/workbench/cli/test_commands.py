"""`workbench train` with earlier runs: as teachers, and as a start."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.cli.main import main
from workbench.config_toml import config_to_toml
from workbench.train.earlier_runs import trained_network
from workbench.train.runs import RunFolder

TRAIN = {"epochs": 1, "steps_per_epoch": 6, "learning_rate": 0.01, "average_momentum": 0.0, "tensorboard_audio": False}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    from tests.workbench.conftest import write_two_folders

    return write_two_folders(tmp_path_factory.mktemp("voices"))


@pytest.fixture(scope="module")
def train(folders):
    """Train by the command line; return exit code and output."""
    from tests.workbench.conftest import tiny_config

    def train(name, *options, **settings):
        file = folders / f"{name}.toml"
        file.write_text(config_to_toml(tiny_config(train={**TRAIN, **settings})))
        data = ("--bonafide", folders / "bonafide", "--spoof", folders / "spoof", "--cache", folders / "cache")
        arguments = ("train", *data, "--config", file, "--run", folders / name, "--json", *options)
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        return result.exit_code, result.output

    return train


@pytest.fixture(scope="module")
def teacher(train, folders):
    code, output = train("teacher", epochs=3, steps_per_epoch=20)
    assert code == 0, output
    return folders / "teacher"


def test_a_student_records_its_teachers_and_resumes_with_them_alone(train, teacher, folders):
    options = ("--teacher", teacher, "--teacher", teacher)
    code, output = train("student", *options, distillation=0.7, temperature=2.0)
    assert code == 0, output
    history = RunFolder(folders / "student").history()
    assert {"loss_labels", "loss_distillation"} <= set(history[0])
    named = json.loads((folders / "student" / "run.json").read_text())
    assert [entry["run"] for entry in named["teachers"]] == [str(teacher)] * 2
    assert named["start"] is None
    assert train("student", *options, distillation=0.7, temperature=2.0)[0] == 0
    assert RunFolder(folders / "student").history() == history
    code, output = train("student", "--teacher", teacher, distillation=0.7, temperature=2.0)
    assert code == 1
    assert "holds a run with other teachers" in output


def test_a_run_starts_from_the_weights_of_another(train, teacher, folders):
    """At a learning rate of almost nothing the weights stay those of the start."""
    code, output = train("fine", "--start-from", teacher, learning_rate=1e-9)
    assert code == 0, output
    start, found = (trained_network(folders / name).raw_score_model(64) for name in ("teacher", "fine"))
    for before, after in zip(start.trainable_variables, found.trainable_variables, strict=True):
        np.testing.assert_allclose(after.numpy(), before.numpy(), atol=1e-6)
    info = RunFolder(folders / "fine").info()
    assert info.start == RunFolder(teacher).as_earlier()
    assert info.teachers == ()


def test_a_student_begins_with_the_weights_that_it_would_have_alone(train, teacher, folders):
    """Loading teachers draws nothing from the seed."""
    train("alone", learning_rate=1e-9)
    code, output = train("taught", "--teacher", teacher, learning_rate=1e-9, distillation=0.5)
    assert code == 0, output
    alone, taught = (trained_network(folders / name).raw_score_model(64) for name in ("alone", "taught"))
    for before, after in zip(alone.trainable_variables, taught.trainable_variables, strict=True):
        np.testing.assert_allclose(after.numpy(), before.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "settings", "message"),
    [
        (("--teacher",), {}, "--teacher needs train.distillation above 0 in the configuration"),
        ((), {"distillation": 0.5}, "train.distillation is above 0: give the run folder of a teacher with --teacher"),
        (("--start-from",), {"loss": "margin"}, "differs in its shapes of weights (head_raw_score"),
        (("--start-from",), {"solver": "ridge"}, '--start-from needs train.solver = "gradient"'),
    ],
)
def test_what_does_not_fit_is_refused(train, teacher, options, settings, message):
    code, output = train(
        "refused-" + "-".join([*options, *settings]), *options, *([teacher] if options else []), **settings
    )
    assert code == 1
    assert message in " ".join(output.split())
