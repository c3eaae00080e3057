"""The measured block of a card: what the reports hold, no more, and old reports as before."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from environments import ROOT

from edge.catalog import default_model
from edge.contract import Contract, OperatingPoint, Thresholds, read_contract
from workbench.errors import EvaluationError
from workbench.report.card import BEGIN, END, card_block, replace_block
from workbench.report.report import read_report

CONTRACT = Contract(name="m-v1", chunk_samples=4096, corpus_digest="c" * 64, git_revision="abc")


def interval(value):
    return {"value": value, "low": value / 2, "high": value * 2}


def group(name, **more):
    rates = ("eer", "auc", "bonafide_called_spoof", "spoof_called_spoof", "spoof_called_bonafide")
    return {
        "name": name,
        "bonafide": 20,
        "spoof": 30,
        "sources": 4,
        "unscored": 1,
        "min_dcf": 0.5,
        "cllr": 0.6,
        **{rate: interval(0.1 * (i + 1)) for i, rate in enumerate(rates)},
        **more,
    }


@pytest.fixture
def old():
    """A report as the first release wrote it."""
    return {
        "model": "m-v1",
        "model_sha256": "a" * 64,
        "model_bytes": 1000,
        "parameters": 10,
        "quantization": "float",
        "manifest_digest": "d" * 64,
        "split": "test",
        "thresholds": {"spoof_below": -1.0, "bonafide_above": 1.0},
        "groups": [group("all"), group("unseen attacks, paired")],
    }


@pytest.fixture
def new(old):
    """The same with all that can be measured since."""
    report = copy.deepcopy(old)
    for item in report["groups"]:
        item |= {"transmission": "clean", "min_cllr": 0.55, "ece": 0.03, "min_tdcf": None}
    report["groups"].append(group("all, telephone", transmission="telephone", min_cllr=0.5, ece=0.1, min_tdcf=None))
    report["bonafide_by_transmission"] = [
        {
            "transmission": name,
            "bonafide": 20,
            "unscored": 0,
            "bonafide_called_spoof": interval(rate),
            "uncertain": 0.25,
            "median_shift": 0.0,
        }
        for name, rate in (("clean", 0.01), ("telephone", 0.04))
    ]
    report["reliability"] = {"ece": 0.031, "bins": [], "pav": {"scores": [], "probability": []}}
    report["durations"] = {
        "seconds": [4.0, 8.0],
        "trials": 12,
        "joined": 11,
        "clips": 30,
        "unknown_speaker": 2,
        "groups": [{**group("all"), "seconds": 4.0}, {**group("all"), "seconds": 8.0}],
        "ratios": [{"name": "all", "shorter": 4.0, "longer": 8.0, "eer_ratio": interval(0.8), "auc_difference": {}}],
    }
    return report


def test_an_old_report_gives_the_card_that_it_gave(old):
    lines = card_block(CONTRACT, [old], []).splitlines()
    head = next(line for line in lines if line.startswith("| group"))
    assert head.endswith("| min DCF | Cllr |")
    assert "| all | 20 / 30 | 4 | 10.0 (5.0–20.0) |" in "\n".join(lines)
    assert lines[-3] == "1 clips had too little speech for a score and count in no rate."


def test_what_is_measured_since_has_its_place(new):
    block = card_block(CONTRACT, [new], [])
    assert "| min DCF | Cllr | min Cllr |" in block
    main = block.partition("Through transmissions:")[0]
    assert "telephone" not in main
    assert "| all, telephone | 20 / 30 | 4 | 10.0 (5.0–20.0) |" in block
    assert "| telephone | 20 | 4.0 (2.0–8.0) | 25.0 |" in block
    assert (
        "| all | 8 s | 20 / 30 | 10.0 (5.0–20.0) | 20.0 (10.0–40.0) | 30.0 (15.0–60.0) | 40.0 (20.0–80.0) | 0.80 (0.40–1.60) |"
        in block
    )
    assert "The same 12 recordings of at least 8 s of speech" in block
    assert "11 of them are two or more clips" in block
    assert "of 0.600 bits of Cllr it loses 0.050; expected calibration error 3.1 % at even odds" in block


def test_min_tdcf_is_shown_where_it_was_measured(new):
    assert "min t-DCF" not in card_block(CONTRACT, [new], [])
    new["groups"][0]["min_tdcf"] = 0.25
    block = card_block(CONTRACT, [new], [])
    assert "| min Cllr | min t-DCF |" in block
    assert "| 0.600 | 0.550 | 0.250 |" in block
    assert "| 0.600 | 0.550 | – |" in block


def test_the_card_compares_with_the_baselines(old):
    block = card_block(CONTRACT, [old], [{**old, "model": "other", "model_bytes": 8_200_000, "parameters": 8_162_125}])
    assert "| other | test | 8,200 | 8,162,125 | 10.0 (5.0–20.0) |" in block
    card = replace_block(f"# Title\nwords\n{BEGIN}\nold\n{END}\nmore words\n", block)
    assert card.startswith("# Title\nwords\n<!--")
    assert card.endswith("-->\nmore words\n")
    assert "old" not in card


def test_a_card_says_where_dev_or_the_split_is_too_small(old):
    few = {"dev_bonafide": 10, "dev_spoof": 90, "dev_sources": 5, "dev_attacks": 4, "dev_separable": False}
    contract = replace(CONTRACT, thresholds=Thresholds(-0.5, 0.5, **few))
    support = {"bonafide": 90, "spoof": 90, "sources": 1, "attacks": 4, "separable": False}
    block = card_block(contract, [{**old, "support": support}], [])
    assert "set on dev, which is too small to tell: it has 10 bona fide clips (at least 30 needed)" in block
    assert "No grade follows from test, which is too small to tell: it has 1 source" in block
    assert "too small" not in card_block(CONTRACT, [old], [])


def test_a_card_without_markers_is_refused():
    with pytest.raises(EvaluationError, match="the card lacks the lines"):
        replace_block("# Title", "x")


def test_every_report_that_is_kept_can_be_put_on_a_card():
    contract = read_contract(default_model())
    for path in sorted((ROOT / "docs" / "reports").glob("*.json")):
        report = read_report(path)
        assert f"### {report['split']}" in card_block(contract, [report], [])


def live_report():
    figures = {"false_alarms": 3, "genuine_speech_h": 3.0, "false_alarms_per_h": 1.0, "calls": 10, "caught_share": 0.4,
               "delay_median_s": None, "delay_p90_s": None}  # fmt: skip
    point = {"name": "balanced", "enter_below": -1.25, "figures": figures, "by_transmission": {"clean": figures}}
    return {"model": "m-v1", "split": "dev", "transmissions": ["clean"], "before_s": 30.0, "genuine_calls": 5,
            "genuine_sources": 2, "invaded_calls": 10, "invaded_sources": 3, "invaded_paired": 7,
            "points": [point]}  # fmt: skip


def test_what_live_calls_cost_stands_in_the_card(old):
    contract = replace(CONTRACT, operating_points=(OperatingPoint("balanced", 1.0, -1.25, -0.75, 2.0, 1.0, 60.0),))
    text = card_block(contract, [old], [], [live_report()])
    assert "### Live calls, dev" in text
    assert "| balanced | 1.00/h | 40 % | not caught | not caught |" in text
    assert "| clean | 1.00/h | 40 % | not caught | not caught |" in text


def test_live_figures_of_other_operating_points_are_refused(old):
    with pytest.raises(
        EvaluationError, match=r"measured the operating points .* the model carries \[\]; measure again"
    ):
        card_block(CONTRACT, [old], [], [live_report()])
