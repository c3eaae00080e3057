"""The front end against librosa and NumPy's own FFT."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.contract import FrontEndSpec, SpeechSpec
from workbench.frontend.matrices import (
    band_edges_hz,
    build_matrices,
    choose_phases,
    hann,
    hz_to_mel,
    mel_filters,
    mel_to_hz,
)
from workbench.frontend.reference import brief_power, features, phase_floor, spectra
from workbench.frontend.speech_activity import speech_mask

SPEC = FrontEndSpec()
SPECS = {
    "default": SPEC,
    "padded window": FrontEndSpec(window=400, hop=200, n_fft=1000, n_mels=60),
    "dessa": FrontEndSpec(window=800, hop=200, n_fft=1000, n_mels=240, fmin_hz=0.0, fmax_hz=8000.0, unit_gain=False),
}


LIBROSAS = Path(__file__).with_name("librosa_log_mel.npz")
"""What `librosas_log_mel` gives for `noise` and each of `SPECS`; the slow test makes it anew."""


def noise():
    return (0.1 * np.random.default_rng(4).standard_normal(3000)).astype(np.float32)


def librosas_log_mel(spec):
    """Features of `noise` through librosa's melspectrogram, with the same window, hop and filters."""
    librosa = pytest.importorskip("librosa", reason="needs the workbench extra")
    window = hann(spec.window)
    # librosa centres a shorter window in its FFT frame, which moves phases only; frames then start earlier by the pad.
    pad = (spec.n_fft - spec.window) // 2
    mel = librosa.feature.melspectrogram(
        y=np.pad(noise(), (pad, spec.n_fft)).astype(np.float64),
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
    logs = spec.log_gain * np.log(np.maximum(mel, spec.log_floor)) + spec.log_offset
    return np.clip(logs, spec.clip_low, spec.clip_high)


def test_features_are_librosas_log_mel():
    """Within 1e-4 of a scale where 20 dB are 1, by what librosa gave once."""
    with np.load(LIBROSAS) as stored:
        for name, spec in SPECS.items():
            found, _ = features(noise(), spec, SpeechSpec())
            np.testing.assert_allclose(found, stored[name][: len(found)], atol=1e-4)


@pytest.mark.slow
def test_what_is_stored_is_what_librosa_gives():
    librosa = pytest.importorskip("librosa", reason="needs the workbench extra")
    with np.load(LIBROSAS) as stored:
        for name, spec in SPECS.items():
            np.testing.assert_allclose(stored[name], librosas_log_mel(spec), atol=1e-6)
            options = {"sr": spec.sample_rate, "n_fft": spec.n_fft, "n_mels": spec.n_mels, "dtype": np.float64}
            expected = librosa.filters.mel(fmin=spec.fmin_hz, fmax=spec.fmax_hz, **options)
            np.testing.assert_allclose(mel_filters(spec), expected.T, atol=1e-12)


def test_the_split_dft_gives_the_powers_of_numpys_fft(rng):
    """Multiplying by the matrices, in the order that the graph does, equals |rfft|² through the mel filters."""
    spec = SPECS["padded window"]
    matrices = build_matrices(spec, SpeechSpec())
    frame = rng.standard_normal(spec.window)
    phases, bins = matrices.phases, len(matrices.outer)
    inner = matrices.inner @ (frame.reshape(-1, phases) * matrices.window)
    inner = inner.reshape(2, bins, phases).transpose(1, 0, 2).reshape(bins, 1, 2 * phases)
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


def test_speech_counts_and_silence_and_steady_hum_do_not(voice):
    voice = voice(2.0)
    hum = 0.05 * np.sin(2 * np.pi * 300.0 * np.arange(16000 * 20) / 16000).astype(np.float32)
    masks = [speech_mask(features(s, SPEC, SpeechSpec())[1], SPEC, SpeechSpec()) for s in (voice, 0 * voice, hum)]
    assert masks[0].mean() > 0.6
    assert masks[1].max() == 0.0
    assert masks[2][-int(5 * SPEC.frames_per_s) :].max() == 0.0


def test_the_speech_measure_does_not_depend_on_level_above_the_floor(voice):
    voice = voice(4.0)
    # Pauses, as speech has them: the noise floor is learnt there.
    voice[np.arange(len(voice)) % 12000 > 8000] *= 0.01
    loud, quiet = (speech_mask(features(g * voice, SPEC, SpeechSpec())[1], SPEC, SpeechSpec()) for g in (1.0, 0.1))
    assert abs(loud.mean() - quiet.mean()) < 0.05


PHASE = FrontEndSpec(n_mels=96, mel_break_hz=4000.0, phase_advance=128)


def test_a_break_of_700_hz_is_the_textbook_mel_scale_and_a_high_one_is_linear():
    mels = 2595.0 * np.log10(1.0 + band_edges_hz(FrontEndSpec(mel_break_hz=700.0)) / 700.0)
    np.testing.assert_allclose(np.diff(mels), mels[1] - mels[0])
    linear = np.diff(band_edges_hz(FrontEndSpec(mel_break_hz=1e9)))
    np.testing.assert_allclose(linear, linear[0], rtol=1e-4)
    assert band_edges_hz(FrontEndSpec())[-1] == pytest.approx(mel_to_hz(np.array(hz_to_mel(7600.0))))


def _advance(samples):
    found, _ = features(samples.astype(np.float32), PHASE, SpeechSpec())
    return found[:, PHASE.n_mels :].reshape(len(found), PHASE.n_mels, 2)


@pytest.mark.parametrize("offset_hz", [-10.0, 0.0, 7.5])
def test_the_phase_of_a_tone_is_its_distance_from_the_bins_centre(offset_hz):
    """A tone d Hz off a bin's centre turns 2 pi d a / rate further than the centre; one narrow band is one bin."""
    spec = FrontEndSpec(n_mels=253, mel_break_hz=1e9, fmin_hz=31.25, fmax_hz=31.25 * 255, phase_advance=128)
    tone = 0.5 * np.sin(2 * np.pi * (1000.0 + offset_hz) * np.arange(16000) / 16000)
    found, _ = features(tone.astype(np.float32), spec, SpeechSpec())
    real, imaginary = found[5:, 253:].reshape(-1, 253, 2)[:, 30].T  # edges at bins 31, 32, 33: 1000 Hz alone
    np.testing.assert_allclose(np.arctan2(imaginary, real), 2 * np.pi * offset_hz * 128 / 16000, atol=0.01)
    np.testing.assert_allclose(np.hypot(real, imaginary), 1.0, atol=0.01)


def test_noise_has_short_phase_vectors_and_level_does_not_change_them(rng):
    noise = 0.1 * rng.standard_normal(32000)
    loud, quiet = _advance(noise), _advance(0.5 * noise)
    assert 0.5 < np.hypot(loud[..., 0], loud[..., 1]).mean() < 0.85
    np.testing.assert_allclose(loud[2:], quiet[2:], atol=0.03)
    np.testing.assert_array_equal(_advance(np.zeros(8000)), 0.0)


def test_a_floor_below_the_voices_peak_makes_a_quiet_recording_read_as_a_loud_one(rng):
    spec = FrontEndSpec(n_mels=96, mel_break_hz=4000.0, phase_advance=128, phase_range_db=60.0)
    noise = rng.standard_normal(32000) * np.linspace(0.0, 0.2, 32000)
    loud, quiet = (features((gain * noise).astype(np.float32), spec, SpeechSpec())[0] for gain in (1.0, 0.01))
    np.testing.assert_allclose(quiet[5:, 96:], loud[5:, 96:], atol=1e-3)
    fixed = features((0.01 * noise).astype(np.float32), PHASE, SpeechSpec())[0]
    assert np.abs(fixed[5:, 96:] - loud[5:, 96:]).max() > 0.1


def test_the_floor_follows_the_peak_as_the_speech_measure_has_it():
    """A hop of -20 dB, then silence: the floor lies 60 dB under a peak that falls 6 dB a second."""
    spec, speech = FrontEndSpec(n_mels=96, mel_break_hz=4000.0, phase_advance=128, phase_range_db=60.0), SpeechSpec()
    floor = phase_floor(np.array([-20.0, -120.0, -120.0]), spec, speech)
    fall = 6.0 / spec.frames_per_s
    np.testing.assert_allclose(10.0 * np.log10(floor[:, 0]), [-80.0, -80.0 - fall, -80.0 - 2 * fall])
    np.testing.assert_array_equal(phase_floor(np.zeros(2), PHASE, speech), PHASE.phase_floor)


LONG = FrontEndSpec(n_mels=200, phase_mels=96, mel_break_hz=8000.0, phase_advance=64, power_window=1024)


def test_a_long_power_window_keeps_the_bins_and_tells_neighbouring_partials_apart():
    """Two partials 35 Hz apart, one bin and a little: a window of 1,024 samples has a dip between them."""
    time = np.arange(16000) / 16000
    pair = 0.2 * (np.sin(2 * np.pi * 1000.0 * time) + np.sin(2 * np.pi * 1062.5 * time)).astype(np.float32)
    depth = []
    for spec in (LONG, replace(LONG, power_window=0)):
        bands = spectra(pair, spec, spec.power_window or spec.window, spec.hop)[10:]
        power = np.median(np.abs(bands[:, 32:35]) ** 2, axis=0)  # 1000, 1031.25 and 1062.5 Hz
        depth.append(power[1] / np.sqrt(power[0] * power[2]))
    assert depth[0] < 0.1
    assert depth[1] > 0.4


def test_a_folded_window_gives_every_second_bin_of_the_long_transform(rng):
    samples = rng.standard_normal(4096).astype(np.float32)
    found = spectra(samples, LONG, 1024, 256)
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::256] * hann(1024) / hann(1024).sum()
    np.testing.assert_allclose(found, np.fft.rfft(frames)[:, ::2], atol=1e-9)


