"""Learning curves on made statistics of which theory says what more sources and more filters are worth."""

from __future__ import annotations

import json
import math
from statistics import NormalDist
from xml.etree import ElementTree

import cross_validate
import folds
import learning_curves
import numpy as np
import pytest
from curves import AUGMENTED

pytest.importorskip("tensorflow", reason="needs the workbench extra")


def phi(value):
    return NormalDist().cdf(value)


def signs(rows):
    return np.array([1.0 if row.label == "bonafide" else -1.0 for row in rows])


def curves_of(heard, **options):
    return {curve.name: curve for curve in learning_curves.measure(heard, **options)}


def slope(counts, values):
    return float(np.polyfit(np.log2(counts), values, 1)[0])


@pytest.fixture(scope="module")
def equal_filters(tmp_path_factory):
    """Sixteen filters of which each has the classes 2 x 0.2 deviations apart by itself; sources do not differ."""
    from tests.tools.conftest import rows_of, write_ridge_run

    rng = np.random.default_rng(1)
    rows = rows_of(20, 120, attacks=4)
    values = rng.standard_normal((len(rows), 16)) + 0.2 * signs(rows)[:, None]
    run = write_ridge_run(tmp_path_factory.mktemp("runs") / "equal", rows, [(np.arange(len(rows)), values)])
    return folds.read_heard(run)


@pytest.fixture(scope="module")
def differing_sources(tmp_path_factory):
    """Classes lie along what all sources share and a direction of each source's own, which others must average out."""
    from tests.tools.conftest import rows_of, write_ridge_run

    rng = np.random.default_rng(2)
    rows = rows_of(60, 30)
    source = np.array([int(row.source_repo[1:]) for row in rows])
    axes = np.array([0.5] + [0.0] * 23) + OWN * rng.standard_normal((60, 24))
    values = rng.standard_normal((len(rows), 24)) + signs(rows)[:, None] * axes[source]
    run = write_ridge_run(tmp_path_factory.mktemp("runs") / "differing", rows, [(np.arange(len(rows)), values)])
    return folds.read_heard(run)


OWN = 0.35
"""Deviation of a source's own direction, in each of 24 statistics; the shared one is 0.5 long."""


def test_a_doubling_of_filters_is_worth_what_theory_says(equal_filters):
    """With k filters the classes are 2 x 0.2 sqrt(k) apart, so the AUC is Phi(0.4 sqrt(k) / sqrt(2))."""
    curve = curves_of(equal_filters, penalty=0.1, repeats=3)["filters"]
    assert [(point.limit, point.count) for point in curve.points] == [("1/8", 2), ("1/4", 4), ("1/2", 8), ("all", 16)]
    expected = [phi(0.4 * math.sqrt(point.count) / math.sqrt(2)) for point in curve.points]
    for point, value in zip(curve.points, expected, strict=True):
        assert point.mean("auc") == pytest.approx(value, abs=0.02)
        assert point.mean("auc_inside_sources") == pytest.approx(value, abs=0.02)
    gain = curve.gain("auc")
    assert gain.mean == pytest.approx(slope([2, 4, 8, 16], expected), abs=0.007)
    assert gain.is_sure
    assert gain.error < 0.01


def test_sources_that_do_not_differ_are_worth_nothing_more(equal_filters):
    """The head is known from an eighth of the sources on, and every attack looks like every other."""
    curves = curves_of(equal_filters, penalty=0.1, repeats=3)
    for name in ("sources", "attacks"):
        assert curves[name].gain("auc").mean == pytest.approx(0.0, abs=0.008)
        assert curves[name].points[0].mean("auc") == pytest.approx(phi(1.6 / math.sqrt(2)), abs=0.025)


def test_a_doubling_of_sources_is_worth_what_theory_says(differing_sources):
    """A penalty so large that the head is the mean of the axes of its n sources.

    Along it the classes of another source are 2 (0.25 / r + OWN z) apart, where r^2 = 0.25 + 24 (OWN^2 + 1 / 30) / n
    and z is standard normal, and each has the deviation 1: averaged over z, an AUC inside the source of
    Phi(sqrt(2) 0.25 / r / sqrt(1 + 2 OWN^2)).
    """
    curve = curves_of(differing_sources, penalty=1000.0, repeats=6)["sources"]
    assert [point.count for point in curve.points] == [6, 12, 24, 36, 48]
    spread = 24 * (OWN**2 + 1 / 30)
    expected = [
        phi(math.sqrt(2) * 0.25 / math.sqrt(0.25 + spread / n) / math.sqrt(1 + 2 * OWN**2)) for n in (6, 12, 24, 36, 48)
    ]
    gain = curve.gain("auc_inside_sources")
    assert slope([6, 12, 24, 36, 48], expected) > 0.025
    assert gain.mean == pytest.approx(slope([6, 12, 24, 36, 48], expected), abs=0.008)
    assert gain.is_sure


