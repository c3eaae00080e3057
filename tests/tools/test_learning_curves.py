"""Learning curves on made statistics of which theory says what more sources and more filters are worth."""

from __future__ import annotations

import json
import math
from statistics import NormalDist
from xml.etree import ElementTree

import cross_validate
import learning_curves
import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")


def phi(value):
    return NormalDist().cdf(value)


def signs(rows):
    return np.array([1.0 if row.label == "bonafide" else -1.0 for row in rows])


def curves_of(data, **options):
    return {curve.name: curve for curve in learning_curves.measure(data, **options)}


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
    return cross_validate.read_statistics(run)


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
    return cross_validate.read_statistics(run)


OWN = 0.35
"""Deviation of a source's own direction, in each of 24 statistics; the shared one is 0.5 long."""


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_all_there_is_scores_as_cross_validation_does(equal_filters):
    seeds = [5, 6]
    (record,) = cross_validate.cross_validate(equal_filters, [0.3], seeds)
    for curve in learning_curves.measure(equal_filters, 0.3, 2, seed=5):
        assert curve.points[-1].limit == "all"
        for name in cross_validate.FIGURES:
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
    assert learning_curves.main([*given, "--json", "--markdown", str(page)]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(record["run"], record["curve"]) for record in records] == [
        ("small", name) for name in ("sources", "clips", "attacks", "filters")
    ]
    text = page.read_text(encoding="utf-8")
    best = records[0]["points"][-1]["auc"]["mean"]
    assert f"| {100 * best:.1f} ± " in text
    assert (
        "python tools/research/learning_curves.py runs/small --penalty 0.3 --repeats 2 --json --markdown runs/curves.md"
        in text
    )
    assert str(tmp_path) not in text
    assert "- Run `small`: configuration `made`, 4 filters, 2 passes, WCCN penalty 0.1, penalty 0.3, corpus `" in text
    drawing = (page.parent / "curves.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(drawing).tag.endswith("svg")
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
