"""Filter banks in half precision: a smaller file that computes the same, and nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.deploy.export import make_smaller  # noqa: E402
from workbench.deploy.half_precision import halve_filter_banks  # noqa: E402


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
