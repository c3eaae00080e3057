"""The table of experiments: grouped by configuration, medians by hand, renewed and checked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import experiments
import pytest

from workbench.config import ExperimentConfig, config_from_dict, config_to_dict, load_config, override
from workbench.config_toml import flatten
from workbench.train.runs import EarlierRun, RunFolder, RunInfo

PARAMETERS = 94_513


def epoch(number, eer, paired_eer, **more):
    figures = {"dev_eer": eer, "dev_auc": 1.0 - eer, "dev_paired_eer": paired_eer, "dev_paired_auc": None, **more}
    selection = eer if paired_eer is None else (eer + paired_eer) / 2
    return {"epoch": number, "loss": 0.5, **figures, "selection": selection}


@pytest.fixture
def make_run(tmp_path):
    def make(name, history, config=None, seed=0, digest="ab" * 32, **lineage):
        folder = RunFolder(tmp_path / name)
        config = override(config or ExperimentConfig(), "train", seed=seed)
        folder.create(RunInfo(config, "/c/m.tsv", "/c", digest, "", "0123456789ab", {}, **lineage))
        folder.write_history(history)
        return folder.path

    return make


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the tool on a record of its own; return exit code, page and standard error."""
    monkeypatch.setattr(experiments, "parameters_of", lambda config: PARAMETERS)
    record = tmp_path / "docs" / "experiments.jsonl"
    record.parent.mkdir()

    def run(*arguments):
        code = experiments.main(["--record", str(record), *map(str, arguments)])
        page = record.with_suffix(".md")
        return code, page.read_text(encoding="utf-8") if page.exists() else "", capsys.readouterr().err

    run.record = record
    return run


def rows(page):
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    head, _, *body = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [dict(zip(head, cells, strict=True)) for cells in body]


def test_seeds_share_a_line_with_their_median_and_range(make_run, run):
    runs = [
        make_run(f"s{seed}", [epoch(0, 0.5, 0.5), epoch(1, eer, paired), epoch(2, 0.4, 0.4)], seed=seed)
        for seed, eer, paired in ((0, 0.20, 0.40), (1, 0.26, 0.30), (2, 0.24, 0.38))
    ]
    code, page, _ = run("add", *runs, "--note", "the default")
    assert code == 0
    (row,) = rows(page)
    assert row["configuration"] == "tcn"
    assert (row["seeds"], row["EER all"], row["EER paired"]) == ("0, 1, 2", "24.0 (20.0–26.0)", "38.0 (30.0–40.0)")
    assert row["AUC all"] == "76.0 (74.0–80.0)"
    assert (row["parameters"], row["steps"], row["note"]) == ("94,513", "300", "the default")
    assert row["corpus"] == "`abababab`"


def test_another_configuration_or_corpus_has_a_line_of_its_own(make_run, run):
    wide = override(ExperimentConfig(), "model", widths=(80,) * 8, dropout=0.2)
    code, page, _ = run(
        "add",
        make_run("a", [epoch(0, 0.3, None)]),
        make_run("b", [epoch(0, 0.2, None)], wide),
        make_run("c", [epoch(0, 0.1, None)], digest="cd" * 32),
        make_run("d", [epoch(0, 0.1, None)], config_from_dict({"name": "mine", "train": {"clip_s": 2.0}})),
    )
    assert code == 0
    assert [(row["configuration"], row["EER all"]) for row in rows(page)] == [
        ("tcn", "30.0"),
        ("tcn: widths=[80x8], dropout=0.2", "20.0"),
        ("tcn", "10.0"),
        ("mine: clip_s=2", "10.0"),
    ]
    assert "EER paired" not in rows(page)[0]


def test_telephone_figures_are_shown_where_a_run_has_them(make_run, run):
    other = override(ExperimentConfig(), "model", dropout=0.2)
    _, page, _ = run(
        "add",
        make_run("old", [epoch(0, 0.3, 0.4)]),
        make_run("new", [epoch(0, 0.2, 0.3, dev_telephone_eer=0.35, dev_telephone_auc=0.7)], other),
    )
    old, new = rows(page)
    assert (old["EER telephone"], new["EER telephone"], new["AUC telephone"]) == ("–", "35.0", "70.0")
    assert list(new)[3:7] == ["EER all", "EER paired", "EER telephone", "AUC all"]


