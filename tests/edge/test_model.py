"""Raw scores of a stream come chunk by chunk; a graph that is not its contract's is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from edge.catalog import default_model
from edge.decision import RawScore
from edge.errors import ContractMismatchError, EdgeError, NotAModelError
from edge.model import Model, runtime_version
from edge.stream import StreamScorer
from tests.edge.conftest import with_contract


def cut(model, samples, length):
    scorer, found = StreamScorer(model), []
    for start in range(0, len(samples), length):
        found += scorer.feed(samples[start : start + length])
    return found + list(scorer.flush())


def test_positions_count_samples_and_the_last_chunk_may_be_short(model, speech):
    chunk = model.contract.chunk_samples
    found = cut(model, speech(1.0)[: 2 * chunk + 100], 5000)
    assert [(e.start, e.end) for e in found] == [(0, chunk), (chunk, 2 * chunk), (2 * chunk, 2 * chunk + 100)]


def test_nothing_comes_before_a_chunk_is_full_and_reset_forgets_the_stream(model, speech):
    samples = speech(1.0)
    scorer = StreamScorer(model)
    assert list(scorer.flush()) == []
    assert list(scorer.feed(samples[: model.contract.chunk_samples - 1])) == []
    first = list(scorer.feed(samples[model.contract.chunk_samples - 1 :]))
    assert len(first) == len(samples) // model.contract.chunk_samples
    scorer.reset()
    assert list(scorer.feed(samples)) == first


def test_silence_carries_no_speech(model):
    found = cut(model, np.zeros(32000, np.float32), 32000)
    assert {e.speech_frames for e in found} == {0.0}
    assert len({e.value for e in found}) == 1


def test_raw_score_is_finite_on_full_scale_noise_and_dirac(model, rng):
    for samples in (np.sign(rng.standard_normal(16000)), np.r_[np.zeros(8000), 1.0, np.zeros(8000)]):
        for raw_score in cut(model, samples.astype(np.float32), 4000):
            assert np.isfinite(raw_score.value)
            assert isinstance(raw_score, RawScore)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state_names": ("state_imaginary", "state_trackers")}, r"state_imaginary.*quantise the model again"),
        ({"state_names": ("state_samples",)}, "the contract names no state 'state_trackers'"),
        ({"chunk_samples": 8192}, r"the contract's chunk is 8192 samples, the graph takes \(1, \d+\);"),
    ],
)
def test_a_contract_of_another_graph_is_refused(tmp_path, changes, message):
    path = with_contract(tmp_path / "changed.tflite", **changes)
    with pytest.raises(ContractMismatchError, match=message):
        Model.load(path)


def test_a_damaged_flatbuffer_is_refused(tmp_path):
    data = bytearray(default_model().read_bytes())
    data[8:4000] = bytes(3992)
    path = tmp_path / "damaged.tflite"
    path.write_bytes(bytes(data))
    with pytest.raises((NotAModelError, ContractMismatchError)):
        Model.load(path)


def test_without_a_tflite_runtime_the_error_names_the_extra(monkeypatch):
    for package in ("ai_edge_litert", "tflite_runtime"):
        monkeypatch.setitem(sys.modules, f"{package}.interpreter", None)
    with pytest.raises(EdgeError, match=r"no TFLite runtime is installed: pip install 'bonafone\[edge\]'"):
        Model.load(default_model())


def test_runtime_version_names_the_distribution():
    name, version = runtime_version().split()
    assert name in ("ai-edge-litert", "tflite-runtime")
    assert version[0].isdigit()
