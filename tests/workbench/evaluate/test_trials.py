"""Scoring goes through the runtime that ships, and a transmission meets each clip alike every time."""

from __future__ import annotations

import numpy as np
import pytest

from edge.catalog import default_model
from edge.model import Model
from edge.scoring import score_file
from workbench.data.manifest import Manifest, Row
from workbench.errors import EvaluationError
from workbench.evaluate.trials import Trial, estimate_snr_db, score_trials
from workbench.report.report import COLUMNS, write_trials
from workbench.transmissions import through_transmission


@pytest.fixture
def manifest(voices):
    root = voices[0].parent
    rows = [
        Row(f"{label}/{label}{i:02}.wav", label=label, split="dev") for label in ("bonafide", "spoof") for i in (0, 1)
    ]
    return Manifest(tuple(rows), root)


@pytest.fixture(scope="module")
def model():
    return Model.load(default_model())


def test_a_clean_trial_is_what_the_runtime_says(model, manifest):
    for trial in score_trials(model, manifest):
        score = score_file(model, manifest.root / trial.row.path)[0]
        assert (trial.verdict, trial.cm_score, trial.speech_s) == (score.verdict, score.cm_score, score.speech_s)
        assert trial.transmission == "clean"


def test_each_transmission_gives_one_more_trial_that_differs(model, manifest):
    trials = score_trials(model, manifest, transmissions=("g711-mu",), seed=4)
    assert [trial.transmission for trial in trials] == ["clean", "g711-mu"] * 4
    clean, heard = trials[:2]
    assert clean.row == heard.row
    assert clean.cm_score != heard.cm_score


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(model, manifest):
    many = Manifest(manifest.rows * 9, manifest.root)
    options = {"transmissions": ("g711-a",), "seed": 4}
    assert score_trials(model, many, jobs=2, **options) == score_trials(model, many, **options)


def test_a_clip_meets_the_same_transmission_for_the_same_seed_only(voice):
    samples = voice(1.0)

    def heard(seed, path):
        return through_transmission(samples, "telephone", 16000, path, seed)

    assert np.array_equal(heard(1, "a"), heard(1, "a"))
    assert not np.array_equal(heard(1, "a"), heard(2, "a"))
    assert not np.array_equal(heard(1, "a"), heard(1, "b"))


def test_all_clips_that_cannot_be_read_are_listed(model, tmp_path):
    (tmp_path / "text.wav").write_text("no audio at all, just words")
    with pytest.raises(EvaluationError, match="2 of 2 clips cannot be scored") as caught:
        score_trials(model, Manifest((Row("gone.wav"), Row("text.wav")), tmp_path))
    assert "gone.wav: no such file" in str(caught.value)
    assert "text.wav" in str(caught.value)


@pytest.mark.parametrize("snr_db", [5.0, 15.0, 25.0])
def test_snr_of_a_voice_that_pauses_in_steady_noise(voice, rng, snr_db):
    samples = voice(4.0).astype(np.float64)
    samples[16000:24000] = samples[40000:48000] = 0.0
    noise = rng.standard_normal(len(samples))
    spoken = np.abs(samples) > 0
    powers = [np.mean(in_band(part)[spoken] ** 2) for part in (samples, noise)]
    noise *= np.sqrt(powers[0] / powers[1]) * 10 ** (-snr_db / 20)
    assert estimate_snr_db((samples + noise).astype(np.float32)) == pytest.approx(snr_db, abs=2.0)


def in_band(samples):
    """What lies between 200 and 3800 Hz, the band of the runtime's speech measure."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / 16000)
    return np.fft.irfft(np.where((hz >= 200) & (hz <= 3800), spectrum, 0), len(samples))


def test_snr_cannot_be_told_without_speech():
    assert estimate_snr_db(np.zeros(16000, np.float32)) is None
    assert estimate_snr_db(np.zeros(10, np.float32)) is None


def test_snr_of_noise_alone_cannot_be_told(rng):
    assert estimate_snr_db(0.1 * rng.standard_normal(32000).astype(np.float32)) is None


def test_trials_are_kept_as_a_table(tmp_path):
    row = Row("a.wav", label="spoof", attack_id="A", source_repo="s")
    joined = Trial(row, "too_short", None, seconds=2.0, joined=("a.wav", "b.wav"))
    write_trials([Trial(row, "spoof", -1.25, "gsm"), joined], tmp_path / "t.tsv")
    lines = [line.split("\t") for line in (tmp_path / "t.tsv").read_text().splitlines()]
    assert tuple(lines[0]) == COLUMNS
    assert lines[1] == ["a.wav", "spoof", "A", "s", "gsm", "-", "-1.250000", "spoof"]
    assert lines[2] == ["a.wav + b.wav", "spoof", "A", "s", "clean", "2", "-", "too_short"]
