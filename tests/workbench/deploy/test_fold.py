"""Folding moves every weight; pruning, calibration and fine-tuning do what they say to the weights."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

import tf_keras

from workbench.deploy.export import count_parameters
from workbench.deploy.fold import calibrate, fine_tune, fold, prune, sparsity_of
from workbench.errors import QuantizeError
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


@pytest.fixture
def excited(monkeypatch):
    """Put a layer of one's own before the head of every network."""

    def put(make):
        head = Network._head
        monkeypatch.setattr(Network, "_head", lambda self, statistics: head(self, make(self)(statistics)))

    return put


def test_every_trained_weight_arrives(make_config, batches, rng, excited):
    """Also those of a layer that is new to the deployment: a Dense before the head."""
    excited(lambda network: network._layer("excite", lambda name: tf_keras.layers.Dense(16, name=name)))
    network = Network(make_config())
    model = network.raw_score_model(FRAMES)
    model.set_weights([w + 0.1 * np.abs(rng.standard_normal(w.shape)) for w in model.get_weights()])
    features, mask, _ = next(batches(1))
    expected = model([features, mask]).numpy()
    for quantized in (False, True):
        deployed = fold(network, quantized=quantized)
        if quantized:
            calibrate(deployed, [(features, mask)], FRAMES)
        found = deployed.raw_score_model(FRAMES)([features, mask]).numpy()
        np.testing.assert_allclose(found, expected, atol=0.1 * np.ptp(expected) if quantized else 1e-3)
        assert count_parameters(deployed) == (3 * 40 * 8 + 8) + (3 * 8 * 8 + 8) + (16 * 16 + 16) + 17 * 4 + 4 * 4 + 5


@pytest.mark.parametrize("named", [True, False])
def test_a_layer_without_a_rule_is_refused_by_its_name(make_config, excited, named):
    """A PReLU; and a layer that the network does not know of, which each view would draw anew."""
    if named:
        excited(lambda network: network._layer("bend", lambda name: tf_keras.layers.PReLU(name=name)))
    else:
        excited(lambda _: tf_keras.layers.Dense(4, name="bend"))
    with pytest.raises(QuantizeError, match=r"layer 'bend.*' \((PReLU|Dense)\) has weights that .* cannot move"):
        fold(Network(make_config()), quantized=False)


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
