"""What rounding does on average is corrected, and filter banks in half precision compute the same."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

from tests.workbench.conftest import SOLVED  # noqa: E402
from workbench.config import config_from_dict  # noqa: E402
from workbench.deploy.export import make_smaller  # noqa: E402
from workbench.deploy.fold import fold  # noqa: E402
from workbench.deploy.int8 import correct_biases, correct_compression, halve_filter_banks, rounded, set_ranges  # noqa: E402
from workbench.models.blocks import INT8  # noqa: E402
from workbench.models.layers import own_weights  # noqa: E402
from workbench.models.network import Network  # noqa: E402

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
    size = (8, FRAMES, 1, 48 + 2 * 48)
    return [
        ((0.7 + 0.2 * rng.standard_normal(size)).astype(np.float32), np.ones((8, FRAMES), np.float32)) for _ in range(2)
    ]


def _mean_shift(reference, network, batches):
    """Of the statistics, over clips: its root mean square in their deviations."""
    models = [net.statistics_model(FRAMES) for net in (reference, network)]
    before, after = (np.concatenate([model(list(each))[:, -1].numpy() for each in batches]) for model in models)
    shift = (after - before).mean(axis=0) / (before.std(axis=0) + 1e-3)
    return float(np.sqrt(np.mean(shift**2)))


@pytest.mark.slow
def test_corrected_filters_answer_on_average_as_those_in_float(network, batches):
    reference, quantized = fold(network), fold(network, INT8)
    set_ranges(quantized, batches, FRAMES)
    before = _mean_shift(reference, quantized, batches)
    correct_biases(quantized, batches)
    assert _mean_shift(reference, quantized, batches) < 0.7 * before


def test_pruned_weights_stay_zero(network, batches):
    quantized = fold(network, INT8)
    kernel, bias = own_weights(quantized.layers["patch_power_conv"])
    pruned, before = kernel.numpy() * (np.arange(kernel.shape[-1]) % 2), bias.numpy()
    kernel.assign(pruned)
    set_ranges(quantized, batches, FRAMES)
    correct_biases(quantized, batches)
    np.testing.assert_array_equal(kernel, pruned)
    assert not np.array_equal(bias, before)


@pytest.mark.slow
def test_a_corrected_compression_gives_on_average_the_raw_score_of_the_float_network(network, batches):
    reference, quantized = fold(network), fold(network, INT8)
    set_ranges(quantized, batches, FRAMES)
    features, mask = (np.concatenate(part) for part in zip(*batches, strict=True))

    models = [net.raw_score_model(FRAMES) for net in (reference, quantized)]

    def lost():
        before, after = (model([features, mask])[:, -1].numpy() for model in models)
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


def test_without_patches_or_compression_nothing_is_done(make_config):
    network = Network(make_config())
    network.raw_score_model(FRAMES)
    quantized = fold(network, INT8)
    features = np.ones((2, FRAMES, 1, 40), np.float32)
    before = [weight.copy() for layer in quantized.layers.values() for weight in layer.get_weights()]
    batches = [(features, np.ones((2, FRAMES), np.float32))]
    correct_biases(quantized, batches)
    correct_compression(network, quantized, batches)
    after = [weight for layer in quantized.layers.values() for weight in layer.get_weights()]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def converted(*matrices):
    """A `.tflite` that multiplies its input by each of ``matrices``."""

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([3, len(matrices[0])], tf.float32)])
        def run(self, rows):
            return [tf.matmul(rows, matrix) for matrix in matrices]

    model = Model()
    return tf.lite.TFLiteConverter.from_concrete_functions([model.run.get_concrete_function()], model).convert()


def outputs(model, rows):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], rows)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def test_a_filter_bank_takes_half_of_the_bytes_and_gives_the_same_to_a_thousandth(rng):
    bank = np.clip(rng.standard_normal((128, 96)), 0.0, None).astype(np.float32)
    model, rows = converted(bank), rng.random((3, 128)).astype(np.float32)
    smaller = make_smaller(model)
    assert len(model) - len(smaller) > 0.4 * bank.nbytes
    found, expected = outputs(smaller, rows)[0], outputs(model, rows)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert np.abs(found - expected).max() > 0.0


@pytest.mark.parametrize("matrix", ["cancels", "small"])
def test_what_cancels_and_what_is_small_stays_as_it_is(rng, matrix):
    shape = (128, 96) if matrix == "cancels" else (16, 16)
    weights = rng.standard_normal(shape).astype(np.float32)
    model = converted(weights if matrix == "cancels" else np.abs(weights))
    rows = rng.random((3, len(weights))).astype(np.float32)
    np.testing.assert_array_equal(outputs(make_smaller(model), rows)[0], outputs(model, rows)[0])


def test_two_banks_are_told_apart(rng):
    banks = [rng.random((128, 96)).astype(np.float32) for _ in range(2)]
    model, rows = converted(*banks), rng.random((3, 128)).astype(np.float32)
    found = sorted(output.sum() for output in outputs(make_smaller(model), rows))
    np.testing.assert_allclose(found, sorted((rows @ bank).sum() for bank in banks), rtol=1e-3)


def test_a_model_without_any_is_left_alone():
    from tensorflow.lite.tools import flatbuffer_utils

    model = converted(np.ones((4, 4), np.float32))
    flat = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    codes = len(flat.operatorCodes)
    halve_filter_banks(flat)
    assert len(flat.operatorCodes) == codes