def test_all_there_is_scores_as_cross_validation_does(equal_filters):
    seeds = [5, 6]
    (record,) = cross_validate.cross_validate(equal_filters, [0.3], seeds)
    for curve in learning_curves.measure(equal_filters, 0.3, 2, seed=5):
        assert curve.points[-1].limit == "all"
        for name in folds.FIGURES:
            assert list(curve.points[-1].figures[name]) == record[f"{name}_each"]


def test_what_is_counted_is_what_was_trained_on(equal_filters):
    """Twenty sources of 120 + 120 clips of four attacks, of which each fold leaves sixteen."""
    curves = curves_of(equal_filters, penalty=0.1, repeats=1)
    found = {name: [(p.limit, p.count, p.clips) for p in curve.points] for name, curve in curves.items()}
    assert found["sources"] == [
        ("1/8", 2, 480),
        ("1/4", 4, 960),
        ("1/2", 8, 1920),
        ("3/4", 12, 2880),
        ("all", 16, 3840),
    ]
    assert found["clips"] == [(str(n), n, 32 * n) for n in (5, 10, 20, 40)] + [("all", 120, 3840)]
    # Four attacks a source are all there are: that limit takes nothing away.
    assert found["attacks"] == [("1", 1, 16 * 150), ("2", 2, 16 * 180), ("all", 4, 3840)]
    assert [clips for _, _, clips in found["filters"]] == [3840] * 4


def test_a_clip_goes_in_all_its_passes_and_a_scored_source_never_teaches(make_ridge_run, make_rows, monkeypatch):
    rows = [*make_rows(10, 12), *make_rows(4, 12, paired="no", prefix="u")]
    values = np.random.default_rng(4).standard_normal((len(rows), 8))
    places = np.arange(len(rows))
    passes = [(places, values), (places[::-1], values[::-1] + 1.0), (places[5:], values[5:] - 1.0)]
    heard = folds.read_heard(make_ridge_run("run", rows, passes, wccn_penalty=0.1))
    asked = []

    def solve(heard, train, penalties, read):
        asked.append((train, read))
        return [lambda part: part.sum(axis=1)]

    monkeypatch.setattr(folds, "_solve", solve)
    steps = []
    learning_curves.measure(heard, 0.1, 2, advance=lambda: steps.append(1))
    assert len(steps) == 2 * learning_curves.STEPS
    assert len(asked) == folds.FOLDS * len(steps)
    whole = {seed: folds.divide(heard, seed) for seed in (1, 2)}
    limited = 0
    for train, _ in asked:
        trained = set(heard.source[train])
        # Which sources were left out of all training must be a fold of one of the two divisions.
        assert any(
            any(not trained & set(heard.source[fold == held]) for held in range(folds.FOLDS)) for fold in whole.values()
        )
        kept = [set(heard.indices[train & (heard.passes == number)]) for number in range(3)]
        assert kept[1] == kept[0]
        assert kept[2] == {index for index in kept[0] if index >= 5}
        limited += len(kept[0]) < 200
    assert limited > 0
    # All there is comes first; then each limit of sources, in both repeats, from small to large.
    of_sources = [train for train, _ in asked[2 * folds.FOLDS :]][: 2 * folds.FOLDS * len(learning_curves.SHARES)]
    for larger, smaller in zip(of_sources[2 * folds.FOLDS :], of_sources, strict=False):
        assert (smaller <= larger).all()
        assert smaller.sum() < larger.sum()


