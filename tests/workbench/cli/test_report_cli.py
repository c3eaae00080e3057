"""`workbench evaluate` and `workbench report`, from a manifest of recordings to what a user gets."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

from edge.catalog import default_model
from workbench.cli.main import main
from workbench.data.manifest import Manifest, Row, write_manifest
from workbench.report.report import read_report

pytestmark = pytest.mark.usefixtures("few_resamples")

MODEL = str(default_model())


@pytest.fixture
def manifest(voices):
    """Twelve clips of each class in three sources and two speakers."""
    rows = [
        Row(
            f"{label}/{label}{index:02}.wav",
            split="dev",
            label=label,
            attack_id="-" if label == "bonafide" else "A",
            attack_family="-" if label == "bonafide" else "tts",
            speaker_id=f"p{index % 2}",
            language="en",
            source_repo=f"s{index % 3}",
            paired="yes",
            attack_seen_in_train="-" if label == "bonafide" else "no",
        )
        for label in ("bonafide", "spoof")
        for index in range(12)
    ]
    path = voices[0].parent / "m.tsv"
    write_manifest(Manifest(tuple(rows), path.parent), path)
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.slow
def test_evaluate_keeps_a_report_and_the_trials(manifest, tmp_path):
    asv = tmp_path / "asv.txt"
    asv.write_text(
        "\n".join(f"- {key} {x}" for key, at in (("target", 2), ("nontarget", -2), ("spoof", 2)) for x in (at, at + 1))
    )
    done = run(
        *(
            "evaluate",
            MODEL,
            "--manifest",
            manifest,
            "--transmission",
            "g711-mu",
            "--seconds",
            "1,2",
            "--by",
            "attack,source",
        ),
        *("--asv-scores", asv, "--trials", tmp_path / "t.tsv", "-o", tmp_path / "r.json"),
    )
    assert done.exit_code == 0, done.output
    report = read_report(tmp_path / "r.json")
    names = [group["name"] for group in report["groups"]]
    assert {"all", "all, g711-mu", "unseen attacks, paired, g711-mu"} <= set(names)
    assert [line["transmission"] for line in report["bonafide_by_transmission"]] == ["clean", "g711-mu"]
    assert report["durations"]["seconds"] == [1.0, 2.0]
    assert report["groups"][0]["min_tdcf"] is not None
    assert [group["name"] for group in report["by"]["attack"]] == ["A", "A, own sources"]
    assert all(
        name in done.stdout
        for name in ("A, own sources", "bona fide through", "calibration: Cllr", "min t-DCF", "joined")
    )
    with open(tmp_path / "t.tsv", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert sum(row["seconds"] == "-" for row in rows) == 24 * 2
    assert {row["seconds"] for row in rows} == {"-", "1", "2"}
    again = run("evaluate", MODEL, "--manifest", manifest, "--json")
    assert json.loads(again.stdout)["groups"][0] == {**report["groups"][0], "min_tdcf": None}


@pytest.mark.slow
def test_report_makes_one_page(manifest, tmp_path):
    page = tmp_path / "r.html"
    done = run("report", MODEL, "--against", MODEL, "--manifest", manifest, "--gallery", "1", "-o", page)
    assert done.exit_code == 0, done.output
    text = page.read_text()
    assert "do not publish it" in done.stdout
    assert text.count("<audio") == 2
    assert 'id="table-comparison"' in text
    done = run("report", MODEL, "--manifest", manifest, "--gallery", "1", "--no-audio", "-o", page)
    assert "publish" not in done.stdout
    assert page.read_text().count("<audio") == 0
    assert page.read_text().count("data:image/png") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split", "test"], "no clip on the test split; give another --split"),
        (["--transmission", "pigeon"], "no transmission pigeon; expected one of clean, telephone"),
        (["--seconds", "500"], "no recording of the dev split holds 500 s of speech"),
    ],
)
def test_what_cannot_be_measured_is_said(manifest, options, message):
    done = run("evaluate", MODEL, "--manifest", manifest, *options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seconds", "1,x"], "expected seconds above 0 split by commas, as 1,2,4,8; got '1,x'"),
        (["--by", "colour"], "expected some of attack, source,"),
    ],
)
def test_misuse_exits_with_2(manifest, options, message):
    done = run("evaluate", MODEL, "--manifest", manifest, *options)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
