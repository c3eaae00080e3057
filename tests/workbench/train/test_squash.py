"""Squashed statistics: outliers tamed, and the graph's layer at one with NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluate.metrics import auc
from workbench.train.ridge import pose
from workbench.train.squash import fit_compression


def test_ordinary_values_keep_their_order_and_outliers_lose_their_reach(rng):
    values = rng.normal(3.0, 0.2, (500, 2)).astype(np.float32)
    squash = fit_compression(values, 0.5)
    inside = squash(values)
    assert np.abs(inside.mean(axis=0)).max() < 0.05
    assert np.all(np.argsort(inside[:, 0]) == np.argsort(values[:, 0]))
    far = squash(np.array([[300.0, -300.0]], np.float32))
    np.testing.assert_allclose(far, [[1.0, -1.0]], atol=1e-6)


def test_a_statistic_that_never_moves_stays_finite():
    squash = fit_compression(np.full((10, 1), 2.0, np.float32), 0.5)
    assert np.isfinite(squash(np.array([[2.0], [3.0]], np.float32))).all()


def test_a_head_on_squashed_statistics_is_less_bent_by_odd_clips(rng):
    """Five statistics that tell the voice, each now and then far off whatever the class (Student's t, 1.5 degrees)."""
    labels = np.arange(800) % 2 == 0
    rows = rng.standard_t(1.5, (800, 5)).astype(np.float32) + np.where(labels, 0.5, -0.5)[:, None].astype(np.float32)
    train = np.arange(800) < 200
    squash = fit_compression(rows[train], 0.5)

    def left_out(values):
        head = pose(values[train], labels[train], ["one"] * 200).solve(0.05)
        raw_score = head(values[~train])
        return auc(raw_score[labels[~train]], raw_score[~labels[~train]])

    assert left_out(squash(rows)) > left_out(rows) + 0.01


def test_the_graph_computes_the_same(rng):
    pytest.importorskip("tensorflow", reason="needs the workbench extra")
    from workbench.models.heads import CompressionLayer

    values = rng.normal(1.0, 2.0, (7, 5)).astype(np.float32)
    squash = fit_compression(values, 0.7)
    layer = CompressionLayer()
    layer.build(values.shape)
    layer.set_weights([squash.scale, squash.shift])
    np.testing.assert_allclose(layer(values).numpy(), squash(values), atol=1e-6)
