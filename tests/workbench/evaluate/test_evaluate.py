"""Groups hold the right clips, and tables the right figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge.catalog import default_model
from edge.contract import Contract
from workbench.data.manifest import Manifest, Row
from workbench.errors import EvaluationError
from workbench.evaluate.evaluate import bonafide_by_transmission, evaluate
from workbench.evaluate.groups import standard_groups, transmission_groups
from workbench.evaluate.tdcf import AsvOperatingPoint, min_tdcf
from workbench.evaluate.trials import Trial
from workbench.report.report import make_report, read_report, write_report
from workbench.report.text import text_table

pytestmark = pytest.mark.usefixtures("few_resamples")


def trials():
    """Ten of each kind; paired spoof scores lie above bona fide ones, unpaired below."""
    found = []
    for index in range(10):
        for paired in ("yes", "no"):
            source = f"{paired}{index % 3}"
            found.append(
                Trial(Row(f"b{paired}{index}", label="bonafide", paired=paired, source_repo=source), "bonafide", 0.5)
            )
            for seen in ("yes", "no"):
                row = Row(f"s{paired}{seen}{index}", label="spoof", attack_id=seen, attack_family="tts", paired=paired,
                          source_repo=source, attack_seen_in_train=seen)  # fmt: skip
                score = 2.0 if paired == "yes" and seen == "no" else -2.0
                found.append(Trial(row, "spoof" if score < 0 else "bonafide", score))
    found.append(Trial(Row("short", label="bonafide", paired="no", source_repo="no0"), "too_short", None))
    return found


@pytest.fixture
def results():
    found = trials()
    return {result.name: result for result in evaluate(found, standard_groups([t.row for t in found], apart=["yes0"]))}


def test_each_group_has_its_own_clips_and_rates(results):
    counts = {name: (r.bonafide, r.spoof, r.unscored) for name, r in results.items()}
    assert counts["all"] == (20, 40, 1)
    assert counts["paired"] == (10, 20, 0)
    assert counts["unseen attacks, paired"] == (10, 10, 0)
    assert counts["unseen attacks, paired, without yes0"] == (6, 6, 0)
    assert results["seen attacks"].rates["eer"].value == 0.0
    assert results["unseen attacks, paired"].rates["eer"].value == 1.0
    assert results["unpaired"].rates["eer"].value == 0.0
    assert results["all"].rates["spoof_called_spoof"].value == pytest.approx(0.75)
    assert results["all"].rates["spoof_called_bonafide"].value == pytest.approx(0.25)
    assert results["all"].rates["bonafide_called_spoof"].value == 0.0


def test_a_group_too_small_for_a_rate_is_left_out(results):
    assert "only yes0" not in results


def test_intervals_hold_their_values(results):
    for result in results.values():
        for interval in (result.rates["eer"], result.rates["auc"], result.rates["spoof_called_spoof"]):
            assert interval.low <= interval.value <= interval.high


def test_accuracy_counts_the_right_side_of_even_odds(results):
    """Of 20 bona fide all are right, of 40 spoof the 10 unseen paired ones are wrong."""
    assert results["all"].rates["accuracy"].value == pytest.approx(50 / 60)
    assert results["all"].rates["balanced_accuracy"].value == pytest.approx((1.0 + 0.75) / 2)


def test_calibration_figures_stand_beside_the_rates(results):
    whole = results["all"]
    assert 0.0 <= whole.costs["min_cllr"] < whole.costs["cllr"]
    assert results["unpaired"].costs["min_cllr"] == 0.0
    assert whole.costs["ece"] > 0.05


def test_a_group_of_one_class_has_its_rates_only():
    real = [trial for trial in trials() if trial.is_bonafide]
    groups = standard_groups([])[:1]
    assert evaluate(real, groups) == []
    (found,) = evaluate(real, groups, one_class=True)
    assert (found.bonafide, found.spoof) == (20, 0)
    assert found.rates["bonafide_called_spoof"].value == 0.0
    assert (found.rates["eer"], found.rates["auc"], found.rates["spoof_called_spoof"], found.costs["cllr"]) == (
        None,
        None,
        None,
        None,
    )


def test_transmissions_do_not_mix():
    made = trials()
    through = [replace(trial, transmission="gsm", verdict="spoof", cm_score=-3.0) for trial in made if trial.cm_score]
    results = {r.name: r for r in evaluate(made + through, [*standard_groups([])[:1], *transmission_groups(["gsm"])])}
    assert results["all"].rates["bonafide_called_spoof"].value == 0.0
    assert results["all, gsm"].rates["bonafide_called_spoof"].value == 1.0
    assert results["unseen attacks, paired, gsm"].transmission == "gsm"
    assert (results["all, gsm"].bonafide, results["all, gsm"].spoof) == (20, 40)


def test_bonafide_by_transmission_by_hand():
    """Every second clip is called spoof through the transmission, and scores 2 nats less."""
    made = [trial for trial in trials() if trial.is_bonafide]
    through = [
        replace(trial, transmission="gsm", verdict="spoof" if index % 2 else "uncertain", cm_score=trial.cm_score - 2.0)
        for index, trial in enumerate(made[:-1])
    ]
    clean, gsm = bonafide_by_transmission(made + through)
    assert (clean["transmission"], clean["bonafide"], clean["unscored"], clean["bonafide_called_spoof"]["value"]) == (
        "clean",
        20,
        1,
        0.0,
    )
    assert (gsm["bonafide_called_spoof"]["value"], gsm["uncertain"], gsm["median_shift"]) == (0.5, 0.5, -2.0)
    assert gsm["bonafide_called_spoof"]["low"] < 0.5 < gsm["bonafide_called_spoof"]["high"]


def test_min_tdcf_comes_with_a_verifier():
    verifier = AsvOperatingPoint(p_miss=0.05, p_false_alarm=0.05, p_miss_spoof=0.3)
    (found,) = evaluate(trials(), standard_groups([])[:1], asv=verifier)
    target = [t.cm_score for t in trials() if t.is_bonafide and t.cm_score is not None]
    other = [t.cm_score for t in trials() if not t.is_bonafide]
    assert found.costs["min_tdcf"] == min_tdcf(target, other, verifier)


@pytest.fixture
def report(results):
    contract = Contract(name="m-v1", chunk_samples=4096, corpus_digest="c" * 64, git_revision="abc")
    return contract, make_report(
        Path(default_model()), contract, Manifest((Row("a"),), Path()), "test", list(results.values())
    )


def test_a_report_survives_its_file(report, tmp_path):
    write_report(report[1], tmp_path / "r.json")
    assert read_report(tmp_path / "r.json") == json.loads(json.dumps(report[1]))


def test_another_file_is_no_report(tmp_path):
    (tmp_path / "r.json").write_text('{"a": 1}')
    with pytest.raises(EvaluationError, match="not a report of `workbench evaluate -o`"):
        read_report(tmp_path / "r.json")


def test_the_text_table_has_a_line_a_group(report):
    lines = text_table(report[1]).splitlines()
    assert lines[0].startswith("m-v1 on test")
    assert len(lines) == 2 + len(report[1]["groups"])
    assert "100.0 (100.0–100.0)" in next(line for line in lines if line.startswith("unseen attacks, paired "))
