"""The encoder and its fusion with patches: in a stream as over a whole clip, in Keras as in the `.tflite`."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

import librosa  # noqa: E402
import tf_keras  # noqa: E402

from edge.contract import Contract  # noqa: E402
from edge.model import Model  # noqa: E402
from edge.stream import StreamScorer  # noqa: E402
from tests.workbench.conftest import ENCODER, stream_through  # noqa: E402
from workbench.config import load_config  # noqa: E402
from workbench.deploy.export import export_tflite, state_names  # noqa: E402
from workbench.deploy.fold import fold  # noqa: E402
from workbench.deploy.int8 import set_ranges  # noqa: E402
from workbench.models.attention import Span, sinusoids  # noqa: E402
from workbench.models.blocks import FOLDED, INT8, TRAINED, View, averaged  # noqa: E402
from workbench.models.log_mel import LogMel  # noqa: E402
from workbench.models.network import Network  # noqa: E402

CHUNK, CHUNKS = 2560, 12
"""160 ms; more chunks than two windows of attention, so that positions start again twice."""


def _network(make_config, **model):
    tf_keras.utils.set_random_seed(7)
    return Network(make_config(model={**ENCODER, **model}))


@pytest.fixture(scope="module")
def samples():
    from tests.workbench.conftest import make_voice

    voice = make_voice(np.random.default_rng(6), CHUNK * CHUNKS / 16000)
    voice[: 3 * CHUNK] *= 0.05  # the running reference rises after the start
    return voice


@pytest.fixture(params=["encoder", "fusion"])
def network(request, make_config):
    patches = {"patch_filters": 12, "patch_size": [3, 5], "patch_regions": 2, "head_units": 0, "batch_norm": False}
    return _network(make_config, **(patches if request.param == "fusion" else {}))


@pytest.mark.slow
def test_a_stream_gives_what_the_whole_clip_gives(network, samples):
    whole = network.clip_model(len(samples))(samples[None]).numpy()[0]
    assert np.ptp(whole) > 0.05
    np.testing.assert_allclose(stream_through(network, samples), whole, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "share"), [(FOLDED, 1e-3), (INT8, 0.1)])
def test_the_tflite_agrees_with_keras_however_it_is_cut(network, samples, tmp_path, form, share):
    """int8 stays within a tenth of what the raw score varies by."""
    whole = network.clip_model(len(samples))(samples[None]).numpy()[0]
    deployed = fold(network, form)
    if form is INT8:
        features, mask = network.feature_model(len(samples))(samples[None])
        set_ranges(deployed, [(features.numpy(), mask.numpy())], features.shape[1])
    config = network.config
    contract = Contract(
        name="tiny",
        chunk_samples=CHUNK,
        frontend=config.frontend,
        speech=config.speech,
        state_names=state_names(deployed),
        forgetting_s=config.model.forgetting_s,
    )
    path = tmp_path / "tiny.tflite"
    path.write_bytes(export_tflite(deployed, contract))
    scorer, found = StreamScorer(Model.load(path)), []
    for piece in np.array_split(samples, 9):
        found += [raw_score.value for raw_score in scorer.feed(piece)]
    np.testing.assert_allclose(found, whole, atol=share * np.ptp(whole))


def test_log_mel_is_librosas_less_a_running_maximum(samples):
    """Frames end with their hop, where librosa centres them; the reference falls by 1 dB a second."""
    frames = len(samples) // 160
    clip = tf_keras.Input((len(samples), 1, 1))
    scaled = tf_keras.Model(clip, LogMel("x")(clip, View({}, TRAINED)))(samples[None, :, None, None]).numpy()[0, :, 0]
    padded = np.pad(samples, (240, 0))
    power = librosa.feature.melspectrogram(
        y=padded, sr=16000, n_fft=400, hop_length=160, center=False, n_mels=80, power=2.0
    )
    logs = np.log10(np.maximum(power.T[:frames], 1e-10))
    reference, expected = -1.5, []
    for frame in logs:
        reference = max(reference - 0.001, frame.max())
        expected.append((np.maximum(frame, reference - 8.0) - reference + 5.5) / 4.0)
    np.testing.assert_allclose(scaled, expected, atol=2e-3)


def test_attention_spans_the_own_chunk_and_those_carried():
    hidden = Span(chunk=2, past=4).hidden_frames(10)
    for query in range(10):
        first = max((query // 2) * 2 - 4, 0)
        np.testing.assert_array_equal(np.flatnonzero(hidden[query] == 0), np.arange(first, (query // 2) * 2 + 2))


def test_sinusoids_are_whispers():
    table = sinusoids(50, 8)
    np.testing.assert_allclose(table[0], [0, 0, 0, 0, 1, 1, 1, 1], atol=1e-7)
    np.testing.assert_allclose(table[:, 0], np.sin(np.arange(50)), rtol=1e-5)
    np.testing.assert_allclose(table[:, 7], np.cos(np.arange(50) * 1e-4), rtol=1e-5)


def test_speech_weights_are_averaged_over_the_time_of_each_frame():
    mask = np.array([[0, 0, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5]], np.float32)
    np.testing.assert_allclose(averaged(tf.constant(mask), 5), [[0, 1, 0.75, 0.5, 0.5]])
    # Five weights in the time of four frames: three fifths of the second frame lie in weight 1, the rest in 2.
    np.testing.assert_allclose(averaged(tf.constant(mask), 8)[0, :4], [0, 0.4, 1, 1], atol=1e-6)


def test_the_shipped_fusion_has_the_front_end_and_filters_of_the_shipped_patches():
    fusion, patches, encoder = map(load_config, ("fusion", "patches", "encoder"))
    assert fusion.frontend == patches.frontend
    for name in ("patch_filters", "patch_phase_share", "patch_brief_share", "patch_stride", "head_compression"):
        assert getattr(fusion.model, name) == getattr(patches.model, name)
    for name in ("encoder_blocks", "encoder_width", "chunk_samples", "forgetting_s"):
        assert getattr(fusion.model, name) == getattr(encoder.model, name)