def test_what_was_kept_is_bold_and_a_run_added_again_takes_its_place(make_run, run):
    first, second = make_run("a", [epoch(0, 0.3, 0.4)]), make_run("b", [epoch(0, 0.2, 0.3)], seed=1)
    run("add", first, "--note", "a try")
    run("add", second)
    _, page, _ = run("add", first, "--note", "shipped as v1", "--kept")
    entries = [json.loads(line) for line in run.record.read_text().splitlines()]
    assert [(entry["run"], entry["kept"], entry["note"]) for entry in entries] == [
        ("a", True, "shipped as v1"),
        ("b", False, ""),
    ]
    (row,) = rows(page)
    assert (row["configuration"], row["note"]) == ("**tcn**", "shipped as v1")


def test_a_bad_folder_is_named_and_the_others_are_added(make_run, run, tmp_path):
    (tmp_path / "empty").mkdir()
    started = make_run("started", [])
    code, page, errors = run("add", tmp_path / "empty", started, make_run("a", [epoch(0, 0.3, 0.4)]))
    assert code == 1
    assert len(rows(page)) == 1
    assert "not a run folder of `workbench train`" in errors
    assert "started: no epoch has ended yet" in errors


def test_check_tells_a_page_that_does_not_fit_its_record(make_run, run):
    assert run("--check")[0] == 1
    run("add", make_run("a", [epoch(0, 0.3, 0.4)]))
    assert run("--check")[0] == 0
    page = run.record.with_suffix(".md")
    page.write_text(page.read_text().replace("30.0", "3.0"))
    code, _, errors = run("--check")
    assert code == 1
    assert "is out of date; run: python tools/experiments.py" in errors
    assert run()[0] == 0
    assert run("--check")[0] == 0


def test_a_field_that_is_no_more_or_not_yet_does_not_hide_a_run(make_run, run):
    run("add", make_run("a", [epoch(0, 0.3, 0.4)]))
    entry = json.loads(run.record.read_text())
    entry["config"]["model.gone"] = 3
    del entry["config"]["model.dropout"]
    run.record.write_text(json.dumps(entry) + "\n")
    (row,) = rows(run()[1])
    assert row["configuration"] == "tcn: gone=3"


def test_runs_from_before_a_field_came_share_the_line_of_its_default(make_run, run):
    run("add", make_run("a", [epoch(0, 0.3, 0.4)]))
    entry = json.loads(run.record.read_text())
    del entry["config"]["train.clip_s"]
    run.record.write_text(json.dumps(entry) + "\n")
    _, page, _ = run("add", make_run("b", [epoch(0, 0.2, 0.4)], seed=1))
    assert [row["seeds"] for row in rows(page)] == ["0, 1"]


def test_a_run_from_before_a_field_came_says_its_default_where_the_shipped_value_is_another():
    config = flatten(config_to_dict(load_config("patches")))
    assert experiments.describe(config) == "patches"
    assert config.pop("model.head_compression") > 0
    assert experiments.describe(config) == "patches: head_compression=0"


def test_parameters_are_those_of_the_shipped_model():
    pytest.importorskip("tensorflow", reason="needs the workbench extra")
    assert experiments.parameters_of(ExperimentConfig()) == PARAMETERS


def test_the_page_of_this_checkout_is_current(capsys):
    assert experiments.main(["--check"]) == 0, capsys.readouterr().err
    assert Path(experiments.__file__).parent == experiments.ROOT / "tools"
    assert str(experiments.ROOT) in sys.path


def test_what_a_run_builds_on_is_told_and_shares_no_line_with_the_same_configuration_alone(make_run, run):
    """A teacher makes another experiment of the same configuration, and so does another start."""
    runs = [
        make_run("a", [epoch(0, 0.3, None)]),
        make_run("b", [epoch(0, 0.2, None)], seed=1, start=EarlierRun("/runs/patches", "aa")),
        make_run("c", [epoch(0, 0.1, None)], seed=2, teachers=(EarlierRun("/x/one", "bb"), EarlierRun("/x/two", "cc"))),
    ]
    _, page, _ = run("add", *runs)
    assert [row["configuration"] for row in rows(page)] == ["tcn", "tcn; from patches", "tcn; taught by one, two"]
    assert [row["EER all"] for row in rows(page)] == ["30.0", "20.0", "10.0"]
