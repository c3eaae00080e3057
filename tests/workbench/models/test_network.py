"""One set of weights gives one answer: whole clip, stream of any chunk, folded."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from tests.workbench.conftest import SOLVED
from workbench.config import load_config
from workbench.deploy.export import count_parameters
from workbench.deploy.fold import fold
from workbench.models.network import Network

FLOAT_TOLERANCE = 2e-4
"""Evidence in nats; float32 sums taken in another order."""
SAMPLES = 3 * 4096


def randomised(network: Network, rng: np.random.Generator) -> Network:
    """Give every weight, statistics of normalisation included, a value that shows."""
    model = network.raw_score_model(network.chunk_frames)
    # Kernels move both ways, variances and scales only up.
    moved = [np.abs(rng.standard_normal(w.shape)) * np.where(w.min() >= 0, 0.3, 0.1) for w in model.get_weights()]
    model.set_weights([w + m.astype(np.float32) for w, m in zip(model.get_weights(), moved, strict=True)])
    return network


def stream(network: Network, samples: np.ndarray) -> np.ndarray:
    step, states, raw_score = network.step_model(), network.initial_states(), []
    for start in range(0, len(samples), network.config.model.chunk_samples):
        chunk = samples[None, start : start + network.config.model.chunk_samples]
        outputs = step({"samples": chunk, **states})
        raw_score.append(float(outputs["raw_score"][0]))
        states = {name: outputs[name] for name in states}
    return np.array(raw_score)


PARTS = {
    "plain": {},
    "projection": {"model": {"skip": "projection", "kernels": [3, 5], "activation": "leaky_relu", "batch_norm": False}},
    "running mean": {"frontend": {"mean_s": 2.0}},
    "patches": {
        "frontend": {"n_mels": 32, "mel_break_hz": 4000.0, "phase_advance": 64},
        "model": {**SOLVED, "patch_filters": 8, "patch_stride": [1, 3]},
    },
    "two windows": {
        "frontend": {
            "n_mels": 32,
            "phase_mels": 24,
            "mel_break_hz": 4000.0,
            "phase_advance": 64,
            "power_window": 1024,
            "phase_range_db": 70.0,
        },
        "model": {**SOLVED, "patch_filters": 8, "patch_stride": [1, 1], "head_compression": 0.5},
    },
    "brief": {
        "frontend": {"n_mels": 32, "mel_break_hz": 4000.0, "phase_advance": 64, "brief_window": 64},
        "model": {
            **SOLVED,
            "patch_filters": 12,
            "patch_stride": [1, 1],
            "patch_phase_share": 0.3,
            "patch_brief_share": 0.4,
            "patch_brief_step": 2,
        },
    },
    "patches, then temporal": {
        "model": {
            "patch_filters": 6,
            "patch_size": [3, 5],
            "patch_stride": [1, 4],
            "patch_regions": 3,
            "chunk_samples": 256,
        }
    },
    "forgets nothing": {"model": {"forgetting_s": "none", "statistics": ["mean"]}},
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS.keys())
@pytest.mark.parametrize("chunk", [256, 1024, 4096, SAMPLES])
def test_a_stream_of_any_chunk_equals_the_whole_clip(make_config, voice, rng, parts, chunk):
    whole_config = make_config(**{**parts, "model": {**parts.get("model", {}), "chunk_samples": 256}})
    whole = randomised(Network(whole_config), rng)
    samples = voice(SAMPLES / 16000)[:SAMPLES]
    expected = whole.clip_model(SAMPLES)(samples[None, :]).numpy()[0]
    chunked = Network(make_config(**{**parts, "model": {**parts.get("model", {}), "chunk_samples": chunk}}))
    chunked.raw_score_model(chunked.chunk_frames).set_weights(whole.raw_score_model(whole.chunk_frames).get_weights())
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(
        stream(chunked, samples), expected[chunk // 256 - 1 :: chunk // 256], atol=FLOAT_TOLERANCE
    )


def test_frames_that_patches_step_over_are_the_same_in_a_stream(make_config, voice, rng):
    """A stride of four frames keeps its place from chunk to chunk."""
    model = {"patch_filters": 8, "patch_size": [7, 5], "patch_stride": [4, 3], "chunk_samples": 1024}
    whole = randomised(Network(make_config(model={**model, "widths": [], "dilations": []})), rng)
    samples = voice(SAMPLES / 16000)[:SAMPLES]
    expected = whole.clip_model(SAMPLES)(samples[None, :]).numpy()[0]
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(stream(whole, samples), expected, atol=FLOAT_TOLERANCE)


def test_silence_after_speech_leaves_the_raw_score_where_it_was(make_config, voice, rng):
    """Two frames still hold the end of the voice; from then on nothing moves."""
    network = randomised(Network(make_config(model={"chunk_samples": 256})), rng)
    samples = np.concatenate([voice(0.5), np.zeros(8000, np.float32)])
    samples = samples[: len(samples) // 256 * 256]
    raw_score = stream(network, samples)
    last = int(np.ceil(0.5 * 16000 / 256)) + 1
    assert np.ptp(raw_score[:last]) > 0.01
    np.testing.assert_allclose(raw_score[last:], raw_score[last], atol=1e-6)


def test_folding_batch_normalisation_changes_nothing(make_config, voice, rng):
    network = randomised(Network(make_config()), rng)
    samples = voice(SAMPLES / 16000)[None, :SAMPLES]
    expected = network.clip_model(SAMPLES)(samples).numpy()
    folded = fold(network, quantized=False).clip_model(SAMPLES)(samples).numpy()
    np.testing.assert_allclose(folded, expected, atol=FLOAT_TOLERANCE)


def test_the_dessa_configuration_has_the_published_number_of_parameters():
    """8,162,125, counted on the published network; it fixes widths, kernels, skips and head together."""
    network = Network(load_config("dessa"))
    network.raw_score_model(network.chunk_frames)
    assert count_parameters(network) == 8_162_125


def test_the_shipped_configuration_is_small():
    network = fold(Network(load_config("tcn")), quantized=False)
    assert count_parameters(network) < 500_000


@pytest.mark.parametrize("name", ["tcn", "patches"])
def test_a_shipped_configuration_streams_as_it_hears_the_whole_clip(name, voice, rng):
    """Patches step over every other frame, and branches of several kernels read what they find."""
    network = randomised(Network(load_config(name)), rng)
    samples = voice(SAMPLES / 16000)[:SAMPLES]
    expected = network.clip_model(SAMPLES)(samples[None, :]).numpy()[0]
    assert np.ptp(expected) > 0.01
    found = stream(network, samples)
    np.testing.assert_allclose(found, expected, atol=FLOAT_TOLERANCE * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("name", ["tcn", "patches"])
def test_a_shipped_configuration_does_not_hear_the_future(name, voice, rng):
    network = randomised(Network(load_config(name)), rng)
    samples = voice(SAMPLES / 16000)[:SAMPLES]
    changed = samples.copy()
    changed[8192:] *= -0.5
    before, after = (network.clip_model(SAMPLES)(clip[None, :]).numpy()[0] for clip in (samples, changed))
    np.testing.assert_array_equal(before[:2], after[:2])
    assert before[2] != after[2]


@pytest.mark.parametrize("name", ["tcn", "patches"])
def test_a_shipped_family_is_small(name):
    network = fold(Network(load_config(name)), quantized=False)
    assert count_parameters(network) < 500_000
