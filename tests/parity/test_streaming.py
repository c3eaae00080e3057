"""Whole clip = any chunking, for every implementation; and the exported graph gives what Keras gives.

The scorer gathers pieces to the model's own chunks, so equality under cutting is exact, in int8 too.
"""

from __future__ import annotations

import numpy as np
import pytest

import edge
from android_bridge.audio import PolyphaseResampler
from edge.bench import voice_like
from edge.contract import Contract
from edge.model import Model
from edge.scoring import ChannelScorer
from edge.stream import Stream, StreamScorer

FLOAT_TOLERANCE = 5e-4
"""Nats. float32 sums in another order, through a logarithm."""
INT8_TOLERANCE_LEVELS = 3.0
"""Emulated and real int8 round at the same places but for ties, whose half a level the next layers carry on: the raw
score may move by this many times what one level of the last activation is worth through the head."""
CHUNK = 1024
SAMPLES = 12 * CHUNK
LENGTHS = (1, 333, 256, CHUNK)


@pytest.fixture(scope="module")
def shipped():
    return edge.load_model()


def raw_scores(model):
    """Feed a model's scorer piece by piece; return its raw scores."""
    scorer = StreamScorer(model)

    def run(pieces):
        scorer.reset()
        return [raw_score for piece in pieces for raw_score in scorer.feed(piece)] + list(scorer.flush())

    return run


def states(model, make_converter):
    stream = Stream(model, 8000, model.contract.operating_point("balanced"), make_converter=make_converter)

    def run(pieces):
        stream.reset()
        return [state for piece in pieces for state in stream.feed(piece)] + stream.flush()

    return run


def decision(model, make_converter):
    def run(pieces):
        scorer = ChannelScorer(model, 8000, keep_timeline=True, make_converter=make_converter)
        for piece in pieces:
            scorer.feed(piece)
        return scorer.flush()

    return run


def resampled(source, target):
    pytest.importorskip("soxr", reason="needs the edge extra")
    from edge.resampling import Resampler

    return Resampler(source, target)


IMPLEMENTATIONS = {
    "raw scores": (16000, raw_scores),
    "live, soxr": (8000, lambda model: states(model, resampled)),
    "live, polyphase": (8000, lambda model: states(model, PolyphaseResampler)),
    "recording, soxr": (8000, lambda model: decision(model, resampled)),
    "recording, polyphase": (8000, lambda model: decision(model, PolyphaseResampler)),
}


def assert_same_however_it_is_cut(run, samples, lengths=LENGTHS):
    expected = run([samples])
    for length in lengths:
        pieces = [samples[start : start + length] for start in range(0, len(samples), length)]
        assert run(pieces) == expected, f"cut to pieces of {length}"
    return expected


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_shipped_model_gives_the_same_however_a_stream_is_cut(shipped, name):
    rate, make = IMPLEMENTATIONS[name]
    assert assert_same_however_it_is_cut(make(shipped), voice_like(2.1, rate))


@pytest.fixture(scope="module")
def network():
    tf_keras = pytest.importorskip("tf_keras", reason="needs the workbench extra")
    from workbench.config import config_from_dict
    from workbench.models.network import Network

    tf_keras.utils.set_random_seed(3)
    model = {"widths": [16, 16], "dilations": [1, 3], "chunk_samples": CHUNK, "head_units": 8}
    trained = Network(config_from_dict({"model": model, "frontend": {"n_mels": 40}}))
    trained.raw_score_model(trained.chunk_frames)
    return trained


@pytest.fixture(scope="module")
def samples():
    return voice_like(SAMPLES / 16000, 16000)


@pytest.fixture(scope="module")
def quantized(network, samples):
    from workbench.deploy.fold import fold
    from workbench.deploy.int8 import set_ranges
    from workbench.models.blocks import INT8

    quantized = fold(network, INT8)
    features, mask = quantized.feature_model(SAMPLES)(samples[None, :])
    set_ranges(quantized, [(features, mask)], features.shape[1])
    return quantized


def load(network, folder):
    from workbench.deploy.export import export_tflite, state_names

    frontend, speech = network.config.frontend, network.config.speech
    contract = Contract("parity", CHUNK, frontend=frontend, speech=speech, state_names=state_names(network))
    path = folder / "parity.tflite"
    path.write_bytes(export_tflite(network, contract))
    return Model.load(path)


@pytest.mark.slow
def test_float_tflite_equals_keras(network, samples, tmp_path):
    from workbench.deploy.fold import fold

    folded = fold(network)
    expected = folded.clip_model(SAMPLES)(samples[None, :]).numpy()[0]
    assert np.ptp(expected) > 0.02
    found = assert_same_however_it_is_cut(raw_scores(load(folded, tmp_path)), samples)
    np.testing.assert_allclose([each.value for each in found], expected, atol=FLOAT_TOLERANCE)


@pytest.mark.slow
def test_int8_tflite_equals_emulated_int8_and_stays_exact_in_silence(quantized, samples, tmp_path):
    """Zeros, the past of a fresh stream, are a level of every activation's grid: no drift from silence."""
    expected = quantized.clip_model(SAMPLES)(samples[None, :]).numpy()[0]
    run = raw_scores(load(quantized, tmp_path))
    found = np.array([each.value for each in assert_same_however_it_is_cut(run, samples)])
    assert np.abs(found - expected).max() <= INT8_TOLERANCE_LEVELS * level_in_raw_score(quantized)
    assert len({each.value for each in run([np.zeros(200 * CHUNK, np.float32)])}) == 1


def level_in_raw_score(network):
    """One level of the last activation, moved in every channel alike, through the head's weights."""
    last = network.layers["k3_b1_out_q"]
    level = float(last.ranges["max_var"] - last.ranges["min_var"]) / 255.0
    hidden = np.abs(network.layers["head_hidden"].get_weights()[0])
    raw_score = np.abs(network.layers["head_raw_score"].get_weights()[0])
    return level * float((hidden @ raw_score).sum()) / np.sqrt(hidden.shape[0])
