"""The front end against librosa and NumPy's own FFT."""

from __future__ import annotations

import numpy as np
import pytest

from edge.contract import FrontEndSpec, SpeechSpec
from edge.frontend import (
    band_edges_hz,
    build_matrices,
    choose_phases,
    features,
    hann,
    hz_to_mel,
    mel_filters,
    mel_to_hz,
    speech_mask,
    subtract_running_mean,
)

SPEC = FrontEndSpec()
SPECS = {
    "default": SPEC,
    "padded window": FrontEndSpec(window=400, hop=200, n_fft=1000, n_mels=60),
    "dessa": FrontEndSpec(window=800, hop=200, n_fft=1000, n_mels=240, fmin_hz=0.0, fmax_hz=8000.0, unit_gain=False),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_mel_filters_are_librosas(spec):
    librosa = pytest.importorskip("librosa", reason="needs the workbench extra")
    expected = librosa.filters.mel(
        sr=spec.sample_rate,
        n_fft=spec.n_fft,
        n_mels=spec.n_mels,
        fmin=spec.fmin_hz,
        fmax=spec.fmax_hz,
        dtype=np.float64,
    )
    np.testing.assert_allclose(mel_filters(spec), expected.T, atol=1e-12)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_features_are_librosas_log_mel(rng, spec):
    """Same window, hop and filters through librosa's melspectrogram; tolerance 1e-4 of a scale where 20 dB are 1."""
    librosa = pytest.importorskip("librosa", reason="needs the workbench extra")
    samples = (0.1 * rng.standard_normal(8000)).astype(np.float32)
    window = hann(spec.window)
    # librosa centres a shorter window in its FFT frame, which moves phases only; frames then start earlier by the pad.
    pad = (spec.n_fft - spec.window) // 2
    mel = librosa.feature.melspectrogram(
        y=np.pad(samples, (pad, spec.n_fft)).astype(np.float64),
        sr=spec.sample_rate,
        n_fft=spec.n_fft,
        win_length=spec.window,
        hop_length=spec.hop,
        window=window / window.sum() if spec.unit_gain else window,
        center=False,
        n_mels=spec.n_mels,
        fmin=spec.fmin_hz,
        fmax=spec.fmax_hz,
        dtype=np.float64,
    ).T
    expected = np.clip(
        spec.log_gain * np.log(np.maximum(mel, spec.log_floor)) + spec.log_offset, spec.clip_low, spec.clip_high
    )
    found, _ = features(samples, spec, SpeechSpec())
    np.testing.assert_allclose(found, expected[: len(found)], atol=1e-4)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_the_split_dft_gives_the_powers_of_numpys_fft(rng, spec):
    """Multiplying by the matrices, in the order that the graph does, equals |rfft|² through the mel filters."""
    matrices = build_matrices(spec, SpeechSpec())
    frame = rng.standard_normal(spec.window)
    phases, bins = matrices.phases, len(matrices.outer)
    inner = (frame.reshape(-1, phases).T * matrices.window) @ matrices.inner
    inner = inner.reshape(phases, bins, 2).transpose(1, 0, 2).reshape(bins, 1, 2 * phases)
    outer = (inner @ matrices.outer)[:, 0]
    power = (outer[:, :phases] ** 2 + outer[:, phases:] ** 2).reshape(-1)
    window = hann(spec.window) / (hann(spec.window).sum() if spec.unit_gain else 1.0)
    expected = np.abs(np.fft.rfft(frame * window, spec.n_fft)) ** 2 @ mel_filters(spec)
    np.testing.assert_allclose((power @ matrices.mel)[:-1], expected, rtol=2e-4)


def test_a_full_scale_sine_has_a_speech_level_of_its_power():
    """Hann spreads a sine over bins whose powers sum to 1.5 times the peak bin's quarter: -4.26 dB."""
    time = np.arange(16000) / 16000
    _, level = features(np.sin(2 * np.pi * 1000.0 * time).astype(np.float32), SPEC, SpeechSpec())
    np.testing.assert_allclose(level, 10 * np.log10(0.25 * 1.5), atol=0.02)


def test_a_band_without_a_bin_is_refused():
    with pytest.raises(ValueError, match=r"mel bands .* hold no bin of n_fft 256; use fewer bands"):
        mel_filters(FrontEndSpec(window=256, hop=128, n_fft=256, n_mels=200))


def test_an_odd_transform_is_refused():
    with pytest.raises(ValueError, match="n_fft must be even; got 513"):
        choose_phases(FrontEndSpec(n_fft=513))


def test_speech_counts_and_silence_and_steady_hum_do_not(speech):
    voice = speech(2.0)
    hum = 0.05 * np.sin(2 * np.pi * 300.0 * np.arange(16000 * 20) / 16000).astype(np.float32)
    masks = [speech_mask(features(s, SPEC, SpeechSpec())[1], SPEC, SpeechSpec()) for s in (voice, 0 * voice, hum)]
    assert masks[0].mean() > 0.6
    assert masks[1].max() == 0.0
    assert masks[2][-int(5 * SPEC.frames_per_s) :].max() == 0.0


def test_the_speech_measure_does_not_depend_on_level_above_the_floor(speech):
    voice = speech(4.0)
    # Pauses, as speech has them: the noise floor is learnt there.
    voice[np.arange(len(voice)) % 12000 > 8000] *= 0.01
    loud, quiet = (speech_mask(features(g * voice, SPEC, SpeechSpec())[1], SPEC, SpeechSpec()) for g in (1.0, 0.1))
    assert abs(loud.mean() - quiet.mean()) < 0.05


def test_after_the_running_mean_a_gain_or_filter_hardly_shows(rng):
    """A fixed offset a band, as a gain or a microphone gives, is gone once a few seconds of speech were heard."""
    spec = FrontEndSpec(mean_s=4.0)
    bands = rng.normal(1.0, 0.5, (1000, spec.n_mels)).astype(np.float32)
    mask = np.ones(1000, np.float32)
    filtered = bands + np.linspace(-1.0, 1.0, spec.n_mels, dtype=np.float32)
    found, expected = (subtract_running_mean(b, mask, spec) for b in (filtered, bands))
    np.testing.assert_allclose(found[-500:], expected[-500:], atol=0.02)
    np.testing.assert_array_equal(subtract_running_mean(bands, mask, FrontEndSpec()), bands)


PHASE = FrontEndSpec(n_mels=96, mel_break_hz=4000.0, phase_advance=128)


def test_a_break_of_700_hz_is_the_textbook_mel_scale_and_a_high_one_is_linear():
    mels = 2595.0 * np.log10(1.0 + band_edges_hz(FrontEndSpec(mel_break_hz=700.0)) / 700.0)
    np.testing.assert_allclose(np.diff(mels), mels[1] - mels[0])
    linear = np.diff(band_edges_hz(FrontEndSpec(mel_break_hz=1e9)))
    np.testing.assert_allclose(linear, linear[0], rtol=1e-4)
    assert band_edges_hz(FrontEndSpec())[-1] == pytest.approx(mel_to_hz(np.array(hz_to_mel(7600.0))))


def _advance(samples):
    found, _ = features(samples.astype(np.float32), PHASE, SpeechSpec())
    return found.reshape(len(found), PHASE.n_mels, 3)


@pytest.mark.parametrize("offset_hz", [-10.0, 0.0, 7.5])
def test_the_phase_of_a_tone_is_its_distance_from_the_bins_centre(offset_hz):
    """A tone d Hz off a bin's centre turns 2 pi d a / rate further than the centre; one narrow band is one bin."""
    spec = FrontEndSpec(n_mels=253, mel_break_hz=1e9, fmin_hz=31.25, fmax_hz=31.25 * 255, phase_advance=128)
    tone = 0.5 * np.sin(2 * np.pi * (1000.0 + offset_hz) * np.arange(16000) / 16000)
    found, _ = features(tone.astype(np.float32), spec, SpeechSpec())
    real, imaginary = found.reshape(len(found), 253, 3)[5:, 30, 1:].T  # edges at bins 31, 32, 33: 1000 Hz alone
    np.testing.assert_allclose(np.arctan2(imaginary, real), 2 * np.pi * offset_hz * 128 / 16000, atol=0.01)
    np.testing.assert_allclose(np.hypot(real, imaginary), 1.0, atol=0.01)


def test_noise_has_short_phase_vectors_and_level_does_not_change_them(rng):
    noise = 0.1 * rng.standard_normal(32000)
    loud, quiet = _advance(noise), _advance(0.5 * noise)
    assert 0.5 < np.hypot(loud[..., 1], loud[..., 2]).mean() < 0.85
    np.testing.assert_allclose(loud[2:, :, 1:], quiet[2:, :, 1:], atol=0.03)
    np.testing.assert_array_equal(_advance(np.zeros(8000))[..., 1:], 0.0)


def test_phase_needs_a_step_that_divides_the_hop():
    with pytest.raises(ValueError, match=r"phase_advance is 0 \(off\) or divides the hop \(256 samples\); got 100"):
        FrontEndSpec(phase_advance=100)
    with pytest.raises(ValueError, match="mel_break_hz is positive"):
        FrontEndSpec(mel_break_hz=0.0)
