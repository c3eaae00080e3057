"""What a run kept is read clip by clip, sources are left out whole, and figures agree with those worked by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import folds
import numpy as np
import pytest

from workbench.data.manifest import Row
from workbench.errors import TrainingError

pytest.importorskip("tensorflow", reason="needs the workbench extra")


def statistics_of(places, filters=3):
    """Statistics that name the clip they are of."""
    return np.array(places, np.float32)[:, None] + np.arange(filters) / 10


def test_each_pass_names_its_own_clips(make_ridge_run, make_rows):
    """A pass misses the clips in which it heard too little, so places in one say nothing of another."""
    rows = [Row("dev.wav", split="dev"), *make_rows(2, 2)]
    run = make_ridge_run("run", rows, [([0, 1, 2, 5], statistics_of([0, 1, 2, 5])), ([5, 0], statistics_of([5, 0]))])
    heard = folds.read_heard(run)
    assert heard.passes.tolist() == [0, 0, 0, 0, 1, 1]
    assert heard.indices.tolist() == [0, 1, 2, 5, 5, 0]
    np.testing.assert_allclose(heard.statistics[:, 0], heard.indices)
    assert heard.source.tolist() == ["s0", "s0", "s0", "s1", "s1", "s0"]
    assert heard.bonafide.tolist() == [True, True, False, True, True, True]
    assert heard.attack.tolist() == ["-", "-", "a0", "-", "-", "-"]
    assert folds.read_heard(run, [1]).indices.tolist() == [5, 0]


def test_the_runs_wccn_penalty_counts_only_where_clips_can_be_compared(make_ridge_run, make_rows):
    passes = [(list(range(8)), statistics_of(range(8)))] * 3
    run = make_ridge_run("run", make_rows(2, 2), passes, wccn_penalty=0.5)
    found = [folds.read_heard(run, numbers).wccn_penalty for numbers in (None, [0, 2], [0], [1, 2])]
    assert found == [0.5, 0.5, 0.0, 0.0]


def test_what_cannot_be_read_is_named(make_ridge_run, make_rows, tmp_path):
    rows = make_rows(2, 2)
    passes = [(list(range(8)), statistics_of(range(8)))]
    run = make_ridge_run("run", rows, passes)
    with pytest.raises(TrainingError, match="pass 3 is not there; choose among those there are"):
        folds.read_heard(run, [0, 3])
    with pytest.raises(TrainingError, match="not a run folder"):
        folds.read_heard(tmp_path)
    descended = make_ridge_run("descended", rows, passes, solver="gradient")
    with pytest.raises(TrainingError, match=r'expected a run with train.solver = "ridge", got "gradient"'):
        folds.read_heard(descended)
    # Without the first clip every index would name its neighbour.
    lines = (run / "manifest.tsv").read_text().splitlines(keepends=True)
    (run / "manifest.tsv").write_text("".join(lines[:1] + lines[2:]))
    with pytest.raises(TrainingError, match="its passes name clips by their place"):
        folds.read_heard(run)


def test_the_penalty_is_the_one_that_dev_chose(make_ridge_run, make_rows):
    run = make_ridge_run("run", make_rows(2, 2), [(list(range(8)), statistics_of(range(8)))])
    with pytest.raises(TrainingError, match="give one with --penalty"):
        folds.kept_penalty(run)
    history = [{"penalty": 0.1, "selection": 0.3}, {"penalty": 0.6, "selection": 0.2}, {"penalty": 1, "selection": 0.4}]
    (run / "history.jsonl").write_text("".join(json.dumps(record) + "\n" for record in history))
    assert folds.kept_penalty(run) == 0.6


@pytest.fixture
def heard(make_ridge_run, make_rows):
    """Thirteen paired sources and three others, each clip in two passes."""
    rows = [*make_rows(13, 2), *make_rows(3, 2, paired="no", prefix="u")]
    passes = [(list(range(len(rows))), statistics_of(range(len(rows))))] * 2
    return folds.read_heard(make_ridge_run("run", rows, passes))


def test_every_paired_source_is_left_out_whole_and_once(heard):
    fold = folds.divide(heard, 1)
    of_source = {name: set(fold[heard.source == name].tolist()) for name in np.unique(heard.source)}
    assert all(len(found) == 1 for found in of_source.values())
    assert {name for name, found in of_source.items() if found == {-1}} == {"u0", "u1", "u2"}
    sizes = [sum(found == {held} for found in of_source.values()) for held in range(folds.FOLDS)]
    assert sorted(sizes) == [2, 2, 3, 3, 3]
    assert folds.divide(heard, 1).tolist() == fold.tolist()
    assert folds.divide(heard, 2).tolist() != fold.tolist()


def test_a_head_learns_from_what_was_kept_and_reads_what_it_may(heard, monkeypatch):
    """The clips and statistics that reach the solver, fold by fold."""
    asked = []

    def solve(heard, train, penalties, read):
        asked.append((train, read))
        return [lambda part: part.sum(axis=1)]

    monkeypatch.setattr(folds, "_solve", solve)
    fold = folds.divide(heard, 1)
    keep = lambda held, train: heard.bonafide | (heard.source == f"s{held}")  # noqa: E731
    raw_score = folds.score_left_out(heard, fold, [0.1], keep, lambda held: np.array([2]))
    for held, (train, read) in enumerate(asked):
        assert not (train & (fold == held)).any()
        np.testing.assert_array_equal(train, (fold != held) & keep(held, None))
        assert read.tolist() == [2]
    np.testing.assert_array_equal(np.isnan(raw_score[0]), fold == -1)
    np.testing.assert_allclose(raw_score[0, fold >= 0], heard.statistics[fold >= 0, 2])


def test_figures_are_those_worked_by_hand(heard):
    """Pass 0 of two sources of 2 + 2 clips; nothing else has evidence, or is paired and in this pass."""
    raw_score = np.full(len(heard.indices), np.nan)
    # s0: all in order. s1, two higher: one of its four pairs is in disorder.
    raw_score[:8] = [1.0, 0.8, 0.1, 0.2, 2.4, 2.1, 2.2, 2.0]
    found = folds.figures_of(heard, raw_score, 0)
    # Of 4 x 4 pairs, 4 + 3 inside the sources and all 4 of s1 before s0 are in order.
    assert found["auc"] == pytest.approx(11 / 16)
    # At a threshold between 0.8 and 2.0 half of each class lies on the wrong side.
    assert found["eer"] == pytest.approx(0.5)
    assert np.isnan(found["auc_inside_sources"])
    with pytest.raises(ValueError, match="no bona fide scores"):
        folds.figures_of(heard, raw_score, 1)


def test_clips_of_a_paired_source_that_are_not_paired_themselves_are_not_counted(make_ridge_run, make_rows):
    rows = [*make_rows(1, 2), replace(make_rows(1, 1)[0], path="copy.wav", paired="no")]
    heard = folds.read_heard(make_ridge_run("run", rows, [(list(range(5)), statistics_of(range(5)))]))
    assert (folds.divide(heard, 1) == 0).all()
    # The copy is bona fide and the lowest of all.
    assert folds.figures_of(heard, np.array([1.0, 1.0, 0.0, 0.0, -5.0]), 0)["auc"] == 1.0


def test_inside_sources_counts_each_source_with_enough_clips_once(make_ridge_run, make_rows):
    rows = [*make_rows(1, 5), *make_rows(1, 10, prefix="t"), *make_rows(1, 4, prefix="few")]
    run = make_ridge_run("run", rows, [(list(range(len(rows))), statistics_of(range(len(rows))))])
    heard = folds.read_heard(run)
    raw_score = np.concatenate([[1.0] * 5, [0.0] * 5, [0.0] * 10, [1.0] * 5, [-1.0] * 5, [1.0] * 4, [9.0] * 4])
    # s0 in order; of t half the pairs are; the third has four clips a class.
    assert folds.figures_of(heard, raw_score, 0)["auc_inside_sources"] == pytest.approx((1.0 + 0.5) / 2)
    assert folds.known(float("nan")) is None
    assert folds.known(0.5) == 0.5
