"""Cuts hold the speech that was asked for, joins keep to one voice, and lengths are compared on the same recordings."""

from __future__ import annotations

import numpy as np
import pytest

from edge.catalog import default_model
from edge.model import Model
from edge.scoring import score_samples
from workbench.data.manifest import Manifest, Row
from workbench.evaluate.durations import cut_to_speech, score_durations, summarise_durations
from workbench.evaluate.trials import Trial


@pytest.fixture(scope="module")
def model():
    return Model.load(default_model())


@pytest.mark.parametrize("name", ["bonafone-tcn-v1", "bonafone-patch-v6"])
def test_every_model_counts_the_speech_of_a_cut_by_its_own_window(name, voice):
    other = Model.load(default_model().with_name(f"{name}.tflite"))
    part = cut_to_speech(voice(4.0), 2.0, other.contract)
    assert 2.0 <= score_samples(other, part).speech_s < 2.04


@pytest.mark.parametrize("seconds", [1.0, 2.0])
def test_a_cut_holds_the_speech_that_the_runtime_counts(model, voice, seconds):
    samples = np.concatenate([np.zeros(8000, np.float32), voice(4.0)])
    part = cut_to_speech(samples, seconds, model.contract)
    assert np.array_equal(part, samples[: len(part)])
    decision = score_samples(model, part)
    assert seconds <= decision.speech_s < seconds + 0.04
    assert decision.cm_score is not None


def test_pauses_do_not_count(model, voice):
    samples = voice(4.0)
    paused = np.concatenate([samples[:8000], np.zeros(16000, np.float32), samples[8000:]])
    lengths = [len(cut_to_speech(heard, 2.0, model.contract)) for heard in (samples, paused)]
    assert lengths[1] > lengths[0] + 12000


def test_too_little_speech_is_not_cut(model, voice):
    assert cut_to_speech(voice(1.0), 2.0, model.contract) is None
    assert cut_to_speech(np.zeros(100, np.float32), 0.5, model.contract) is None


@pytest.fixture
def spoken(tmp_path, voice, write_recording):
    """Two-second clips: three of ann, one of bob, and four of one attack in two sources."""
    rows = []
    for index in range(4):
        write_recording(tmp_path / f"b{index}.wav", voice(2.0))
        speaker = "bob" if index == 3 else "ann"
        rows.append(Row(f"b{index}.wav", "dev", "bonafide", speaker_id=speaker, source_repo="s0"))
    for index in range(4):
        write_recording(tmp_path / f"s{index}.wav", voice(2.0, spoof=True))
        rows.append(Row(f"s{index}.wav", "dev", "spoof", "A", speaker_id="ann", source_repo=f"s{index % 2}"))
    return Manifest(tuple(rows), tmp_path)


def test_only_clips_of_one_voice_attack_and_source_are_joined(model, spoken):
    trials = score_durations(model, spoken, (1.0, 3.0))
    assert {trial.joined for trial in trials} == {
        ("b0.wav", "b1.wav"),
        ("s0.wav", "s2.wav"),
        ("s1.wav", "s3.wav"),
    }
    assert sorted(trial.seconds for trial in trials) == [1.0] * 3 + [3.0] * 3
    assert all(trial.speech_s == pytest.approx(trial.seconds, abs=0.05) for trial in trials)


def test_a_clip_that_is_long_enough_stays_alone(model, spoken):
    trials = score_durations(model, spoken, (1.0,))
    assert all(len(trial.joined) == 1 for trial in trials)
    assert len(trials) == 8


def made(lengths):
    """Ten recordings of each class; ``lengths`` maps seconds to how many of each class score on the wrong side."""
    trials = []
    for seconds, wrong in lengths.items():
        for label, sign in (("bonafide", 1.0), ("spoof", -1.0)):
            for index in range(10):
                row = Row(f"{label}{index}", label=label, source_repo=f"s{index % 4}", speaker_id="-")
                score = sign * (-1.0 if index < wrong else 1.0)
                paths = (row.path, f"{row.path}+") if index < 3 else (row.path,)
                trials.append(Trial(row, "uncertain", score, seconds=seconds, joined=paths))
    return trials


def test_ratios_by_hand():
    found = summarise_durations(made({1.0: 4, 2.0: 2, 4.0: 2}))
    assert [group["eer"]["value"] for group in found["groups"]] == pytest.approx([0.4, 0.2, 0.2])
    first, second = found["ratios"]
    assert (first["shorter"], first["longer"]) == (1.0, 2.0)
    assert first["eer_ratio"]["value"] == pytest.approx(0.5)
    assert second["eer_ratio"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert second["auc_difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert (found["trials"], found["joined"], found["clips"], found["unknown_speaker"]) == (20, 6, 26, 6)


def test_without_an_error_there_is_no_ratio():
    found = summarise_durations(made({1.0: 0, 2.0: 0}))
    assert found["ratios"][0]["eer_ratio"] is None
