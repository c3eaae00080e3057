"""Pooling, taps and activation quantisers compute what their formulas say, whole or in chunks."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

import tf_keras  # noqa: E402

from workbench.models.layers import ActivationQuantizer, RunningStatistics, Taps  # noqa: E402


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


def test_chunks_at_once_are_chunks_one_after_the_other(rng):
    """The closed form over many chunks is the recursion of a stream, from sums that are not empty."""
    frames = rng.standard_normal((2, 480, 1, 3)).astype(np.float32)
    mask = (rng.uniform(0, 1, (2, 480)) * (rng.uniform(0, 1, (2, 480)) > 0.3)).astype(np.float32)
    layer = RunningStatistics(16, 50.0, ("mean", "deviation"))
    sums = start = np.tile(np.float32([2.0, 0.1, 0.2, 0.3, 1.0, 1.1, 1.2]), (2, 1))
    streamed = []
    for at in range(0, 480, 16):
        found, sums = layer(frames[:, at : at + 16], mask[:, at : at + 16], sums)
        streamed.append(found.numpy())
    whole, last = layer(frames, mask, start)
    np.testing.assert_allclose(whole, np.concatenate(streamed, axis=1), atol=2e-5)
    np.testing.assert_allclose(last, sums, rtol=1e-5, atol=1e-5)


def test_silence_neither_adds_to_the_statistics_nor_wears_them_away(rng):
    frames = rng.standard_normal((32, 3)).astype(np.float32)
    mask = np.r_[np.ones(16), np.zeros(16)].astype(np.float32)
    found, sums = _statistics(frames, mask, 16, 20.0)
    np.testing.assert_array_equal(found[0], found[1])
    _, sums_before = _statistics(frames[:16], mask[:16], 16, 20.0)
    np.testing.assert_array_equal(sums, sums_before)


def test_taps_and_a_pointwise_convolution_are_keras_causal_dilated_convolution(rng):
    kernel, dilation = 3, 4
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
