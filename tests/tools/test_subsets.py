"""What is taken away: limits hold, smaller sets lie in larger ones, and columns are those of their filters."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import subsets
from subsets import Clips

from workbench.config import config_from_dict
from workbench.train.regression import filter_of_column

SHARES = (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1))


def clips_of(*groups):
    """Clips of (source, bona fide, spoof of each attack) groups, shuffled."""
    found = []
    for source, bonafide, *attacks in groups:
        found += [(source, True, "-")] * bonafide
        found += [(source, False, f"{source}{index}") for index, count in enumerate(attacks) for _ in range(count)]
    order = np.random.default_rng(11).permutation(len(found))
    sources, labels, names = zip(*(found[place] for place in order), strict=True)
    return Clips(np.array(sources), np.array(labels), np.array(names))


def rng():
    return np.random.default_rng(2)


def lies_in_the_next(marks):
    return all((smaller <= larger).all() and smaller.sum() < larger.sum() for smaller, larger in pairwise(marks))


def test_a_share_of_sources_is_one_of_each_kind_of_source():
    kinds = {"both": (2, 3), "real": (4,), "fake": (0, 2)}
    clips = clips_of(*((f"{kind}{index}", *counts) for kind, counts in kinds.items() for index in range(8)))
    marks = [subsets.take_sources(clips, share, rng()) for share in SHARES]
    for share, marked in zip(SHARES, marks, strict=True):
        chosen = np.unique(clips.source[marked])
        # Whole sources, and as many of each kind.
        np.testing.assert_array_equal(marked, np.isin(clips.source, chosen))
        assert [sum(name.startswith(kind) for name in chosen) for kind in kinds] == [8 * share] * 3
    assert lies_in_the_next(marks)
    others = subsets.take_sources(clips, Fraction(1, 2), np.random.default_rng(3))
    assert not np.array_equal(others, marks[2])


def test_at_least_one_source_of_a_kind_stays():
    clips = clips_of(("a", 2, 3), ("b", 4), ("c", 0, 2))
    assert subsets.take_sources(clips, Fraction(1, 8), rng()).all()


def test_clips_are_limited_in_each_class_of_each_source():
    clips = clips_of(("a", 9, 4, 3), ("b", 2, 8), ("c", 6))
    marks = [subsets.take_clips(clips, limit, rng()) for limit in (1, 3, 5, 9)]
    for limit, marked in zip((1, 3, 5, 9), marks, strict=True):
        for source, bonafide, spoof in (("a", 9, 7), ("b", 2, 8), ("c", 6, 0)):
            of_source = marked & (clips.source == source)
            assert (of_source & clips.bonafide).sum() == min(bonafide, limit)
            assert (of_source & ~clips.bonafide).sum() == min(spoof, limit)
    assert marks[-1].all()
    assert lies_in_the_next(marks)
    assert not np.array_equal(subsets.take_clips(clips, 3, np.random.default_rng(3)), marks[1])
    # (1 + 1 + 1 + 1 + 1) clips in five classes; then all 32 in five.
    assert subsets.count_clips(_only(clips, marks[0])) == 1.0
    assert subsets.count_clips(clips) == pytest.approx(32 / 5)


def test_attacks_are_limited_and_bonafide_clips_stay():
    clips = clips_of(("a", 5, 4, 3, 2), ("b", 3, 1), ("c", 2))
    marks = [subsets.take_attacks(clips, limit, rng()) for limit in (1, 2, 3)]
    for limit, marked in zip((1, 2, 3), marks, strict=True):
        assert marked[clips.bonafide].all()
        chosen = set(clips.attack[marked & (clips.source == "a")]) - {"-"}
        assert len(chosen) == limit
        # All clips of an attack, or none.
        np.testing.assert_array_equal(
            marked[clips.source == "a"], np.isin(clips.attack[clips.source == "a"], [*chosen, "-"])
        )
        assert "b0" in clips.attack[marked]
    assert marks[-1].all()
    assert lies_in_the_next(marks)
    draws = [subsets.take_attacks(clips, 1, np.random.default_rng(seed)).tolist() for seed in range(6)]
    assert any(draw != draws[0] for draw in draws)
    assert subsets.count_attacks(clips) == 2.0
    assert subsets.count_attacks(_only(clips, marks[0])) == 1.0


def _only(clips, marks):
    return Clips(clips.source[marks], clips.bonafide[marks], clips.attack[marks])


def config_of(phase=0, **model):
    parts = {
        "patch_filters": 5,
        "patch_regions": 2,
        "widths": [],
        "dilations": [],
        "head_units": 0,
        "batch_norm": False,
    }
    frontend = {"n_mels": 40, "phase_advance": phase}
    return config_from_dict({"frontend": frontend, "model": {**parts, **model}, "train": {"solver": "ridge"}})


@pytest.mark.parametrize("phase", [0, 64])
def test_a_filters_columns_are_those_that_the_network_fills_with_it(phase):
    """Switching one filter on moves these statistics and no others."""
    pytest.importorskip("tensorflow", reason="needs the workbench extra")
    from workbench.models.network import Network

    config = config_of(phase)
    network = Network(config)
    frames = 2 * network.chunk_frames
    model = network.statistics_model(frames)
    owner = filter_of_column(config)
    assert len(owner) == model.output_shape[-1]
    features = np.random.default_rng(1).random((1, frames, 1, config.frontend.n_features)).astype(np.float32)
    layers = ["patch_power_conv", "patch_phase_conv"] if phase else ["patch_power_conv"]
    silent = {name: [np.zeros(part.shape) for part in network.layers[name].get_weights()] for name in layers}
    filters = [(name, index) for name in layers for index in range(silent[name][1].shape[0])]
    assert len(filters) == 5

    def statistics(on=None):
        for name in layers:
            kernel, bias = (part.copy() for part in silent[name])
            if on is not None and on[0] == name:
                kernel[..., on[1]] = 0.1
            network.layers[name].set_weights([kernel, bias])
        return model([features, np.ones((1, frames), np.float32)]).numpy()[0, -1]

    rest = statistics()
    for number, on in enumerate(filters):
        np.testing.assert_array_equal(np.abs(statistics(on) - rest) > 1e-6, owner == number)


def test_a_share_of_filters_is_one_of_those_on_power_and_of_those_on_phase():
    config = config_of(64, patch_filters=16)
    owner = filter_of_column(config)
    taken = [set(owner[subsets.take_filters(config, share, rng())].tolist()) for share in SHARES]
    for share, filters in zip(SHARES, taken, strict=True):
        assert (len([f for f in filters if f < 8]), len([f for f in filters if f >= 8])) == (8 * share, 8 * share)
    assert all(smaller < larger for smaller, larger in pairwise(taken))
    # Of a filter, all statistics or none.
    columns = subsets.take_filters(config, Fraction(1, 2), rng())
    np.testing.assert_array_equal(columns, np.flatnonzero(np.isin(owner, list(taken[2]))))
    alone = config_of(0, patch_filters=16)
    assert len(set(filter_of_column(alone)[subsets.take_filters(alone, Fraction(1, 4), rng())])) == 4
