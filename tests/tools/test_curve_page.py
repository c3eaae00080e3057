"""Curves in words: figures of the right points, percent, and a verdict that follows from them."""

from __future__ import annotations

import curve_page
import pytest
from curves import AUGMENTED, Curve, Point


def curve(name, *points, figures=("auc",)):
    """Points of (count, AUC of each repeat); other figures are a tenth of it."""
    return Curve(
        name,
        f"kinds of {name}",
        tuple(
            Point(
                limit=str(place),
                counts=(count,) * len(values),
                clips=10.0 * count,
                figures={f: tuple(v if f == "auc" else v / 10 for v in values) for f in figures},
            )
            for place, (count, values) in enumerate(points)
        ),
    )


STEEP = curve("sources", (4, (0.60, 0.62)), (8, (0.66, 0.68)), (16, (0.70, 0.72)))
FLAT = curve("clips", (2, (0.70, 0.74)), (4, (0.71, 0.71)))


def test_the_conclusion_has_two_sentences_and_the_steepest_curve_first():
    """Sources rise by 5 points a doubling and by 4 at the end, in both repeats; clips by 1 and by -3."""
    assert curve_page.conclusion([FLAT, STEEP]) == (
        "Over all sizes measured, a doubling gained these points of AUC on sources left out: "
        "+5.0 ± 0.0 for kinds of sources and −1.0 ± 2.0 for kinds of clips. "
        "Over the last doubling alone, which says more of what is still to come, it was "
        "+4.0 ± 0.0 for kinds of sources and −1.0 ± 2.0 for kinds of clips; "
        "of these, kinds of sources stands more than two standard errors off nothing."
    )


@pytest.mark.parametrize(
    ("curves", "verdict"),
    [
        ([FLAT], "of these, none stands more"),
        ([STEEP], "each of these stands more"),
        (
            [STEEP, FLAT, curve("a", (1, (0.5, 0.5)), (2, (0.6, 0.6)))],
            "of these, kinds of a and kinds of sources stand more",
        ),
    ],
)
def test_the_verdict_names_what_is_sure(curves, verdict):
    assert verdict in curve_page.conclusion(curves)


def test_what_has_one_size_alone_is_left_out_of_the_conclusion():
    single = curve("attacks", (3, (0.7, 0.8)))
    assert "attacks" not in curve_page.conclusion([single, STEEP])
    assert curve_page.conclusion([single]) == "There was too little to take anything away from."
    assert "points a doubling: AUC –" in curve_page.summary("run", [single])


def test_the_terminal_shows_mean_and_deviation_of_every_point():
    figures = ("auc", "eer", AUGMENTED + "auc")
    shown = curve_page.summary("run", [curve("clips", (2, (0.70, 0.74)), (4, (0.72, 0.76)), figures=figures)])
    head, titles, first, second, gain, last, _, *_ = shown.splitlines()
    assert head == "run: clips"
    assert titles.split() == ["limit", "kinds", "of", "clips", "clips", "AUC", "EER", "AUC", "augm."]
    assert len(titles) == len(first) == len(second)
    assert first.split() == ["0", "2.0", "20", "72.0", "±", "2.8", "7.2", "±", "0.3", "7.2", "±", "0.3"]
    assert second.split() == ["1", "4.0", "40", "74.0", "±", "2.8", "7.4", "±", "0.3", "7.4", "±", "0.3"]
    assert gain == "points a doubling: AUC +2.0 ± 0.0, EER +0.2 ± 0.0, AUC augm. +0.2 ± 0.0"
    assert last == "the last doubling: AUC +2.0 ± 0.0, EER +0.2 ± 0.0, AUC augm. +0.2 ± 0.0"


def test_one_repeat_states_no_error():
    shown = curve_page.summary("run", [curve("clips", (2, (0.70,)), (4, (0.72,)))])
    assert "±" not in shown
    assert "points a doubling: AUC +2.0\n" in shown
    assert "none stands more than two standard errors" in shown


def test_the_page_states_its_command_its_run_and_every_curve():
    text = curve_page.page({"one": [STEEP, FLAT]}, {"one": "384 filters"}, "python tool.py runs/one", "drawing.svg")
    assert "```sh\npython tool.py runs/one\n```" in text
    assert "- Run `one`: 384 filters" in text
    assert "![AUC over what there is to learn from](drawing.svg)" in text
    assert "means over 2 repeats" in text
    assert curve_page.conclusion([STEEP, FLAT]) in text
    assert (
        "## Sources\n\n| limit | kinds of sources | clips | AUC |\n| ---: | ---: | ---: | ---: |\n| 0 | 4.0 | 40 |"
        in text
    )
    assert text.index("## Sources") < text.index("## Clips")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_runs_are_compared_repeat_by_repeat():
    """They differ by 2 and by 4 points in the two repeats: 3 on average, with an error of 1."""
    better = curve("sources", (4, (0.6, 0.6)), (16, (0.72, 0.76)))
    assert curve_page.comparisons({"a": [STEEP], "b": [better]}) == [
        "With all there is, the AUC of `b` less that of `a` is +3.0 ± 1.0 points."
    ]
    assert curve_page.comparisons({"a": [STEEP]}) == []
