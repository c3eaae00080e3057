"""TensorBoard is read back: what was logged, when, and that the sound is the training batch's own."""

from __future__ import annotations

import io
import wave
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

from workbench.data.manifest import split_by_group  # noqa: E402
from workbench.data.readers import two_folders  # noqa: E402
from workbench.train.descent import fit  # noqa: E402
from workbench.train.experiment import prepare  # noqa: E402
from workbench.train.runs import RunFolder  # noqa: E402
from workbench.train.tensorboard_views import feature_image, speech_only  # noqa: E402


@contextmanager
def _quiet(epoch, steps):
    class Bar:
        def update(self, loss):
            pass

        def finish(self, record):
            pass

    yield Bar()


def read_back(folder):
    """Map each tag to its (step, value) pairs, in the order in which they were written."""
    found = {}
    for file in sorted(folder.glob("events.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, tf.make_ndarray(value.tensor)))
    return found


@pytest.fixture
def train(make_config, voices, tmp_path):
    found = two_folders(*voices)
    manifest = replace(found, rows=split_by_group(found.rows, 0.25, 0))

    def run(**settings):
        config = make_config(descent={"epochs": 6, "steps_per_epoch": 2, "early_stopping_epochs": 9, **settings})
        experiment = prepare(config, manifest, tmp_path / "cache")
        folder = RunFolder(tmp_path / "run")
        folder.path.mkdir()
        fit(experiment.network, experiment.loader, [experiment.dev], folder, _quiet)
        return experiment, read_back(folder.tensorboard)

    return run


@pytest.mark.slow
def test_a_run_shows_its_features_its_clips_and_its_raw_score(train):
    experiment, found = train()
    steps = {tag: [step for step, _ in values] for tag, values in found.items()}
    assert {"loss", "dev_eer", "dev_auc"} <= set(steps)
    assert steps["learning_rate"] == steps["dev_raw_score/bonafide"] == steps["dev_raw_score/spoof"] == [*range(6)]
    assert steps["train_features/bonafide"] == steps["train_audio/spoof"] == [0, 5]
    assert steps["dev_features/spoof/0"] == [0]
    rates = [float(value) for _, value in found["learning_rate"]]
    assert max(rates) == pytest.approx(1e-3, rel=0.2)
    assert rates[0] < 0.2 * max(rates)
    assert rates[-1] < 0.1 * max(rates)
    # A histogram is [buckets, (left, right, count)]: every dev clip of the class is in it.
    spoof = sum(row.label == "spoof" for row in experiment.dev.rows)
    assert found["dev_raw_score/spoof"][0][1][:, 2].sum() == spoof
    # Pictures: width, height, then one PNG a clip; 40 bands and as many frames as the training clips have.
    width, height, *pictures = found["train_features/spoof"][0][1]
    frames = experiment.loader.clip_samples // experiment.network.config.frontend.hop
    assert (int(width), int(height)) == (3 * frames, 3 * 40)
    assert len(pictures) == 2
    assert all(data.startswith(b"\x89PNG") for data in pictures)


@pytest.mark.slow
def test_the_sound_is_that_of_the_epochs_first_batch(train):
    experiment, found = train(epochs=1)
    batch = experiment.loader.batch(0, 0)
    clips = found["train_audio/bonafide"][0][1]
    for (data, _), samples in zip(clips, batch.samples[batch.labels > 0.5], strict=True):
        with wave.open(io.BytesIO(data)) as file:
            assert file.getframerate() == 16000
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0
        np.testing.assert_allclose(sound, samples, atol=2e-4)


@pytest.mark.slow
def test_no_recording_is_kept_where_that_is_asked_for(train):
    _, found = train(tensorboard_audio=False, epochs=1)
    assert not [tag for tag in found if "audio" in tag]
    assert "train_features/spoof" in found


def test_a_feature_image_has_time_to_the_right_and_the_lowest_band_at_the_bottom():
    features = np.zeros((5, 1, 4), np.float32)
    features[3, 0, 0] = 1.0
    drawn = feature_image(features).astype(int).sum(axis=2)
    assert drawn.shape == (12, 15)
    assert {*map(tuple, np.argwhere(drawn == drawn.max()))} == {(y, x) for y in (9, 10, 11) for x in (9, 10, 11)}


def test_the_padding_of_a_clip_is_left_out():
    features = np.arange(6, dtype=np.float32).reshape(6, 1, 1)
    assert len(speech_only(features, np.array([0, 1, 0, 1, 0, 0], np.float32))) == 4
    assert len(speech_only(features, np.zeros(6, np.float32))) == 6
