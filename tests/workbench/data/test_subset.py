"""A subset of dev holds each label and each attack alike, and is the same every time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.data.manifest import Manifest, Row
from workbench.data.subset import draw_evenly


@pytest.fixture
def skewed():
    """20 bona fide clips; spoof clips of four attacks: 90, 40, 20 and 3."""
    rows = [Row(f"b{index}", "dev") for index in range(20)]
    for attack, count in (("A", 90), ("B", 40), ("C", 20), ("D", 3)):
        rows += [Row(f"{attack}{index}", "dev", "spoof", attack) for index in range(count)]
    return Manifest(tuple(rows), Path())


def counts(manifest):
    return Counter(row.attack_id for row in manifest.rows)


def test_each_attack_gives_as_much_and_what_a_small_one_lacks_the_others_give(skewed):
    assert counts(draw_evenly(skewed, 32)) == {"-": 16, "A": 4, "B": 4, "C": 5, "D": 3}


def test_a_label_with_few_clips_gives_all_and_the_other_fills_up(skewed):
    found = draw_evenly(skewed, 100)
    assert counts(found)["-"] == 20
    assert len(found.rows) == 100


def test_the_draw_is_repeatable_and_keeps_the_order(skewed):
    found = draw_evenly(skewed, 50)
    assert found == draw_evenly(skewed, 50)
    assert [row for row in skewed.rows if row in set(found.rows)] == list(found.rows)


@pytest.mark.parametrize("clips", [None, 173, 1000])
def test_what_is_small_enough_is_left_alone(skewed, clips):
    assert draw_evenly(skewed, clips) is skewed


def test_a_run_is_chosen_by_the_subset_and_trained_on_all(make_config, voices, tmp_path):
    pytest.importorskip("tensorflow", reason="needs the workbench extra")
    from workbench.data.manifest import split_by_group
    from workbench.data.readers import two_folders
    from workbench.train.experiment import prepare

    found = two_folders(*voices)
    manifest = replace(found, rows=split_by_group(found.rows, 0.5, 0))
    experiment = prepare(make_config(train={"dev_clips": 4}), manifest, tmp_path / "cache")
    assert Counter(row.label for row in experiment.dev.rows) == {"bonafide": 2, "spoof": 2}
    assert len(experiment.dev.features) == len(experiment.dev_cache) == 4
    assert len(experiment.loader.cache) == len(manifest.select(split="train").rows)
