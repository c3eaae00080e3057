"""Each Keras layer computes what its NumPy reference does, whole or in chunks."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

import tf_keras  # noqa: E402

from edge.contract import FrontEndSpec, SpeechSpec  # noqa: E402
from workbench.config import load_config  # noqa: E402
from workbench.frontend.layer import MelFrontEnd, SpeechMeasure  # noqa: E402
from workbench.frontend.reference import features, speech_mask, speech_peaks, subtract_running_mean  # noqa: E402
from workbench.models.layers import (  # noqa: E402
    ActivationQuantizer,
    RunningMean,
    RunningStatistics,
    Taps,
)

FEATURE_TOLERANCE = 2e-3
"""Of a scale on which 20 dB are 1: 0.04 dB. float32 leaves that much where a band is 100 dB below its neighbours."""


def _spec(name):
    if name == "narrow":
        return FrontEndSpec(n_mels=40, hop=128), SpeechSpec()
    if name == "phase":
        return FrontEndSpec(n_mels=96, mel_break_hz=4000.0, phase_advance=128), SpeechSpec()
    if name == "two windows":
        bands = {"n_mels": 200, "phase_mels": 96, "mel_break_hz": 8000.0}
        return FrontEndSpec(phase_advance=64, power_window=1024, phase_range_db=70.0, **bands), SpeechSpec()
    if name == "brief":
        return FrontEndSpec(hop=128, brief_window=48, brief_step=8), SpeechSpec()
    config = load_config(name)
    return config.frontend, config.speech


@pytest.mark.parametrize("name", ["tcn", "dessa", "narrow", "phase", "two windows", "brief", "patches"])
def test_front_end_layer_equals_the_numpy_reference(rng, name):
    """The split DFT in float32 agrees with NumPy's FFT in float64 on noise, a tone and near silence."""
    spec, speech = _spec(name)
    time = np.arange(spec.overlap + 40 * spec.hop) / spec.sample_rate
    for signal in (
        0.3 * rng.standard_normal(len(time)),
        0.5 * np.sin(2 * np.pi * 1000.0 * time) + 1e-4 * rng.standard_normal(len(time)),
        1e-4 * rng.standard_normal(len(time)),
        np.zeros(len(time)),
    ):
        samples = signal.astype(np.float32)
        expected, expected_level = features(samples, spec, speech)
        layer = MelFrontEnd(spec, speech)
        found, mask, trackers = layer(samples[None, :], layer.measure.initial_state())
        np.testing.assert_allclose(found[0, :, 0], expected, atol=FEATURE_TOLERANCE)
        np.testing.assert_allclose(mask[0], speech_mask(expected_level, spec, speech), atol=0.01)
        np.testing.assert_allclose(trackers[0, 0], speech_peaks(expected_level, spec, speech)[-1], atol=0.05)


@pytest.mark.parametrize("chunk", [1, 7, 60])
def test_speech_mask_layer_equals_the_loop_whatever_the_chunk(rng, chunk):
    spec, speech = FrontEndSpec(), SpeechSpec()
    level_db = (-50.0 + 20.0 * rng.standard_normal(420)).astype(np.float32)
    layer = SpeechMeasure(spec, speech)
    state, pieces = layer.initial_state(), []
    for start in range(0, len(level_db), chunk):
        piece, peaks, state = layer(level_db[None, start : start + chunk], state)
        pieces.append(piece[0].numpy())
        np.testing.assert_allclose(peaks[0, -1], state[0, 0])
    np.testing.assert_allclose(np.concatenate(pieces), speech_mask(level_db, spec, speech), atol=1e-4)


@pytest.mark.parametrize("chunk", [1, 7, 60])
def test_running_mean_layer_equals_the_loop_whatever_the_chunk(rng, chunk):
    spec = FrontEndSpec(mean_s=1.0)
    bands = rng.normal(1.0, 0.5, (420, spec.n_mels)).astype(np.float32)
    mask = (rng.uniform(0, 1, 420) * (rng.uniform(0, 1, 420) > 0.3)).astype(np.float32)
    layer, pieces = RunningMean(spec), []
    state = np.zeros((1, 1 + spec.n_mels), np.float32)
    for start in range(0, len(bands), chunk):
        piece, state = layer(bands[None, start : start + chunk, None, :], mask[None, start : start + chunk], state)
        pieces.append(piece[0, :, 0].numpy())
    np.testing.assert_allclose(np.concatenate(pieces), subtract_running_mean(bands, mask, spec), atol=1e-4)


