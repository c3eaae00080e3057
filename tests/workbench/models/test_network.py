"""One set of weights gives one answer: whole clip, stream of any chunk, folded."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from tests.workbench.conftest import (
    SOLVED,
    make_voice,
    stream_through,
    tiny_config,
)
from workbench.config import load_config
from workbench.deploy.fold import count_parameters, fold
from workbench.models.network import Network

FLOAT_TOLERANCE = 2e-4
"""Raw score in nats; float32 sums taken in another order."""
SAMPLES, CHUNK = 6 * 1024, 256


@pytest.fixture(scope="module")
def samples():
    return make_voice(np.random.default_rng(1), SAMPLES / 16000)[:SAMPLES]


def randomised(network: Network) -> Network:
    """Give every weight, statistics of normalisation included, a value that shows."""
    import tf_keras

    tf_keras.utils.set_random_seed(2)
    model, rng = network.raw_score_model(network.chunk_frames), np.random.default_rng(2)
    # Kernels move both ways, variances and scales only up.
    moved = [np.abs(rng.standard_normal(w.shape)) * np.where(w.min() >= 0, 0.3, 0.1) for w in model.get_weights()]
    model.set_weights([w + m.astype(np.float32) for w, m in zip(model.get_weights(), moved, strict=True)])
    return network


PARTS = {
    "tcn": {},
    "dessa": {
        "model": {
            "skip": "projection",
            "kernels": [3, 5],
            "widths": [8, 8, 6],
            "dilations": [1, 2, 1],
            "activation": "leaky_relu",
            "batch_norm": False,
            "forgetting_s": "none",
            "statistics": ["mean"],
        }
    },
    "patches": {
        "frontend": {
            "n_mels": 32,
            "phase_mels": 24,
            "mel_break_hz": 4000.0,
            "phase_advance": 64,
            "phase_range_db": 70.0,
            "power_window": 1024,
            "brief_window": 64,
        },
        "model": {
            **SOLVED,
            "patch_filters": 12,
            "patch_stride": [1, 1],
            "patch_phase_share": 0.3,
            "patch_brief_share": 0.4,
            "patch_brief_step": 2,
            "head_compression": 0.5,
        },
    },
}


def configured(name: str, chunk: int):
    parts = PARTS[name]
    return tiny_config(**{**parts, "model": {**parts.get("model", {}), "chunk_samples": chunk}})


@pytest.fixture(
    scope="module", params=["patches", *(pytest.param(name, marks=pytest.mark.slow) for name in ("tcn", "dessa"))]
)
def whole(request, samples):
    """The family's name, its network in chunks of one hop, and what that makes of the whole clip."""
    network = randomised(Network(configured(request.param, CHUNK)))
    raw_score = network.clip_model(SAMPLES)(samples[None]).numpy()[0]
    assert network.config.model.family == request.param
    assert np.ptp(raw_score) > 0.01
    return request.param, network, raw_score


@pytest.mark.slow
def test_a_stream_of_any_chunk_equals_the_whole_clip(whole, samples):
    name, network, expected = whole
    weights = network.raw_score_model(network.chunk_frames).get_weights()
    for chunk in (CHUNK, 1024):
        chunked = Network(configured(name, chunk))
        chunked.raw_score_model(chunked.chunk_frames).set_weights(weights)
        every = chunk // CHUNK
        np.testing.assert_allclose(stream_through(chunked, samples), expected[every - 1 :: every], atol=FLOAT_TOLERANCE)


def test_what_comes_later_changes_nothing_before(whole, samples):
    _, network, before = whole
    changed = samples.copy()
    changed[4096:] = 0.1 * np.random.default_rng(3).standard_normal(SAMPLES - 4096)
    after = network.clip_model(SAMPLES)(changed[None]).numpy()[0]
    first = 4096 // CHUNK
    np.testing.assert_allclose(after[:first], before[:first], atol=FLOAT_TOLERANCE)
    # Two raw scores may meet by chance at one chunk, such as the last.
    assert np.abs(before[first:] - after[first:]).max() > 10 * FLOAT_TOLERANCE


@pytest.mark.slow
def test_folding_changes_nothing(whole, samples):
    """Batch normalisation becomes part of the convolutions, frames and bands become channels."""
    _, network, expected = whole
    folded = fold(network).clip_model(SAMPLES)(samples[None]).numpy()[0]
    np.testing.assert_allclose(folded, expected, atol=FLOAT_TOLERANCE)


def test_frames_that_patches_step_over_are_the_same_in_a_stream(samples):
    """A stride of four frames keeps its place from chunk to chunk."""
    model = {**SOLVED, "patch_filters": 8, "patch_size": [7, 5], "patch_stride": [4, 3], "chunk_samples": 1024}
    whole = randomised(Network(tiny_config(model=model)))
    expected = whole.clip_model(SAMPLES)(samples[None, :]).numpy()[0]
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(stream_through(whole, samples), expected, atol=FLOAT_TOLERANCE)


@pytest.mark.slow
def test_silence_after_speech_leaves_the_raw_score_where_it_was(voice):
    """Two frames still hold the end of the voice; from then on nothing moves."""
    network = randomised(Network(tiny_config(model={"chunk_samples": CHUNK})))
    samples = np.concatenate([voice(0.4), np.zeros(4000, np.float32)])
    raw_score = stream_through(network, samples[: len(samples) // CHUNK * CHUNK])
    last = int(np.ceil(0.4 * 16000 / CHUNK)) + 1
    assert np.ptp(raw_score[:last]) > 0.01
    np.testing.assert_allclose(raw_score[last:], raw_score[last], atol=1e-6)


def test_two_layers_or_states_of_one_name_are_refused():
    import tf_keras

    from workbench.models import tcn
    from workbench.models.blocks import Causal

    def twice(*added):
        return lambda model, frontend: [*added, *tcn.blocks(model, frontend)]

    dense = [tf_keras.layers.Dense(4, name="twin") for _ in range(2)]
    with pytest.raises(ValueError, match="two layers of the network are called 'twin'"):
        Network(tiny_config(), family=twice(*dense)).raw_score_model(16)
    states = [Causal(lambda frames: frames[:, 1:], 1, name="twin") for _ in range(2)]
    with pytest.raises(ValueError, match="two states of the network are called 'state_twin'"):
        Network(tiny_config(), family=twice(*states)).step_model()


@pytest.mark.slow
def test_the_dessa_configuration_has_the_published_number_of_parameters():
    """8,162,125, counted on the published network; it fixes widths, kernels, skips and head together."""
    assert count_parameters(Network(load_config("dessa"))) == 8_162_125


def test_the_other_shipped_configurations_are_small():
    assert count_parameters(Network(load_config("tcn"))) == 94_513
    assert count_parameters(Network(load_config("patches"))) == 13_497
