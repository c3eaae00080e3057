"""Teachers answer in one scale, whatever their architecture and front end, and hear what they are said to hear."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.data.manifest import split_by_group
from workbench.data.readers import two_folders
from workbench.errors import TrainingError
from workbench.evaluate.calibration import Calibration
from workbench.models.network import Network
from workbench.train.descent import FeatureSource
from workbench.train.dev import score_dev
from workbench.train.distillation import Teacher, Teachers, load_teachers, soften_targets
from workbench.train.earlier_runs import trained_network
from workbench.train.experiment import prepare
from workbench.train.runs import RunFolder, RunInfo

ODD = {
    "frontend": {"n_mels": 30, "window": 400, "hop": 200, "n_fft": 512},
    "model": {"widths": [6], "dilations": [1], "chunk_samples": 1000},
}


@pytest.fixture
def experiment(make_config, voices, tmp_path):
    found = two_folders(*voices)
    manifest = replace(found, rows=split_by_group(found.rows, 0.5, 0))
    config = make_config(train={"distillation": 0.5}, augment={"noise": 1.0, "noise_snr_db": [0.0, 5.0]})
    return prepare(config, manifest, tmp_path / "cache")


@pytest.fixture
def save_run(tmp_path):
    def save(network, name="teacher"):
        folder = RunFolder(tmp_path / name)
        folder.create(RunInfo(network.config, "/m.tsv", "/", "ab" * 32, "", "", {}))
        folder.save_weights(network.raw_score_model(network.chunk_frames))
        return folder.path

    return save


def test_targets_between_label_and_teacher():
    """A probability of 3/4 is a target of 1/2; at temperature 2 the evidence is twice as much for it."""
    bonafide, taught = np.array([True, False]), np.log(3.0) * np.ones(2, np.float32)
    np.testing.assert_allclose(soften_targets(bonafide, taught, 0.0, 1.0), [1.0, -1.0])
    np.testing.assert_allclose(soften_targets(bonafide, taught, 1.0, 1.0), [0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(soften_targets(bonafide, 2 * taught, 0.4, 2.0), [0.8, -0.4], rtol=1e-6)


def test_a_teacher_of_other_frames_and_chunks_hears_the_same_clip(make_config, voice):
    """16,384 samples are no multiple of 1,000: what is padded is silence, and the evidence stays where it was."""
    network = Network(make_config(**ODD))
    samples = np.stack([voice(1.024), voice(1.024, spoof=True)])
    found = Teacher(network, Calibration(2.0, -1.0))(samples)
    expected = network.clip_model(16000)(samples[:, :16000]).numpy()[:, -1]
    assert found.shape == (2,)
    np.testing.assert_allclose(found, 2.0 * expected - 1.0, atol=0.05)


def test_an_ensemble_is_the_mean_of_its_raw_score():
    teachers = Teachers([lambda samples: samples[:, 0], lambda samples: 3.0 * samples[:, 1]])
    np.testing.assert_array_equal(teachers(np.array([[1.0, 1.0], [2.0, 0.0]], np.float32)), [2.0, 1.0])


def oriented(network, experiment, scale):
    """The network with its last layer scaled so that it leans the right way on dev."""
    from workbench.train.dev import prepare_dev

    rows = experiment.dev.rows
    network.raw_score_model(network.chunk_frames)
    scores = score_dev(network, prepare_dev(network, experiment.dev_cache, rows, range(len(rows))))
    bonafide = np.array([row.label == "bonafide" for row in rows])
    sign = np.sign(scores[bonafide].mean() - scores[~bonafide].mean())
    layer = network.layers["head_raw_score"]
    layer.set_weights([sign * scale * weight for weight in layer.get_weights()])
    return network


def test_teachers_are_calibrated_before_they_are_averaged(make_config, experiment, save_run):
    """The scale in which a teacher answers does not matter: one a hundred times as loud says the same."""
    network = oriented(Network(make_config(**ODD)), experiment, 1.0)
    quiet = save_run(network, "quiet")
    layer = network.layers["head_raw_score"]
    layer.set_weights([100.0 * weight for weight in layer.get_weights()])
    loud = save_run(network, "loud")
    samples = experiment.loader.batch(0, 0).samples
    found = [load_teachers([run], experiment)(samples) for run in (quiet, loud)]
    assert np.ptp(found[0]) > 0.01
    np.testing.assert_allclose(found[0], found[1], rtol=0.01, atol=0.01)
    both = load_teachers([quiet, loud], experiment)(samples)
    np.testing.assert_allclose(both, (found[0] + found[1]) / 2, rtol=1e-4, atol=1e-4)


def test_a_teacher_that_leans_the_wrong_way_is_refused(make_config, experiment, save_run):
    run = save_run(oriented(Network(make_config(**ODD)), experiment, -1.0))
    with pytest.raises(TrainingError, match=r"cannot teach: .*does not tell bona fide from spoof"):
        load_teachers([run], experiment)


def test_a_teacher_of_another_sample_rate_is_refused(make_config, experiment, save_run):
    frontend = {"sample_rate": 8000, "fmax_hz": 3800.0}
    run = save_run(Network(make_config(frontend=frontend)))
    with pytest.raises(TrainingError, match="this teacher hears 8000 Hz and the student 16000 Hz"):
        load_teachers([run], experiment)


@pytest.mark.parametrize("hears", ["clean", "same"])
def test_the_teacher_hears_the_clip_clean_or_as_the_student_does(experiment, make_config, hears):
    loader = replace(experiment.loader, keep_clean=hears == "clean")
    heard = []

    def teacher(samples):
        heard.append(samples)
        return samples[:, 100]

    source = FeatureSource(experiment.network, loader, Teachers([teacher]))
    (lesson,) = source.lessons(0, 1)
    batch = loader.batch(0, 0)
    expected = batch.clean if hears == "clean" else batch.samples
    np.testing.assert_array_equal(heard[0], expected)
    np.testing.assert_allclose(lesson.taught, expected[:, 100])
    # Whatever the teacher hears, the student hears the noise.
    (other,) = FeatureSource(experiment.network, experiment.loader).lessons(0, 1)
    np.testing.assert_array_equal(lesson.features, other.features)
    assert not other.taught.any()


def test_a_saved_teacher_answers_as_it_did(make_config, experiment, save_run, voice):
    network = oriented(Network(make_config(**ODD)), experiment, 1.0)
    samples = voice(1.0)[None, :]
    expected = network.clip_model(16000)(samples).numpy()
    np.testing.assert_allclose(trained_network(save_run(network)).clip_model(16000)(samples), expected, atol=1e-6)
