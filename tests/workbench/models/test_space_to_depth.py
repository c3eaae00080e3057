"""A convolution after space-to-depth gives what the one over single bands and frames gives."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.deploy.fold import count_parameters, fold  # noqa: E402
from workbench.models.network import Network  # noqa: E402
from workbench.models.space_to_depth import (  # noqa: E402
    band_block,
    blocks_spanned,
    space_to_depth,
    spread,
    steps_spanned,
)


@pytest.mark.parametrize(
    ("bands", "channels", "span", "block"), [(40, 1, 7, 8), (24, 2, 5, 4), (24, 1, 1, 8), (9, 1, 3, 3)]
)
@pytest.mark.parametrize(("length", "stride"), [(3, 1), (7, 4), (4, 4)])
def test_blocks_give_the_same_outputs_in_the_same_order(rng, bands, channels, span, block, length, stride):
    steps = steps_spanned(length, stride)
    rows = (steps + 3) * stride
    image = rng.standard_normal((2, rows, bands, channels)).astype(np.float32)
    kernel = rng.standard_normal((length, span, channels, 5)).astype(np.float32)
    bias = rng.standard_normal(5).astype(np.float32)
    wide, biases = spread(kernel, bias, block, stride)
    found = tf.nn.conv2d(space_to_depth(tf.constant(image), stride, steps, block), wide, 1, "VALID") + biases
    # A filter ends with the last of the rows that its steps hold.
    expected = tf.nn.conv2d(image[:, steps * stride - length :], kernel, (stride, 1), "VALID") + bias
    found = found.numpy().reshape(2, 4, -1, 5)
    assert found.shape[2] == (bands // block - blocks_spanned(span, block) + 1) * block
    np.testing.assert_allclose(found, expected.numpy()[:, :, : found.shape[2]], atol=1e-5)


def test_a_block_fills_the_lanes_and_takes_no_place_from_a_region():
    assert band_block(200, 1, 7, 4) == 8
    assert band_block(128, 2, 7, 4) == 4
    assert band_block(201, 1, 7, 4) == 1  # nothing divides it
    # Blocks of 8 leave 24 places of 26: 6 a region instead of the 6 of 26 // 4; of 5 regions they would take one each.
    assert band_block(32, 1, 7, 4) == 8
    assert band_block(32, 1, 7, 5) < 8


@pytest.mark.slow
def test_a_deployed_network_computes_what_the_trained_one_does_and_counts_its_parameters_once(make_config, rng):
    config = make_config(
        frontend={
            "n_mels": 40,
            "mel_break_hz": 4000.0,
            "phase_advance": 64,
            "phase_mels": 32,
            "power_window": 1024,
            "brief_window": 64,
        },
        model={
            "patch_filters": 15,
            "patch_phase_share": 0.4,
            "patch_brief_share": 0.34,
            "patch_stride": [2, 1],
            "widths": [],
            "dilations": [],
            "head_units": 0,
            "batch_norm": False,
            "chunk_samples": 4096,
        },
    )
    network = Network(config)
    model = network.raw_score_model(32)
    for name in ("patch_power_conv", "patch_phase_conv", "patch_brief_conv"):
        network.layers[name].set_weights([rng.standard_normal(w.shape) for w in network.layers[name].get_weights()])
    deployed = fold(network)
    features = rng.standard_normal((3, 32, 1, config.frontend.n_features)).astype(np.float32)
    inputs = [features, np.ones((3, 32), np.float32)]
    np.testing.assert_allclose(deployed.raw_score_model(32)(inputs), model(inputs), rtol=1e-4, atol=1e-4)
    assert deployed.layers["patch_power_conv"].get_weights()[0].shape == (1, 2, 8 * 8, 8 * 4)
    assert deployed.layers["patch_brief_conv"].get_weights()[0].shape == (1, 2, 8 * 8, 8 * 5)
    statistics = 2 * 4 * 15
    assert count_parameters(deployed) == count_parameters(network) == (4 + 5) * 50 + 6 * 99 + statistics + 1
    # Folding what is deployed already, as quantising a pruned network does, changes nothing.
    np.testing.assert_allclose(fold(deployed).raw_score_model(32)(inputs), model(inputs), atol=1e-3)