def test_power_and_phase_have_bands_of_their_own_and_end_with_the_same_sample(rng):
    assert (LONG.n_features, LONG.phase_bands, LONG.overlap) == (200 + 2 * 96, 96, 768)
    samples = np.zeros(LONG.overlap + 20 * LONG.hop, np.float32)
    samples[-LONG.hop :] = 0.1 * rng.standard_normal(LONG.hop)
    found, level_db = features(samples, LONG, SpeechSpec())
    assert found.shape == (20, 392)
    silent = np.abs(found[:-1] - found[0]).max(axis=1)
    assert silent.max() == 0.0
    assert np.abs(found[-1, :200] - found[0, :200]).min() > 0.0
    assert np.hypot(found[-1, 200::2], found[-1, 201::2]).min() > 0.0
    assert level_db[-1] > -60.0 > level_db[-2]


BRIEF = FrontEndSpec(brief_window=64)


def test_the_4_ms_spectrum_shows_when_within_a_frame_something_sounded():
    """A click of one sample is in the four windows of 4 ms that hold it, and nowhere else."""
    assert (BRIEF.brief_bands, BRIEF.brief_rows, BRIEF.n_features) == (32, 16, 80 + 16 * 32)
    samples = np.zeros(BRIEF.overlap + 4 * BRIEF.hop, np.float32)
    samples[BRIEF.overlap + 2 * BRIEF.hop + 5 * 16 + 3] = 0.5
    found, _ = features(samples, BRIEF, SpeechSpec())
    rows = found[:, 80:].reshape(4 * 16, 32)
    above = np.flatnonzero((rows > rows.min()).all(axis=1))
    assert above.tolist() == [2 * 16 + 5, 2 * 16 + 6, 2 * 16 + 7, 2 * 16 + 8]


def test_a_full_scale_tone_has_a_quarter_in_its_bin_of_the_4_ms_spectrum():
    samples = np.sin(2 * np.pi * 2000.0 * np.arange(BRIEF.overlap + BRIEF.hop) / 16000).astype(np.float32)
    power = brief_power(samples, BRIEF)
    assert power.shape == (16, 32)
    np.testing.assert_allclose(power[:, 2000 // 250 - 1], 0.25, rtol=1e-3)
    assert power[:, 20:].max() < 1e-6
