"""The exported graph gives what Keras gives on the whole clip, however the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from edge.contract import Contract
from edge.model import Model
from edge.stream import StreamScorer
from workbench.config import config_from_dict
from workbench.deploy.export import export_tflite, state_names
from workbench.deploy.fold import calibrate, fold
from workbench.models.network import Network

FLOAT_TOLERANCE = 5e-4
"""Nats. float32 sums in another order, through a logarithm."""
INT8_TOLERANCE_LEVELS = 3.0
"""Emulated and real int8 round at the same places but for ties, whose half a level the next layers carry on: the
evidence may move by this many times what one level of the last activation is worth through the head."""
CHUNK = 1024
SAMPLES = 24 * CHUNK


def _signal(rng):
    time = np.arange(SAMPLES) / 16000
    voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 40)) * (0.6 + 0.4 * np.sin(25 * time))
    return (0.2 * voice + 0.01 * rng.standard_normal(SAMPLES)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    config = config_from_dict(
        {
            "model": {"widths": [16, 16, 16], "dilations": [1, 2, 4], "chunk_samples": CHUNK, "head_units": 8},
            "frontend": {"n_mels": 40},
        }
    )
    trained = Network(config)
    trained.raw_score_model(trained.chunk_frames)
    return trained


def _load(network, tmp_path):
    contract = Contract(
        name="parity",
        chunk_samples=CHUNK,
        frontend=network.config.frontend,
        speech=network.config.speech,
        state_names=state_names(network),
    )
    path = tmp_path / "parity.tflite"
    path.write_bytes(export_tflite(network, contract))
    return Model.load(path)


def _cut(model, samples, length):
    scorer, found = StreamScorer(model), []
    for start in range(0, len(samples), length):
        found += [raw_score.value for raw_score in scorer.feed(samples[start : start + length])]
    return np.array(found + [raw_score.value for raw_score in scorer.flush()])


def _assert_same_for_any_cut(model, samples):
    """The scorer gathers pieces to the model's own chunk, so equality is exact, in int8 too."""
    expected = _cut(model, samples, len(samples))
    for length in (1, 333, model.contract.frontend.hop, CHUNK):
        np.testing.assert_array_equal(_cut(model, samples, length), expected)


def test_float_tflite_equals_keras_on_the_whole_clip_however_it_is_cut(network, tmp_path, rng):
    samples = _signal(rng)
    folded = fold(network, quantized=False)
    expected = folded.clip_model(SAMPLES)(samples[None, :]).numpy()[0]
    model = _load(folded, tmp_path)
    assert np.ptp(expected) > 0.02
    np.testing.assert_allclose(_cut(model, samples, len(samples)), expected, atol=FLOAT_TOLERANCE)
    _assert_same_for_any_cut(model, samples)


def test_int8_tflite_equals_emulated_int8_on_the_whole_clip_however_it_is_cut(network, tmp_path, rng):
    samples = _signal(rng)
    quantized = fold(network, quantized=True)
    features, mask = quantized.feature_model(SAMPLES)(samples[None, :])
    calibrate(quantized, [(features, mask)], features.shape[1])
    expected = quantized.clip_model(SAMPLES)(samples[None, :]).numpy()[0]
    model = _load(quantized, tmp_path)
    difference = np.abs(_cut(model, samples, len(samples)) - expected).max()
    assert difference <= INT8_TOLERANCE_LEVELS * _level_in_raw_score(quantized)
    _assert_same_for_any_cut(model, samples)


def _level_in_raw_score(network):
    """One level of the last activation, moved in every channel alike, through the head's weights."""
    last = network.layers["k3_b2_out_q"]
    level = float(last.ranges["max_var"] - last.ranges["min_var"]) / 255.0
    hidden = np.abs(network.layers["head_hidden"].get_weights()[0])
    raw_score = np.abs(network.layers["head_raw_score"].get_weights()[0])
    return level * float((hidden @ raw_score).sum()) / np.sqrt(hidden.shape[0])


def test_int8_states_start_and_stay_exact_on_the_grid(network, tmp_path, rng):
    """Zeros, the past of a fresh stream, are a level of every activation's grid: no drift from silence."""
    quantized = fold(network, quantized=True)
    features, mask = quantized.feature_model(SAMPLES)(_signal(rng)[None, :])
    calibrate(quantized, [(features, mask)], features.shape[1])
    model = _load(quantized, tmp_path)
    silence = np.zeros(200 * CHUNK, np.float32)
    raw_score = [e.value for e in StreamScorer(model).feed(silence)]
    assert np.ptp(raw_score) == 0.0
