"""The Keras layers of the front end compute what their NumPy references do, whole or in chunks."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from edge.contract import FrontEndSpec, SpeechSpec
from workbench.config import load_config
from workbench.frontend.layer import MelFrontEnd
from workbench.frontend.reference import features
from workbench.frontend.speech_activity import SpeechMeasure, speech_mask, speech_peaks

FEATURE_TOLERANCE = 2e-3
"""Of a scale on which 20 dB are 1: 0.04 dB. float32 leaves that much where a band is 100 dB below its neighbours."""


def _spec(name):
    if name == "narrow":
        return FrontEndSpec(n_mels=40, hop=128), SpeechSpec()
    if name == "phase":
        return FrontEndSpec(n_mels=96, mel_break_hz=4000.0, phase_advance=128), SpeechSpec()
    if name == "brief":
        return FrontEndSpec(hop=128, brief_window=48, brief_step=8), SpeechSpec()
    config = load_config(name)
    return config.frontend, config.speech


@pytest.mark.parametrize("name", ["dessa", "narrow", "phase", "brief", "patches"])
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


def test_speech_mask_layer_equals_the_loop_whatever_the_chunk(rng):
    spec, speech = FrontEndSpec(), SpeechSpec()
    level_db = (-50.0 + 20.0 * rng.standard_normal(420)).astype(np.float32)
    layer = SpeechMeasure(spec, speech)
    expected = speech_mask(level_db, spec, speech)
    for chunk in (1, 7, 60):
        state, pieces = layer.initial_state(), []
        for start in range(0, len(level_db), chunk):
            piece, peaks, state = layer(level_db[None, start : start + chunk], state)
            pieces.append(piece[0].numpy())
            np.testing.assert_allclose(peaks[0, -1], state[0, 0])
        np.testing.assert_allclose(np.concatenate(pieces), expected, atol=1e-4)
