"""Cross-validation: a source that is scored has taught nothing, and each pass is scored by itself."""

from __future__ import annotations

import json

import cross_validate
import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

SOURCES, CLIPS = 15, 20


@pytest.fixture
def run(capsys):
    """Run the tool; return the exit code, what it printed and its records."""

    def run(*arguments):
        code = cross_validate.main([*map(str, arguments), "--json"])
        said = capsys.readouterr()
        return code, said, [json.loads(line) for line in said.out.splitlines()]

    return run


def signs(rows):
    return np.array([1.0 if row.label == "bonafide" else -1.0 for row in rows], np.float32)


@pytest.fixture
def private_signs(make_ridge_run, make_rows):
    """Each source has a statistic of its own that tells its classes apart: what other sources teach is worth nothing."""

    def make(**train):
        rng = np.random.default_rng(3)
        rows = make_rows(SOURCES, CLIPS)
        source = np.array([int(row.source_repo[1:]) for row in rows])
        values = rng.standard_normal((len(rows), SOURCES)).astype(np.float32)
        values[np.arange(len(rows)), source] += 5.0 * signs(rows)
        augmented = values + 0.5 * rng.standard_normal(values.shape)
        places = np.arange(len(rows))
        return make_ridge_run("private", rows, [(places, values), (places[::-1], augmented[::-1])], **train)

    return make


def test_a_source_that_is_scored_has_not_taught(private_signs, run):
    folder = private_signs(wccn_penalty=0.1)
    code, _, records = run(folder, "--penalty", 0.1, "--repeats", 2)
    assert code == 0
    assert [record["pass"] for record in records] == [0, 1]
    for record in records:
        assert record["auc_inside_sources"] == pytest.approx(0.5, abs=0.1)
        assert record["auc"] == pytest.approx(0.5, abs=0.1)
    # The same heads would tell all of them apart, if they were trained on them.
    data = cross_validate.read_statistics(folder)
    (head,) = cross_validate._solve(data, np.ones(len(data.indices), bool), [0.1], None)
    assert cross_validate.figures_of(data, head(data.statistics).astype(float), 0)["auc_inside_sources"] > 0.95


def test_what_sources_share_is_found_and_as_good_as_it_is(make_ridge_run, make_rows, run):
    """One statistic has the classes 2 x 0.6 standard deviations apart: an AUC of Phi(1.2 / sqrt 2) = 0.802."""
    rng = np.random.default_rng(5)
    rows = make_rows(SOURCES, 60)
    values = rng.standard_normal((len(rows), 3)).astype(np.float32)
    values[:, 1] += 0.6 * signs(rows)
    _, _, (record,) = run(make_ridge_run("shared", rows, [(np.arange(len(rows)), values)]), "--penalty", 0.1)
    assert record["auc"] == pytest.approx(0.802, abs=0.02)
    assert record["auc_inside_sources"] == pytest.approx(0.802, abs=0.02)
    assert record["eer"] == pytest.approx(0.274, abs=0.03)
    assert (record["bonafide"], record["spoof"]) == (SOURCES * 60, SOURCES * 60)


def test_each_pass_is_scored_by_itself(make_ridge_run, make_rows, run):
    """Pass 1 turns the sign of what tells the classes apart, hears fewer clips, and in another order."""
    rng = np.random.default_rng(7)
    rows = [*make_rows(SOURCES, CLIPS), *make_rows(4, 5, paired="no", prefix="u")]
    values = rng.standard_normal((len(rows), 2)).astype(np.float32)
    values[:, 0] += 2.0 * signs(rows)
    turned = values * np.array([-1.0, 1.0], np.float32)
    some = rng.permutation(len(rows))[: len(rows) // 2]
    # So small a WCCN penalty that the head is fitted to pass 0 as if it were alone.
    folder = make_ridge_run("turned", rows, [(np.arange(len(rows)), values), (some, turned[some])], wccn_penalty=1e-9)
    _, _, (plain, other) = run(folder, "--penalty", 0.01)
    assert plain["auc"] > 0.99
    assert other["auc"] < 0.01
    assert plain["eer"] < 0.05
    assert other["eer"] > 0.95
    # Unpaired sources are counted in neither.
    assert (plain["bonafide"], plain["spoof"]) == (SOURCES * CLIPS, SOURCES * CLIPS)
    paired = [rows[place] for place in some if rows[place].paired == "yes"]
    assert other["bonafide"] == sum(row.label == "bonafide" for row in paired)
    assert other["spoof"] == sum(row.label == "spoof" for row in paired)


def test_pooled_figures_see_what_figures_inside_sources_do_not(make_ridge_run, make_rows, run):
    """A level of its own in every source hides the classes from one threshold for all, and from none inside."""
    rng = np.random.default_rng(9)
    rows = make_rows(SOURCES, CLIPS)
    source = np.array([int(row.source_repo[1:]) for row in rows])
    values = (2.0 * signs(rows) + rng.standard_normal(len(rows)) + 15.0 * rng.standard_normal(SOURCES)[source])[:, None]
    _, _, (record,) = run(make_ridge_run("levels", rows, [(np.arange(len(rows)), values)]), "--penalty", 0.1)
    assert record["auc_inside_sources"] > 0.98
    assert record["auc"] < 0.75


def test_lines_are_in_percent_with_the_range_over_divisions(private_signs, capsys):
    record = {"penalty": 0.3, "pass": 1, "bonafide": 12, "spoof": 34, "auc": 0.8, "auc_range": [0.79, 0.812]}
    record |= {
        "eer": 0.25,
        "eer_range": [0.25, 0.25],
        "auc_inside_sources": None,
        "auc_inside_sources_range": [None] * 2,
    }
    assert cross_validate.line(record) == (
        "penalty 0.3   pass 1: 12 bona fide, 34 spoof; AUC 80.0 (79.0–81.2) %, EER 25.0 %, AUC inside sources – %"
    )
    assert cross_validate.main([str(private_signs()), "--penalty", "0.1", "--passes", "0"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("penalty 0.1   pass 0: 300 bona fide, 300 spoof; AUC ")


def test_what_cannot_be_done_is_said_with_the_exit_code(tmp_path, make_ridge_run, make_rows, run, capsys):
    code, said, _ = run(tmp_path)
    assert (code, said.out) == (1, "")
    assert "not a run folder of `workbench train`" in said.err
    rows = make_rows(6, 3, paired="no")
    unpaired = make_ridge_run(
        "unpaired", rows, [(np.arange(len(rows)), np.random.default_rng(0).random((len(rows), 2)))]
    )
    code, said, _ = run(unpaired)
    assert code == 1
    assert said.err == "no bona fide scores; a detection metric needs both classes\n"
    with pytest.raises(SystemExit, match="2"):
        run(unpaired, "--repeats", 0)
    assert "--repeats is at least 1" in capsys.readouterr().err
