"""Folding moves every weight; pruning, quantiser ranges and fine-tuning change them as they say."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

import tf_keras

from tests.workbench.conftest import tiny_config
from workbench.deploy.fold import count_parameters, fine_tune, fold, prune, sparsity_of
from workbench.deploy.int8 import set_ranges
from workbench.errors import QuantizeError
from workbench.models import tcn
from workbench.models.blocks import FOLDED, INT8
from workbench.models.network import Network

FRAMES = 64


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(0)

    def make(count):
        for _ in range(count):
            labels = np.array([0.0, 1.0], np.float32)
            features = rng.standard_normal((2, FRAMES, 1, 40)).astype(np.float32) + labels[:, None, None, None]
            yield features, np.ones((2, FRAMES), np.float32), labels

    return make


@pytest.fixture(scope="module")
def network():
    """Nothing that is done to it below changes it."""
    network = Network(tiny_config())
    network.raw_score_model(FRAMES)
    return network


@pytest.fixture(scope="module")
def folded(network):
    return fold(network)


def before_head(make):
    """The tcn family with one more step between the statistics and the head."""
    return lambda model, frontend: [*(steps := tcn.blocks(model, frontend))[:3], make(), *steps[3:]]


@pytest.mark.slow
def test_every_trained_weight_arrives(make_config, batches, rng):
    """Also those of a layer that the family does not have: a Dense before the head."""
    network = Network(make_config(), family=before_head(lambda: tf_keras.layers.Dense(16, name="excite")))
    model = network.raw_score_model(FRAMES)
    model.set_weights([w + 0.1 * np.abs(rng.standard_normal(w.shape)) for w in model.get_weights()])
    features, mask, _ = next(batches(1))
    expected = model([features, mask]).numpy()
    for form in (FOLDED, INT8):
        deployed = fold(network, form)
        if form is INT8:
            set_ranges(deployed, [(features, mask)], FRAMES)
        found = deployed.raw_score_model(FRAMES)([features, mask]).numpy()
        np.testing.assert_allclose(found, expected, atol=0.1 * np.ptp(expected) if form is INT8 else 1e-3)
        convolutions, head = (3 * 40 * 8 + 8) + (3 * 8 * 8 + 8), (16 * 16 + 16) + 17 * 4 + 4 * 4 + 5
        assert count_parameters(deployed) == count_parameters(network) == convolutions + head


@pytest.mark.parametrize(
    ("make", "message"),
    [
        # Keras names it anew in each network.
        (lambda: tf_keras.layers.Dense(4), r"layer 'dense.*' have no counterpart in the other form"),
        # Each view makes one of its own.
        (
            lambda: lambda hidden: 2.0 * tf_keras.layers.Dense(16, name="bend")(hidden),
            r"layer 'bend' \(Dense\) was made while",
        ),
    ],
)
def test_a_layer_whose_weights_would_be_lost_is_refused_by_its_name(make_config, make, message):
    with pytest.raises(QuantizeError, match=message):
        fold(Network(make_config(), family=before_head(make)))


@pytest.fixture(scope="module")
def pruned(network, batches):
    return prune(network, batches(20), 20, FRAMES, 0.5, 1e-6)


@pytest.mark.slow
def test_magnitude_pruning_reaches_the_asked_sparsity_and_keeps_the_largest(folded, pruned):
    before = folded.layers["k3_b1_conv"].get_weights()[0]
    assert sparsity_of(pruned) == pytest.approx(0.5, abs=0.02)
    after = pruned.layers["k3_b1_conv"].get_weights()[0]
    assert np.abs(before[after == 0]).max() <= np.abs(before[after != 0]).min() + 1e-3


@pytest.mark.slow
def test_fine_tuning_a_pruned_network_leaves_its_zeros_zero(pruned, batches):
    quantized = fold(pruned, INT8)
    set_ranges(quantized, [(f, m) for f, m, _ in batches(2)], FRAMES)
    losses = fine_tune(quantized, batches(10), FRAMES, 1e-3)
    assert len(losses) == 10
    assert sparsity_of(quantized) == pytest.approx(sparsity_of(pruned), abs=1e-6)


@pytest.mark.slow
def test_quantisation_aware_training_lowers_the_loss(folded, batches):
    quantized = fold(folded, INT8)
    set_ranges(quantized, [(f, m) for f, m, _ in batches(2)], FRAMES)
    losses = fine_tune(quantized, batches(60), FRAMES, 1e-2)
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])


@pytest.mark.slow
def test_an_int8_network_with_ranges_stays_near_the_float_one(folded, batches):
    features, mask, _ = next(batches(1))
    expected = folded.raw_score_model(FRAMES)([features, mask]).numpy()
    quantized = fold(folded, INT8)
    set_ranges(quantized, [(features, mask)], FRAMES)
    found = quantized.raw_score_model(FRAMES)([features, mask]).numpy()
    assert not np.array_equal(found, expected)
    np.testing.assert_allclose(found, expected, atol=0.1 * np.ptp(expected) + 0.05)


def test_int8_weights_are_within_half_a_level_of_the_float_ones(folded, batches):
    """Per channel: 127 levels to its largest weight, not to the toolkit's initial range."""
    expected = folded.layers["k3_b1_conv"].get_weights()[0]
    quantized = fold(folded, INT8)
    set_ranges(quantized, [(f, m) for f, m, _ in batches(1)], FRAMES)
    layer = quantized.layers["k3_b1_conv"]
    weight, quantizer, ranges = layer._weight_vars[0]
    found = quantizer(weight, False, weights=ranges).numpy()
    level = np.abs(expected).max(axis=(0, 1, 2)) / 127.0
    assert (np.abs(found - expected) <= 0.51 * level).all()
    assert len(np.unique(found[..., 0])) > 10
