"""A layer that is written once streams, quantises and folds by itself: squeeze and excitation, in under 20 lines."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

import tf_keras  # noqa: E402

from edge.contract import Contract  # noqa: E402
from edge.model import Model  # noqa: E402
from edge.stream import StreamScorer  # noqa: E402
from tests.workbench.conftest import stream_through  # noqa: E402
from workbench.deploy.export import export_tflite, state_names  # noqa: E402
from workbench.deploy.fold import count_parameters, fold  # noqa: E402
from workbench.deploy.int8 import set_ranges  # noqa: E402
from workbench.models import tcn  # noqa: E402
from workbench.models.blocks import FOLDED, INT8, Causal, Quantised  # noqa: E402
from workbench.models.network import Network  # noqa: E402

pytestmark = pytest.mark.slow

PAST, CHUNK, SAMPLES = 15, 1024, 10 * 1024


class Excite(tf_keras.layers.Layer):
    """Scale each channel by what the last frames hold (Hu et al. 2018): [B, PAST + T, 1, C] to [B, T, 1, C]."""

    def build(self, shape):
        self.squeeze = tf_keras.layers.Dense(4, "relu")
        self.excite = tf_keras.layers.Dense(shape[-1], "sigmoid")

    def call(self, frames):
        means = tf.nn.avg_pool2d(frames, (PAST + 1, 1), 1, "VALID")
        return frames[:, PAST:] * self.excite(self.squeeze(means))


def excited(model, frontend):
    features, stack, *rest = tcn.blocks(model, frontend)
    return [features, stack, Causal(Quantised(Excite(name="excite")), PAST), *rest]


@pytest.fixture(scope="module")
def trained():
    from tests.workbench.conftest import tiny_config

    tf_keras.utils.set_random_seed(5)
    network = Network(tiny_config(model={"chunk_samples": CHUNK}), family=excited)
    model, rng = network.raw_score_model(network.chunk_frames), np.random.default_rng(5)
    model.set_weights([w + 0.3 * np.abs(rng.standard_normal(w.shape)) for w in model.get_weights()])
    return network


@pytest.fixture(scope="module")
def samples():
    from tests.workbench.conftest import make_voice

    return make_voice(np.random.default_rng(6), SAMPLES / 16000)


@pytest.fixture(scope="module")
def whole(trained, samples):
    """What the network makes of the whole clip."""
    found = trained.clip_model(SAMPLES)(samples[None]).numpy()[0]
    assert np.ptp(found) > 0.05
    return found


def test_it_streams(trained, samples, whole):
    np.testing.assert_allclose(stream_through(trained, samples), whole, atol=1e-3)


@pytest.mark.parametrize(("form", "share"), [(FOLDED, 1e-3), (INT8, 0.05)])
def test_its_tflite_agrees_with_keras_whole_and_cut_anywhere(trained, samples, whole, tmp_path, form, share):
    """Every weight of it arrives; int8 stays within a twentieth of what the raw score varies by."""
    deployed = fold(trained, form)
    if form is INT8:
        features, mask = trained.feature_model(SAMPLES)(samples[None])
        set_ranges(deployed, [(features, mask)], features.shape[1])
        kernels = [weight for weight, _, _ in deployed.layers["excite"]._weight_vars]
        assert [kernel.shape for kernel in kernels] == [(8, 4), (4, 8)]
    config = trained.config
    contract = Contract("excited", CHUNK, config.frontend, config.speech, state_names=state_names(deployed))
    assert "state_excite" in contract.state_names
    (tmp_path / "excited.tflite").write_bytes(export_tflite(deployed, contract))
    scorer = StreamScorer(Model.load(tmp_path / "excited.tflite"))
    for length in (SAMPLES, CHUNK, 333):
        scorer.reset()
        found = [score.value for at in range(0, SAMPLES, length) for score in scorer.feed(samples[at : at + length])]
        np.testing.assert_allclose(found, whole, atol=share * max(1.0, np.ptp(whole)))
    excite = 8 * 4 + 4 + 4 * 8 + 8
    assert count_parameters(deployed) == (3 * 40 * 8 + 8) + (3 * 8 * 8 + 8) + excite + 17 * 4 + 4 * 4 + 5
