"""The page stands alone, holds every table, and lets nothing that a manifest says become markup."""

from __future__ import annotations

import re
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from edge.catalog import default_model
from edge.contract import read_contract
from workbench.data.manifest import Manifest, Row
from workbench.evaluate.comparison import compare
from workbench.evaluate.durations import summarise_durations
from workbench.evaluate.evaluate import bonafide_by_transmission, evaluate, result_to_dict
from workbench.evaluate.groups import AXES, axis_groups, standard_groups, transmission_groups
from workbench.evaluate.tdcf import AsvOperatingPoint
from workbench.evaluate.trials import Trial
from workbench.report.gallery import Exhibit
from workbench.report.page import PageParts, attack_rows, render_page, unbroken
from workbench.report.report import make_report, reliability_part

pytestmark = pytest.mark.usefixtures("few_resamples")

VOID = {"meta", "br", "img", "link", "input", "hr", "wbr", "source"}
NASTY = '<script>alert("x")</script>&co'


class Outline(HTMLParser):
    """Ids, attributes and a check that every element is closed in its order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.problems, self.rows, self.table = [], [], [], {}, None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        if tag == "table":
            self.table = found["id"]
            self.rows[self.table] = 0
        if tag == "tr":
            self.rows[self.table] += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append((tag, self.getpos()))


def trials(shift=0.0, seed=1):
    rng = np.random.default_rng(seed)
    made = []
    for index in range(24):
        for label, mean in (("bonafide", 1.0 + shift), ("spoof", -1.0 - shift)):
            row = Row(
                f"{label}{index}.wav",
                split="dev",
                label=label,
                attack_id="-" if label == "bonafide" else ("A", NASTY)[index % 2],
                attack_family="human" if label == "bonafide" else "tts",
                language="de",
                source_repo=f"s{index % 4}",
                source_sample_rate="16000",
                paired="yes" if index % 3 else "no",
                attack_seen_in_train="-" if label == "bonafide" else ("yes", "no")[index % 2],
            )
            for transmission in ("clean", "telephone"):
                score = float(rng.normal(mean, 1.0))
                verdict = "spoof" if score < -1 else "bonafide" if score > 1 else "uncertain"
                made.append(Trial(row, verdict, score, transmission, speech_s=2.5, snr_db=25.0))
    return made


def tiny_report(made, *, asv=None, durations=None, model="m-v1"):
    contract = read_contract(default_model())
    clean = [trial for trial in made if trial.transmission == "clean"]
    groups = [*standard_groups([t.row for t in clean]), *transmission_groups(["telephone"])]
    parts = {
        "by": {
            axis: [result_to_dict(r) for r in evaluate(clean, axis_groups(axis, clean), one_class=axis != "attack")]
            for axis in AXES
        },
        "bonafide_by_transmission": bonafide_by_transmission(made),
        "reliability": reliability_part(made),
    }
    if asv is not None:
        parts["asv"] = asdict(asv)
    if durations is not None:
        parts["durations"] = summarise_durations(durations)
    manifest = Manifest((Row("a"),), Path())
    report = make_report(Path(default_model()), contract, manifest, "dev", evaluate(made, groups, asv=asv), parts)
    return {**report, "model": model}


def exhibit(trial, audio):
    return Exhibit(trial, 2.0, 2.0, "<svg></svg>", audio)


@pytest.fixture(scope="module")
def whole():
    """A page with all that it can hold."""
    mine, theirs = trials(0.5), trials(seed=2)
    verifier = AsvOperatingPoint(0.05, 0.05, 0.3)
    cut = [Trial(t.row, t.verdict, t.cm_score, seconds=s, joined=(t.row.path,)) for s in (1.0, 2.0) for t in mine[::2]]
    report = tiny_report(mine, asv=verifier, durations=cut)
    sound = "data:audio/flac;base64,AAAA"
    return render_page(
        report,
        PageParts(
            mine,
            [exhibit(mine[0], sound)],
            [exhibit(mine[6], sound)],
            with_audio=True,
            comparisons=compare(mine, theirs, standard_groups([])[:1]),
            other=tiny_report(theirs, model="other"),
            other_trials=theirs,
        ),
    )


@pytest.fixture(scope="module")
def least():
    """A page with the least: no transmission, no lengths, no other model, no audio, no gallery."""
    mine = [trial for trial in trials() if trial.transmission == "clean"]
    return render_page(tiny_report(mine), PageParts(mine, [], [], with_audio=False))


@pytest.mark.parametrize("page", ["whole", "least"])
def test_a_page_fetches_nothing_and_forbids_itself_to(page, request):
    text = request.getfixturevalue(page)
    outline = Outline(text)
    assert not re.search(r"https?://|url\((?!#)|@import|src=\"(?!data:)", text)
    for tag, found in outline.tags:
        for name in ("src", "href", "data", "poster", "srcset"):
            assert found.get(name, "#").startswith(("#", "data:")), (tag, found)
    policy = next(f["content"] for t, f in outline.tags if t == "meta" and "http-equiv" in f)
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("page", ["whole", "least"])
def test_a_page_is_well_formed(page, request):
    text = request.getfixturevalue(page)
    outline = Outline(text)
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert (outline.problems, outline.open) == ([], [])
    ids = [found["id"] for _, found in outline.tags if "id" in found]
    assert len(ids) == len(set(ids))
    targets = [f["href"][1:] for t, f in outline.tags if t == "a" and f["href"].startswith("#")]
    assert set(targets) <= set(ids)
    assert sum(tag == "h1" for tag, _ in outline.tags) == 1
    assert dict(outline.tags[[tag for tag, _ in outline.tags].index("html")][1])["lang"] == "en"
    assert any(f.get("name") == "viewport" for t, f in outline.tags if t == "meta")


def test_every_table_is_there_with_its_rows(whole):
    rows = Outline(whole).rows
    assert rows["table-groups"] == 1 + 7
    assert rows["table-attacks"] == 1 + 2
    assert rows["table-transmissions"] == 1 + 2
    assert rows["table-groups-through-transmissions"] == 1 + 2
    assert rows["table-durations"] == 1 + 4
    assert rows["table-comparison"] == 1 + 1
    assert {
        "table-by-source",
        "table-by-language",
        "table-by-seconds-of-speech",
        "table-by-original-sample-rate",
    } <= set(rows)
    assert rows["table-by-source"] == 1 + 4


def test_tables_scroll_inside_and_by_keyboard(whole):
    outline = Outline(whole)
    boxes = [found for _, found in outline.tags if found.get("class") == "scroll"]
    assert len(boxes) == sum(tag == "table" for tag, _ in outline.tags)
    assert all(box["tabindex"] == "0" and box["role"] == "region" and box["aria-label"] for box in boxes)
    heads = [found for tag, found in outline.tags if tag == "button"]
    assert heads
    assert all(found["type"] == "button" for found in heads)


def test_pictures_and_players_say_what_they_are(whole):
    outline = Outline(whole)
    assert all(found["alt"] for tag, found in outline.tags if tag == "img")
    assert all(found["aria-label"] for tag, found in outline.tags if tag == "audio")
    assert all(f["role"] == "img" and f["aria-label"] for t, f in outline.tags if t == "svg" and "class" in f)
    assert sum(tag == "audio" for tag, _ in outline.tags) == 2


def test_audio_comes_with_a_warning_and_only_then(whole, least):
    assert whole.count("do not publish") == 1
    assert "Keep this file to yourself" in whole
    assert "do not publish" not in least
    assert "<audio" not in least


def test_a_name_cannot_become_markup(whole):
    assert NASTY not in whole
    assert "&lt;script&gt;" in whole
    assert sum(tag == "script" for tag, _ in Outline(whole).tags) == 1


def test_light_and_dark_are_both_styled(least):
    assert "prefers-color-scheme: dark" in least
    assert "color-scheme: light dark" in least


def test_what_was_not_measured_is_not_on_the_page(least):
    for name in ("table-durations", "table-comparison", "table-groups-through-transmissions"):
        assert name not in Outline(least).rows
    assert "min t-DCF" not in least
    shown = re.sub(r"<style>.*?</style>|<script>.*?</script>", "", least, flags=re.DOTALL)
    assert not re.search(r"\bNone\b|\bnan\b|\binf\b", shown)


def test_the_findings_name_the_hardest_group_and_the_other_model(whole):
    assert "On synthesis that train lacks, recorded like the real voices beside it, m-v1 errs on" in whole
    assert "Against other (all):" in whole
    assert "Through a telephone its EER is" in whole


def test_an_attack_has_one_row_with_both_figures():
    rows = attack_rows(tiny_report(trials()))
    assert [row["name"] for row in rows] == sorted([NASTY, "A"])
    assert all(row["own"] is not None for row in rows)


def test_numbers_stay_with_their_units():
    assert unbroken("EER 3 % (p = 0.1), 8 s of speech") == "EER 3\u00a0% (p\u00a0=\u00a00.1), 8\u00a0s\u00a0of speech"
