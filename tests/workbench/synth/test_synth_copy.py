"""The copy engines: same length and time, same voice by its envelope, another wave form; and what each varies."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import SynthesisError
from workbench.synth import hifigan as mels
from workbench.synth.lpc import LinearPrediction, track_pitch
from workbench.synth.vocoders import GriffinLim, PartialBand, World, smooth_pitch

RATE = 16000


def envelope(samples, hop=400):
    return np.sqrt(np.mean(samples[: len(samples) // hop * hop].reshape(-1, hop) ** 2, axis=1))


def delay_of(copy, original):
    """Samples by which the loudness of ``copy`` lags."""
    # Over three pitch periods, or the lag would be one of those.
    left, right = (np.convolve(np.abs(part), np.hanning(800), mode="same") for part in (copy, original))
    size = 2 * len(left)
    lags = np.fft.irfft(np.fft.rfft(left - left.mean(), size) * np.conj(np.fft.rfft(right - right.mean(), size)))
    best = int(np.argmax(lags))
    return best if best < len(left) else best - size


@pytest.fixture
def syllables(rng):
    """Bursts of a buzz at 120 Hz through two resonances, of different lengths, with pauses between them."""
    from scipy.signal import lfilter

    pulses = np.zeros(2 * RATE)
    pulses[:: RATE // 120] = 1.0
    for hz, width in ((700, 80), (1800, 120), (3200, 200)):
        radius = np.exp(-np.pi * width / RATE)
        pulses = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * hz / RATE), radius**2], pulses)
    gate = np.repeat([0, 1, 0, 1, 1, 0, 1, 1, 1, 0], RATE // 5)
    gate = np.convolve(gate, np.ones(400) / 400, mode="same")
    samples = pulses * gate + 1e-4 * np.abs(pulses).max() * rng.standard_normal(2 * RATE)
    return (0.5 * samples / np.abs(samples).max()).astype(np.float32)


@pytest.mark.parametrize("engine", [World, pytest.param(GriffinLim, marks=pytest.mark.slow), LinearPrediction])
def test_a_copy_runs_in_its_originals_time_but_is_another_wave(engine, syllables):
    if engine is World:
        pytest.importorskip("pyworld")
    for seed in range(3):
        made = engine().copy(syllables, RATE, np.random.default_rng(seed))
        assert made.aligned
        samples = np.pad(made.samples, (0, max(0, len(syllables) - len(made.samples))))[: len(syllables)]
        assert np.corrcoef(envelope(samples), envelope(syllables))[0, 1] > 0.9
        assert abs(delay_of(samples, syllables)) <= 0.01 * RATE
        assert abs(np.corrcoef(samples, syllables)[0, 1]) < 0.98


@pytest.mark.parametrize("engine", [World, pytest.param(GriffinLim, marks=pytest.mark.slow), LinearPrediction])
def test_a_copy_depends_on_the_generator_alone(engine, syllables):
    if engine is World:
        pytest.importorskip("pyworld")
    first, again, other = (engine().copy(syllables, RATE, np.random.default_rng(seed)).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other[: len(first)])


def test_linear_prediction_keeps_the_formants(syllables):
    made = LinearPrediction().copy(syllables, RATE, np.random.default_rng(0)).samples

    def strongest(samples, low_hz, high_hz):
        power = np.convolve(np.abs(np.fft.rfft(samples)) ** 2, np.ones(301), mode="same")
        hz = np.fft.rfftfreq(len(samples), 1 / RATE)
        inside = (hz > low_hz) & (hz < high_hz)
        return hz[inside][np.argmax(power[inside])]

    for low_hz, high_hz in ((400, 1200), (1400, 2400)):
        assert strongest(made, low_hz, high_hz) == pytest.approx(strongest(syllables, low_hz, high_hz), abs=130)


def test_pitch_is_found_and_noise_has_none(syllables, rng):
    pitch = track_pitch(syllables, RATE, 160)
    voiced = pitch[pitch > 0]
    assert np.median(voiced) == pytest.approx(120, rel=0.03)
    assert np.mean(track_pitch(rng.standard_normal(RATE).astype(np.float32), RATE, 160) > 0) < 0.1


def test_smoothing_a_pitch_track_narrows_it_about_its_mean_and_leaves_gaps():
    f0 = np.array([0.0, 100.0, 200.0, 100.0, 0.0, 200.0, 0.0])
    narrowed = smooth_pitch(f0, 0.0, 0.5)
    assert np.array_equal(narrowed == 0, f0 == 0)
    logs, before = np.log(narrowed[narrowed > 0]), np.log(f0[f0 > 0])
    assert logs.mean() == pytest.approx(before.mean())
    assert logs.std() == pytest.approx(0.5 * before.std())
    assert np.ptp(smooth_pitch(f0, 1.0, 1.0)[1:4]) < 100


def test_psola_moves_the_pitch_or_the_pace(syllables):
    pytest.importorskip("parselmouth")
    from workbench.synth.vocoders import Psola

    made = [Psola().copy(syllables, RATE, np.random.default_rng(seed)) for seed in range(8)]
    for speech in made:
        assert speech.aligned == (len(speech.samples) == len(syllables))
    pitches = [np.median(pitch[pitch > 0]) for pitch in (track_pitch(s.samples, RATE, 160) for s in made)]
    assert min(pitches) < 0.97 * 120 < 1.03 * 120 < max(pitches)


def test_a_partial_copy_leaves_the_other_band_alone(syllables):
    class Noise:
        def copy(self, samples, sample_rate, rng):
            from workbench.synth.engine import Speech

            return Speech(0.1 * rng.standard_normal(len(samples)).astype(np.float32), sample_rate, reach_hz=7500.0)

    seen = set()
    for seed in range(6):
        made = PartialBand(Noise()).copy(syllables, RATE, np.random.default_rng(seed))
        seen.add(made.variant)
        kept = slice(0, 900) if made.variant == "high band" else slice(5000, 7900)
        changed = slice(5000, 7000) if made.variant == "high band" else slice(100, 900)
        difference = np.abs(np.fft.rfft(made.samples - syllables))
        bins = len(difference) / 8000
        at = [difference[int(part.start * bins) : int(part.stop * bins)].mean() for part in (kept, changed)]
        assert at[0] < 0.01 * at[1]
    assert seen == {"high band", "low band"}


@pytest.mark.slow
def test_the_mel_spectrogram_agrees_with_librosa(rng):
    import librosa

    samples = (0.1 * rng.standard_normal(mels.RATE)).astype(np.float32)
    edge = (mels.N_FFT - mels.HOP) // 2
    padded = np.pad(samples, (edge, edge), mode="reflect")
    spectrum = np.abs(librosa.stft(padded, n_fft=mels.N_FFT, hop_length=mels.HOP, center=False))
    filters = librosa.filters.mel(sr=mels.RATE, n_fft=mels.N_FFT, n_mels=mels.N_MELS, fmin=0, fmax=mels.MAX_HZ)
    expected = np.log(np.maximum(1e-5, filters @ spectrum))
    found = mels.log_mel(samples)
    assert found.shape == (mels.N_MELS, -(-len(samples) // mels.HOP))
    assert np.abs(found[:, : expected.shape[1]] - expected).max() < 1e-3


def test_what_is_done_to_spectrograms(rng):
    mel = rng.standard_normal((80, 100)).astype(np.float32)
    assert mels.smooth_mel(mel, 2.0, 0.0).std() < 0.5
    assert mels.smooth_mel(mel, 0.0, 0.0) == pytest.approx(mel)
    stretched = mels.stretch_mel(mel, 1.2)
    assert stretched.shape == (80, 120)
    assert stretched[:, [0, -1]] == pytest.approx(mel[:, [0, -1]])
    rough = mels.roughen(mel, 0.0, 0.5, rng)
    assert np.array_equal(rough, np.round(2 * mel) / 2)
    swell = np.linspace(0, 4, 100, dtype=np.float32) + np.zeros((80, 1), np.float32)
    assert np.ptp(mels.flatten_energy(swell, 0.5)[0, 30:]) < 0.65 * np.ptp(swell[0, 30:])


def test_a_clip_without_anything_to_copy_is_refused_with_the_reason():
    short = np.zeros(100, np.float32)
    with pytest.raises(SynthesisError, match=r"linear prediction needs 1600 samples; the clip has 100"):
        LinearPrediction().copy(short, RATE, np.random.default_rng(0))
    with pytest.raises(SynthesisError, match=r"Griffin-Lim needs \d+ samples; the clip has 100"):
        GriffinLim().copy(short, RATE, np.random.default_rng(0))
    pytest.importorskip("pyworld")
    with pytest.raises(SynthesisError, match="WORLD finds no voiced speech in the clip"):
        World().copy(np.zeros(RATE, np.float32), RATE, np.random.default_rng(0))


def test_hifigan_copies_plain_smoothed_and_shifted(syllables):
    from workbench.synth.hifigan import MODEL, VARIANTS, HifiGan

    engines = Path(os.environ.get("BONAFONE_ENGINES", Path.home() / ".cache" / "bonafone" / "engines"))
    if not (engines / MODEL).exists():
        pytest.skip(f"{engines / MODEL} is not there; tools/fetch_engines.py fetches it")
    pytest.importorskip("onnxruntime")
    for variant in VARIANTS:
        made = HifiGan(engines, variant).copy(syllables, RATE, np.random.default_rng(3))
        assert made.variant == variant
        if made.aligned:
            assert len(made.samples) == len(syllables)
            assert np.corrcoef(envelope(made.samples), envelope(syllables))[0, 1] > 0.8
