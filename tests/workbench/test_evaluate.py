"""Groups hold the right clips, and tables the right figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.catalog import default_model
from edge.contract import Contract
from edge.runtime import Model
from workbench.errors import EvaluationError
from workbench.evaluate import Trial, evaluate, score_trials, standard_groups
from workbench.manifest import Manifest, Row
from workbench.report import BEGIN, END, card_block, make_report, read_report, replace_block, text_table, write_report


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
    assert results["seen attacks"].eer.value == 0.0
    assert results["unseen attacks, paired"].eer.value == 1.0
    assert results["unpaired"].eer.value == 0.0
    assert results["all"].detection_rate.value == pytest.approx(0.75)
    assert results["all"].accept_rate.value == pytest.approx(0.25)
    assert results["all"].false_alarm_rate.value == 0.0


def test_a_group_too_small_for_a_rate_is_left_out(results):
    assert "only yes0" not in results


def test_intervals_hold_their_values(results):
    for result in results.values():
        for interval in (result.eer, result.auc, result.detection_rate):
            assert interval.low <= interval.value <= interval.high


def test_clips_that_cannot_be_read_stop_an_evaluation(tmp_path):
    with pytest.raises(EvaluationError, match="1 of 1 clips cannot be scored") as caught:
        score_trials(Model.load(default_model()), Manifest((Row("gone.wav"),), tmp_path))
    assert "gone.wav: no such file" in str(caught.value)


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


def test_the_card_compares_with_the_baselines(report):
    contract, own = report
    block = card_block(contract, [own], [{**own, "model": "other", "model_bytes": 8_200_000, "parameters": 8_162_125}])
    assert "| other | test | 8,200 | 8,162,125 |" in block
    card = replace_block(f"# Title\nwords\n{BEGIN}\nold\n{END}\nmore words\n", block)
    assert card.startswith("# Title\nwords\n<!--")
    assert card.endswith("-->\nmore words\n")
    assert "old" not in card


def test_a_card_without_markers_is_refused():
    with pytest.raises(EvaluationError, match="the card lacks the lines"):
        replace_block("# Title", "x")
