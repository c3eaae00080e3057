"""Dictionary atoms from patches, their elimination, and the compression of what they respond."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from tests.workbench.train.test_regression import clips_of
from workbench.evaluate.metrics import auc
from workbench.models.layers import CompressionLayer
from workbench.train.dictionary import eliminate, whitened_atoms
from workbench.train.regression import normal_equations, weigh
from workbench.train.statistics import cut_patches, fit_compression

OWNER = np.tile(np.arange(20), 2)


def test_patches_are_pieces_of_the_features_and_short_clips_give_none(rng):
    features = np.arange(20 * 12 * 2, dtype=np.float32).reshape(20, 12, 2)
    for patch in cut_patches(features, (5, 4), 7, rng):
        frame, band = divmod(int(patch[0, 0, 0]) // 2, 12)
        np.testing.assert_array_equal(patch, features[frame : frame + 5, band : band + 4])
    assert cut_patches(features[:4], (5, 4), 7, rng).shape == (0, 5, 4, 2)


def _responses(patches, kernel, bias):
    return patches.reshape(len(patches), -1) @ kernel.reshape(-1, kernel.shape[-1]) + bias


@pytest.mark.parametrize("level_free", [False, True])
def test_atoms_respond_with_unit_deviation_and_come_in_opposite_pairs(rng, level_free):
    """Whitened patches have deviation 1 in every direction, however unlike the raw ones are."""
    mixing = rng.standard_normal((12, 12)) * np.geomspace(1.0, 4.0, 12)
    patches = (rng.standard_normal((4000, 12)) @ mixing + 3.0).reshape(-1, 3, 4, 1)
    kernel, bias = whitened_atoms(patches, 16, level_free, rng)
    assert kernel.shape == (3, 4, 1, 16)
    found = _responses(patches, kernel, bias)
    assert 0.6 < found.std(axis=0).min() <= found.std(axis=0).max() < 1.3
    np.testing.assert_allclose(kernel[..., :8], -kernel[..., 8:])
    # Either sign is past the threshold half a deviation from the mean.
    np.testing.assert_allclose(found[:, :8] + found[:, 8:], -1.0, atol=1e-4)
    if level_free:
        np.testing.assert_allclose(_responses(patches + 5.0, kernel, bias), found, atol=1e-3)


def test_atoms_depend_on_the_seed_alone(rng):
    patches = rng.standard_normal((200, 3, 3, 2))
    first, second, other = (whitened_atoms(patches, 8, False, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)


def test_too_few_patches_are_refused(rng):
    with pytest.raises(ValueError, match="64 filters need at least 32 patches to be drawn from; got 10"):
        whitened_atoms(rng.standard_normal((10, 3, 3, 1)), 64, True, rng)


def rows_of(rng, useful, strength=1.0):
    """600 clips of one source; of 20 filters with two statistics each, those in ``useful`` separate the classes."""
    bonafide = np.arange(600) % 2 == 0
    statistics = rng.standard_normal((600, 40))
    statistics[:, np.isin(OWNER, useful)] += strength * np.where(bonafide, 0.5, -0.5)[:, None]
    return weigh(clips_of(statistics, bonafide, ["a"] * 600))


def test_elimination_keeps_the_useful_filters_in_order_and_each_kind_its_own_number(rng):
    assert eliminate(rows_of(rng, [2, 3, 7, 11, 19]), OWNER, [(range(20), 5)], 0.3).tolist() == [2, 3, 7, 11, 19]
    # All useful filters are of the first kind; the second still keeps its number.
    kept = eliminate(rows_of(rng, [0, 1, 2, 3, 4]), OWNER, [(range(10), 3), (range(10, 20), 4)], 0.3)
    assert ((kept < 5).sum(), (kept >= 10).sum(), len(kept)) == (3, 4, 7)
    every = eliminate(rows_of(rng, [1]), OWNER, [(range(12), 12), (range(12, 20), 8)], 0.3)
    assert every.tolist() == [*range(20)]


def test_of_two_filters_that_respond_alike_the_rounds_leave_out_one(rng):
    """Weights of a pair share the work, so ranking once would drop both for a weaker one that stands alone."""
    rows = rows_of(rng, [0, 5], strength=2.0)
    values = rows.values.copy()
    values[:, [1, 21]] = values[:, [0, 20]] + 0.01 * rng.standard_normal((600, 2)).astype(np.float32)
    rows = type(rows)(values, rows.target, rows.mean, rows.deviation, rows.centre)
    kept = eliminate(rows, OWNER, [(range(20), 2)], 0.01)
    assert 5 in kept
    assert len({0, 1} & set(kept.tolist())) == 1


def test_compression_keeps_the_order_of_ordinary_values_and_bounds_outliers(rng):
    values = rng.normal(3.0, 0.2, (500, 2)).astype(np.float32)
    compress = fit_compression(values, 0.5)
    inside = compress(values)
    assert np.abs(inside.mean(axis=0)).max() < 0.05
    assert np.all(np.argsort(inside[:, 0]) == np.argsort(values[:, 0]))
    np.testing.assert_allclose(compress(np.array([[300.0, -300.0]], np.float32)), [[1.0, -1.0]], atol=1e-6)
    constant = fit_compression(np.full((10, 1), 2.0, np.float32), 0.5)
    assert np.isfinite(constant(np.array([[2.0], [3.0]], np.float32))).all()
    assert fit_compression(values, 0.0)(values) is values


def test_a_head_on_compressed_statistics_is_less_bent_by_odd_clips(rng):
    """Five statistics that separate the classes, each now and then far off (Student's t, 1.5 degrees)."""
    labels = np.arange(800) % 2 == 0
    rows = rng.standard_t(1.5, (800, 5)).astype(np.float32) + np.where(labels, 0.5, -0.5)[:, None].astype(np.float32)
    train = np.arange(800) < 200
    compress = fit_compression(rows[train], 0.5)

    def left_out(values):
        head = normal_equations(clips_of(values[train], labels[train], ["one"] * 200), 0.0).solve(0.05)
        raw_score = head(values[~train])
        return auc(raw_score[labels[~train]], raw_score[~labels[~train]])

    assert left_out(compress(rows)) > left_out(rows) + 0.01


def test_the_graphs_layer_compresses_as_numpy_does(rng):
    values = rng.normal(1.0, 2.0, (7, 5)).astype(np.float32)
    compress = fit_compression(values, 0.7)
    layer = CompressionLayer()
    layer.build(values.shape)
    layer.set_weights([compress.scale, compress.shift])
    np.testing.assert_allclose(layer(values).numpy(), compress(values), atol=1e-6)
