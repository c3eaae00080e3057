"""Clips are drawn in balance: by attack, source and speaker, never by how many clips each has."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from workbench.data.manifest import Row
from workbench.data.sampling import BalancedSampler
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
