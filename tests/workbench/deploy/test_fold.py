"""Pruning, calibration and fine-tuning do what they say to the weights."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.deploy.fold import calibrate, fine_tune, fold, prune, sparsity_of
from workbench.models.network import Network

FRAMES = 64


@pytest.fixture
def batches(rng):
    def make(count):
        for _ in range(count):
            labels = np.array([0.0, 1.0], np.float32)
            features = rng.standard_normal((2, FRAMES, 1, 40)).astype(np.float32) + labels[:, None, None, None]
            yield features, np.ones((2, FRAMES), np.float32), labels

    return make


@pytest.fixture
def network(make_config):
    network = Network(make_config())
    network.raw_score_model(FRAMES)
    return network


def test_magnitude_pruning_reaches_the_asked_sparsity_and_keeps_the_largest(network, batches):
    before = fold(network, quantized=False).layers["k3_b1_conv"].get_weights()[0]
    pruned = prune(network, batches(40), 40, FRAMES, 0.5, 1e-6)
    assert sparsity_of(pruned) == pytest.approx(0.5, abs=0.02)
    after = pruned.layers["k3_b1_conv"].get_weights()[0]
    assert np.abs(before[after == 0]).max() <= np.abs(before[after != 0]).min() + 1e-3


def test_fine_tuning_a_pruned_network_leaves_its_zeros_zero(network, batches):
    pruned = prune(network, batches(20), 20, FRAMES, 0.5, 1e-4)
    quantized = fold(pruned, quantized=True)
    calibrate(quantized, [(f, m) for f, m, _ in batches(2)], FRAMES)
    losses = fine_tune(quantized, batches(10), FRAMES, 1e-3)
    assert len(losses) == 10
    assert sparsity_of(quantized) == pytest.approx(sparsity_of(pruned), abs=1e-6)


def test_quantisation_aware_training_lowers_the_loss(network, batches):
    quantized = fold(network, quantized=True)
    calibrate(quantized, [(f, m) for f, m, _ in batches(2)], FRAMES)
    losses = fine_tune(quantized, batches(60), FRAMES, 1e-2)
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])


def test_a_calibrated_int8_network_stays_near_the_float_one(network, batches):
    features, mask, _ = next(batches(1))
    expected = fold(network, quantized=False).raw_score_model(FRAMES)([features, mask]).numpy()
    quantized = fold(network, quantized=True)
    calibrate(quantized, [(features, mask)], FRAMES)
    found = quantized.raw_score_model(FRAMES)([features, mask]).numpy()
    assert not np.array_equal(found, expected)
    np.testing.assert_allclose(found, expected, atol=0.1 * np.ptp(expected) + 0.05)


def test_calibrated_weights_are_within_half_a_level_of_the_float_ones(network, batches):
    """Per channel: 127 levels to its largest weight, not to the toolkit's initial range."""
    expected = fold(network, quantized=False).layers["k3_b1_conv"].get_weights()[0]
    quantized = fold(network, quantized=True)
    calibrate(quantized, [(f, m) for f, m, _ in batches(1)], FRAMES)
    layer = quantized.layers["k3_b1_conv"]
    weight, quantizer, ranges = layer._weight_vars[0]
    found = quantizer(weight, False, weights=ranges).numpy()
    level = np.abs(expected).max(axis=(0, 1, 2)) / 127.0
    assert (np.abs(found - expected) <= 0.51 * level).all()
    assert len(np.unique(found[..., 0])) > 10
