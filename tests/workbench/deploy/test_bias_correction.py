"""What int8 does to a network on average is taken out of it again, and nothing else is changed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from tests.workbench.conftest import SOLVED
from workbench.config import config_from_dict
from workbench.deploy.bias_correction import correct_compression, correct_patches, rounded
from workbench.deploy.fold import assign_convolution, calibrate, convolution_weights, fold
from workbench.models.network import Network

FRAMES = 64
CONFIG = {
    "frontend": {"n_mels": 48, "mel_break_hz": 8000.0, "phase_advance": 64},
    "model": {**SOLVED, "patch_filters": 24, "patch_stride": [2, 1], "head_compression": 0.5},
}


@pytest.fixture
def network(rng):
    """A solved network's like: large weights that cancel each other, and statistics that are standardised."""
    network = Network(config_from_dict(CONFIG))
    network.raw_score_model(FRAMES)
    for name in ("patch_power_conv", "patch_phase_conv"):
        kernel, bias = network.layers[name].get_weights()
        network.layers[name].set_weights([rng.normal(0.0, 1.0, kernel.shape), np.full_like(bias, -0.5)])
    scale, shift = network.layers["head_compression"].get_weights()
    network.layers["head_compression"].set_weights([0.3 * np.ones_like(scale), 0.1 * np.ones_like(shift)])
    return network


@pytest.fixture
def batches(rng):
    """Features far from zero on average, as those of speech are."""
    size = (4, FRAMES, 1, 48 + 2 * 48)
    return [
        ((0.7 + 0.2 * rng.standard_normal(size)).astype(np.float32), np.ones((4, FRAMES), np.float32)) for _ in range(4)
    ]


def _mean_shift(reference, network, batches):
    """Of the statistics, over clips: its root mean square in their deviations."""
    before, after = (
        np.concatenate([net.statistics_model(FRAMES)(list(batch))[:, -1].numpy() for batch in batches])
        for net in (reference, network)
    )
    shift = (after - before).mean(axis=0) / (before.std(axis=0) + 1e-3)
    return float(np.sqrt(np.mean(shift**2)))


def test_corrected_filters_answer_on_average_as_those_in_float(network, batches):
    reference, quantized = fold(network, quantized=False), fold(network, quantized=True)
    calibrate(quantized, batches, FRAMES)
    before = _mean_shift(reference, quantized, batches)
    correct_patches(quantized, batches)
    assert _mean_shift(reference, quantized, batches) < 0.7 * before


def test_pruned_weights_stay_zero(network, batches):
    quantized = fold(network, quantized=True)
    layer = quantized.layers["patch_power_conv"]
    kernel, bias = convolution_weights(layer)
    kernel[..., ::2] = 0.0
    assign_convolution(layer, kernel, bias)
    calibrate(quantized, batches, FRAMES)
    correct_patches(quantized, batches)
    after, moved = convolution_weights(layer)
    np.testing.assert_array_equal(after, kernel)
    assert not np.array_equal(moved, bias)


def test_a_corrected_squash_gives_on_average_the_raw_score_of_the_float_network(network, batches):
    reference, quantized = fold(network, quantized=False), fold(network, quantized=True)
    calibrate(quantized, batches, FRAMES)
    features, mask = (np.concatenate(part) for part in zip(*batches, strict=True))

    def lost():
        before, after = (net.raw_score_model(FRAMES)([features, mask])[:, -1].numpy() for net in (reference, quantized))
        return abs(float((after - before).mean()))

    before = lost()
    correct_compression(reference, quantized, batches)
    assert lost() < 0.3 * before


def test_a_filter_is_rounded_by_the_step_of_its_own_largest_weight(rng):
    kernel = rng.standard_normal((3, 5, 2, 4)).astype(np.float32) * np.array([0.01, 1.0, 10.0, 0.0], np.float32)
    found = rounded(kernel)
    step = np.abs(kernel).max(axis=(0, 1, 2)) / 127.0
    assert (np.abs(found - kernel) <= 0.5 * step + 1e-7).all()
    assert all(len(np.unique(found[..., place])) > 10 for place in range(3))
    assert not found[..., 3].any()


def test_without_patches_or_squash_nothing_is_done(make_config):
    network = Network(make_config())
    network.raw_score_model(FRAMES)
    quantized = fold(network, quantized=True)
    features = np.ones((2, FRAMES, 1, 40), np.float32)
    before = [weight.copy() for layer in quantized.layers.values() for weight in layer.get_weights()]
    heard = [(features, np.ones((2, FRAMES), np.float32))]
    correct_patches(quantized, heard)
    correct_compression(network, quantized, heard)
    after = [weight for layer in quantized.layers.values() for weight in layer.get_weights()]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