def _statistics(frames, mask, chunk, forgetting):
    layer = RunningStatistics(chunk, forgetting, ("mean", "deviation"))
    sums = np.zeros((1, 1 + 2 * frames.shape[-1]), np.float32)
    found, sums = layer(frames[None, :, None, :], mask[None, :], sums)
    return found[0].numpy(), sums[0].numpy()


def test_running_statistics_without_forgetting_are_the_weighted_mean_and_deviation(rng):
    frames = rng.standard_normal((48, 3)).astype(np.float32)
    mask = rng.uniform(0, 1, 48).astype(np.float32)
    found, _ = _statistics(frames, mask, 16, None)
    for index, end in enumerate((16, 32, 48)):
        mean = np.average(frames[:end], axis=0, weights=mask[:end])
        variance = np.average((frames[:end] - mean) ** 2, axis=0, weights=mask[:end])
        np.testing.assert_allclose(found[index, :3], mean, atol=1e-5)
        np.testing.assert_allclose(found[index, 3:], np.sqrt(variance + 1e-4), atol=1e-4)


def test_a_frame_fades_by_the_speech_that_followed_it(rng):
    """Weight of frame t at the end: mask[t] * exp(-(speech after t) / forgetting), worked out frame by frame."""
    frames = rng.standard_normal((48, 3)).astype(np.float32)
    mask = (rng.uniform(0, 1, 48) * (rng.uniform(0, 1, 48) > 0.3)).astype(np.float32)
    weights = [mask[t] * np.exp(-mask[t + 1 :].sum() / 20.0) for t in range(48)]
    expected = np.average(frames, axis=0, weights=weights)
    for chunk in (1, 8, 48):
        found, _ = _statistics(frames, mask, chunk, 20.0)
        np.testing.assert_allclose(found[-1, :3], expected, atol=1e-5)


def test_silence_neither_adds_raw_score_nor_wears_it_away(rng):
    frames = rng.standard_normal((32, 3)).astype(np.float32)
    mask = np.r_[np.ones(16), np.zeros(16)].astype(np.float32)
    found, sums = _statistics(frames, mask, 16, 20.0)
    np.testing.assert_array_equal(found[0], found[1])
    _, sums_before = _statistics(frames[:16], mask[:16], 16, 20.0)
    np.testing.assert_array_equal(sums, sums_before)


@pytest.mark.parametrize(("kernel", "dilation"), [(3, 1), (3, 4), (5, 2)])
def test_taps_and_a_pointwise_convolution_are_keras_causal_dilated_convolution(rng, kernel, dilation):
    frames = rng.standard_normal((2, 30, 5)).astype(np.float32)
    reference = tf_keras.layers.Conv1D(7, kernel, dilation_rate=dilation, padding="causal", use_bias=False)
    expected = reference(frames)
    context = (kernel - 1) * dilation
    taps = Taps(kernel, dilation)(np.pad(frames, ((0, 0), (context, 0), (0, 0)))[:, :, None, :])
    weights = reference.get_weights()[0].reshape(kernel * 5, 7)
    np.testing.assert_allclose(taps.numpy()[:, :, 0] @ weights, expected, atol=1e-5)


def test_activation_quantizer_puts_values_on_256_levels_of_the_observed_range(rng):
    layer = ActivationQuantizer()
    values = tf.constant(rng.uniform(-1, 3, (1, 4000, 1, 1)).astype(np.float32))
    layer(values)
    layer.observe()
    layer(values)
    layer.freeze()
    found = layer(values).numpy()
    assert len(np.unique(found)) <= 256
    np.testing.assert_allclose(found, values, atol=0.6 * 4 / 255)


def test_activation_quantizer_may_leave_a_share_of_the_values_above_its_range(rng):
    """A few responses ten times as large as the others would cost these nine tenths of their levels."""
    values = rng.uniform(0, 1, 20000).astype(np.float32)
    values[:2] = 10.0
    steps = {}
    for beyond in (0.0, 1e-3):
        layer = ActivationQuantizer(beyond)
        layer(tf.constant(values))
        layer.observe()
        layer(tf.constant(values))
        layer.freeze()
        steps[beyond] = np.diff(np.unique(layer(tf.constant(values)).numpy())).min()
    assert steps[0.0] == pytest.approx(10 / 255, rel=0.01)
    assert steps[1e-3] == pytest.approx(1 / 255, rel=0.01)


def test_activation_quantizer_refuses_to_freeze_what_it_never_saw():
    layer = ActivationQuantizer()
    layer.observe()
    with pytest.raises(ValueError, match="no range to set"):
        layer.freeze()
