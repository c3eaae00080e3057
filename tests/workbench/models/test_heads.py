"""Evidence that is an angle: by hand, blind to length, and the same in the int8 file."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

import tf_keras  # noqa: E402

from edge.contract import Contract  # noqa: E402
from edge.model import Model  # noqa: E402
from edge.stream import StreamScorer  # noqa: E402
from workbench.config import ExperimentConfig, override  # noqa: E402
from workbench.deploy.export import count_parameters, export_tflite, state_names  # noqa: E402
from workbench.deploy.fold import calibrate, fold  # noqa: E402
from workbench.models.heads import CosineRawScore, make_head  # noqa: E402
from workbench.models.network import Network  # noqa: E402

SAMPLES = 6 * 4096


def test_one_direction_gives_the_scaled_cosine_from_the_centre():
    head = CosineRawScore(20.0, 0.55, 1)
    embeddings = tf.constant([[[3.0, 4.0], [0.0, -2.0]]])
    head(embeddings)
    head.set_weights([np.array([[10.0], [0.0]])])
    np.testing.assert_allclose(head(embeddings), [[[20 * (0.6 - 0.55)], [20 * (0.0 - 0.55)]]], rtol=1e-5)


def test_two_directions_give_the_scaled_difference_of_cosines():
    head = CosineRawScore(10.0, 0.0, 2)
    embeddings = tf.constant([[3.0, 4.0]])
    head(embeddings)
    head.set_weights([np.array([[2.0, 0.0], [0.0, -0.1]])])
    np.testing.assert_allclose(head(embeddings), [[10 * (0.6 + 0.8)]], rtol=1e-5)


def test_no_embedding_is_no_division_by_zero():
    head = CosineRawScore(20.0, 0.5, 1)
    np.testing.assert_allclose(head(tf.zeros([1, 4])), [[-10.0]], rtol=1e-6)


@pytest.mark.parametrize(("loss", "kind"), [("cross_entropy", tf_keras.layers.Dense), ("margin", CosineRawScore)])
def test_the_loss_decides_the_head(loss, kind):
    assert isinstance(make_head(override(ExperimentConfig(), "train", loss=loss).train, "head"), kind)


@pytest.mark.parametrize(("loss", "directions"), [("one_class", 1), ("margin", 2)])
@pytest.mark.parametrize("quantized", [False, True])
def test_the_deployed_file_computes_the_angle(make_config, voice, tmp_path, loss, directions, quantized):
    tf_keras.utils.set_random_seed(2)
    network = Network(make_config(train={"loss": loss}))
    network.raw_score_model(network.chunk_frames)
    deployed = fold(network, quantized=quantized)
    samples = voice(SAMPLES / 16000)[:SAMPLES]
    if quantized:
        features, mask = network.feature_model(SAMPLES)(samples[None, :])
        calibrate(deployed, [(features.numpy(), mask.numpy())], features.shape[1])
    contract = Contract(
        name="angle",
        chunk_samples=4096,
        frontend=network.config.frontend,
        speech=network.config.speech,
        state_names=state_names(deployed),
    )
    (tmp_path / "angle.tflite").write_bytes(export_tflite(deployed, contract))
    scorer = StreamScorer(Model.load(tmp_path / "angle.tflite"))
    found = [raw_score.value for raw_score in scorer.feed(samples)] + [raw_score.value for raw_score in scorer.flush()]
    expected = deployed.clip_model(SAMPLES)(samples[None, :]).numpy()[0]
    assert np.ptp(expected) > 0.05
    # A cosine is worth 20 nats. Emulated and real int8 round at the same places but for ties.
    np.testing.assert_allclose(found, expected, atol=0.03 if quantized else 2e-3)
    # Two blocks of 8 with biases, 4 hidden units with a norm, and the directions; no bias is left.
    assert count_parameters(deployed) == (3 * 40 * 8 + 8) + (3 * 8 * 8 + 8) + (16 * 4 + 4) + 4 * 4 + 4 * directions