def test_augmented_passes_have_figures_of_their_own(make_ridge_run, make_rows):
    """Pass 1 is louder noise over the same voices, pass 2 nothing else: the mean of both AUCs is shown beside."""
    rng = np.random.default_rng(6)
    rows = make_rows(10, 40)
    plain = rng.standard_normal((len(rows), 4)) + signs(rows)[:, None]
    places = np.arange(len(rows))
    noisy, nothing = plain + 3.0 * rng.standard_normal(plain.shape), 3.0 * rng.standard_normal(plain.shape)
    run = make_ridge_run("run", rows, [(places, plain), (places, noisy), (places, nothing)], wccn_penalty=0.1)
    heard = folds.read_heard(run)
    end = curves_of(heard, penalty=0.1, repeats=1)["sources"].points[-1]
    both = [record["auc"] for record in cross_validate.cross_validate(heard, [0.1], [1])]
    assert end.figures["auc"] == (both[0],)
    assert end.figures[AUGMENTED + "auc"] == (pytest.approx((both[1] + both[2]) / 2),)
    assert both[0] > 0.95 > both[1] > 0.65
    assert both[2] == pytest.approx(0.5, abs=0.1)


@pytest.fixture
def small_run(make_ridge_run, make_rows):
    """Ten sources of 8 + 8 clips, which one of four filters tells apart."""

    def make(name="small", **train):
        rng = np.random.default_rng(8)
        rows = make_rows(10, 8, attacks=2)
        values = rng.standard_normal((len(rows), 4))
        values[:, 0] += signs(rows)
        places = np.arange(len(rows))
        return make_ridge_run(
            name, rows, [(places, values), (places, values + 0.3 * rng.random(values.shape))], **train
        )

    return make


def test_the_program_prints_draws_and_writes_what_it_measured(small_run, tmp_path, capsys):
    run, page = small_run(wccn_penalty=0.1), tmp_path / "docs" / "curves.md"
    page.parent.mkdir()
    given = [str(run), "--penalty", "0.3", "--repeats", "2"]
    assert learning_curves.main([*given, "--json", "--markdown", str(page), "--svg", str(tmp_path / "other.svg")]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(record["run"], record["curve"]) for record in records] == [
        ("small", name) for name in ("sources", "clips", "attacks", "filters")
    ]
    text = page.read_text(encoding="utf-8")
    best = records[0]["points"][-1]["auc"]["mean"]
    assert f"| {100 * best:.1f} ± " in text
    assert (
        "python tools/learning_curves.py runs/small --penalty 0.3 --repeats 2 --json --markdown runs/curves.md" in text
    )
    assert str(tmp_path) not in text
    assert "- Run `small`: configuration `made`, 4 filters, 2 passes, WCCN penalty 0.1, penalty 0.3, corpus `" in text
    drawing = (page.parent / "curves.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(drawing).tag.endswith("svg")
    assert (tmp_path / "other.svg").read_text(encoding="utf-8") == drawing
    # The same again gives the same, to the letter.
    assert learning_curves.main([*given, "--markdown", str(tmp_path / "again.md")]) == 0
    shown = capsys.readouterr().out
    again = (
        (tmp_path / "again.md")
        .read_text(encoding="utf-8")
        .replace("again", "curves")
        .replace("--markdown", "--json --markdown")
    )
    assert again.split("![")[1] == text.split("![")[1]
    assert "small: sources" in shown
    assert f"{100 * best:.1f} ± " in shown


def test_the_penalty_is_the_runs_own_unless_given(small_run, tmp_path, capsys):
    run = small_run()
    assert learning_curves.main([str(run)]) == 1
    assert "no penalty in its history; give one with --penalty" in capsys.readouterr().err
    (run / "history.jsonl").write_text('{"penalty": 0.7, "selection": 0.2}\n{"penalty": 0.1, "selection": 0.3}\n')
    page = tmp_path / "page.md"
    assert learning_curves.main([str(run), "--repeats", "1", "--passes", "1", "--markdown", str(page)]) == 0
    assert "penalty 0.7" in page.read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        learning_curves.main([str(run), "--penalty", "0"])


def test_another_run_is_measured_by_the_same_divisions(small_run, tmp_path, capsys):
    """Of two runs with the same statistics, no difference is left, to the last digit."""
    first, second = small_run("first"), small_run("second")
    page = tmp_path / "page.md"
    given = [str(first), "--against", str(second), "--penalty", "0.3", "--repeats", "2", "--markdown", str(page)]
    assert learning_curves.main(given) == 0
    assert "second: filters" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert "With all there is, the AUC of `second` less that of `first` is +0.0 ± 0.0 points." in text
    assert "## Sources, second" in text


def test_runs_whose_folders_have_the_same_name_are_told_apart(tmp_path):
    found = learning_curves._named([tmp_path / "a" / "run", tmp_path / "b" / "run", tmp_path / "c" / "other"])
    assert list(found) == [f"{tmp_path}/a/run", f"{tmp_path}/b/run", "other"]
