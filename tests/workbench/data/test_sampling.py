"""Clips are drawn in balance; a subset of dev holds each label and attack alike, and is the same every time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.data.manifest import Manifest, Row
from workbench.data.sampling import BalancedSampler, draw_evenly, make_sampler
from workbench.errors import TrainingError

ROWS = (
    *(Row(f"big{i}", label="spoof", attack_id="big", source_repo="one") for i in range(90)),
    *(Row(f"small{i}", label="spoof", attack_id="small", source_repo="two") for i in range(2)),
    *(Row(f"one{i}", source_repo="one", speaker_id="ann") for i in range(50)),
    *(Row(f"two{i}", source_repo="two", speaker_id="bob") for i in range(3)),
    *(Row(f"lone{i}", source_repo="three", speaker_id=f"s{i % 2}") for i in range(20)),
)


def draws(paired_share, count=4000):
    sampler, rng = BalancedSampler.of(ROWS, paired_share), np.random.default_rng(0)
    return [tuple(ROWS[index] for index in sampler.draw_pair(rng)) for _ in range(count)]


def test_by_source_every_pair_is_of_one_source_where_it_holds_both_classes():
    lone = (*ROWS, *(Row(f"only{i}", label="spoof", attack_id="big", source_repo="spoof-only") for i in range(5)))
    sampler, rng = make_sampler(lone, "source", 0.5), np.random.default_rng(0)
    pairs = [tuple(lone[index] for index in sampler.draw_pair(rng)) for _ in range(3000)]
    counts = Counter((spoof.source_repo, bonafide.source_repo) for spoof, bonafide in pairs)
    assert set(counts) == {("one", "one"), ("two", "two"), ("spoof-only", "three")}
    assert all(count / 3000 == pytest.approx(1 / 3, abs=0.03) for count in counts.values())
    with pytest.raises(TrainingError, match="no spoof clip"):
        make_sampler([row for row in ROWS if row.label == "bonafide"], "source", 0.5)


def test_attacks_are_drawn_alike_however_many_clips_each_has():
    counts = Counter(spoof.attack_id for spoof, _ in draws(0.5))
    assert counts["big"] / 4000 == pytest.approx(0.5, abs=0.03)


def test_sources_are_drawn_alike_without_pairing():
    counts = Counter(bonafide.source_repo for _, bonafide in draws(0.0))
    assert all(count / 4000 == pytest.approx(1 / 3, abs=0.03) for count in counts.values())
    assert len(counts) == 3


def test_pairs_come_from_the_spoof_clips_own_source():
    pairs = draws(1.0)
    assert all(spoof.source_repo == bonafide.source_repo for spoof, bonafide in pairs)
    assert all((spoof.label, bonafide.label) == ("spoof", "bonafide") for spoof, bonafide in pairs)


def test_one_class_alone_is_refused():
    with pytest.raises(TrainingError, match="the train split has no spoof clip"):
        BalancedSampler.of([Row("a")], 0.5)


def test_sources_of_an_attack_and_speakers_of_a_source_are_drawn_alike():
    rows = [
        *(Row(f"a{i}", label="spoof", attack_id="x", source_repo="large") for i in range(60)),
        Row("b", label="spoof", attack_id="x", source_repo="small"),
        *(Row(f"c{i}", source_repo="s", speaker_id="talks much") for i in range(40)),
        Row("d", source_repo="s", speaker_id="talks little"),
    ]
    sampler, rng = BalancedSampler.of(rows, 0.0), np.random.default_rng(1)
    pairs = [sampler.draw_pair(rng) for _ in range(4000)]
    assert np.mean([rows[spoof].source_repo == "small" for spoof, _ in pairs]) == pytest.approx(0.5, abs=0.03)
    assert np.mean([rows[other].speaker_id == "talks little" for _, other in pairs]) == pytest.approx(0.5, abs=0.03)


def test_the_paired_share_is_the_share_of_pairs():
    """Attack small lies in source two. Half the bona fide beside it are paired, a third of the rest by chance."""
    beside = [bonafide.source_repo for spoof, bonafide in draws(0.5, 8000) if spoof.attack_id == "small"]
    assert np.mean([source == "two" for source in beside]) == pytest.approx(0.5 + 0.5 / 3, abs=0.03)


def test_clips_of_unknown_source_are_no_pair():
    rows = [Row("a", label="spoof", attack_id="x"), Row("b"), Row("c", source_repo="known")]
    sampler, rng = BalancedSampler.of(rows, 1.0), np.random.default_rng(2)
    assert {sampler.draw_pair(rng)[1] for _ in range(50)} == {1, 2}


def test_the_same_seed_draws_the_same_clips():
    assert draws(0.5, 50) == draws(0.5, 50)


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


def test_a_subset_that_is_large_enough_is_the_manifest_itself(skewed):
    assert all(draw_evenly(skewed, clips) is skewed for clips in (None, 173, 1000))


@pytest.mark.slow
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
