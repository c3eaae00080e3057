"""A stream gives the same evidence however it is cut; a graph that is not its contract's is refused."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from edge.catalog import default_model
from edge.contract import embed_contract, read_contract
from edge.decision import RawScore
from edge.errors import ContractMismatchError, EdgeError, NotAModelError
from edge.model import Model, runtime_version
from edge.stream import StreamScorer


def cut(model, samples, length):
    scorer, found = StreamScorer(model), []
    for start in range(0, len(samples), length):
        found += scorer.feed(samples[start : start + length])
    return found + list(scorer.flush())


def test_raw_score_is_the_same_however_the_stream_is_cut(model, speech):
    samples = speech(2.1)
    expected = cut(model, samples, len(samples))
    for length in (1, 333, model.contract.frontend.hop, model.contract.chunk_samples):
        assert cut(model, samples, length) == expected


def test_positions_count_samples_and_the_last_chunk_may_be_short(model, speech):
    chunk = model.contract.chunk_samples
    found = cut(model, speech(1.0)[: 2 * chunk + 100], 5000)
    assert [(e.start, e.end) for e in found] == [(0, chunk), (chunk, 2 * chunk), (2 * chunk, 2 * chunk + 100)]


def test_nothing_comes_before_a_chunk_is_full(model, speech):
    scorer = StreamScorer(model)
    assert list(scorer.feed(speech(1.0)[: model.contract.chunk_samples - 1])) == []
    assert len(list(scorer.feed(np.zeros(1, np.float32)))) == 1


def test_reset_forgets_the_stream(model, speech):
    samples = speech(1.0)
    scorer = StreamScorer(model)
    first = list(scorer.feed(samples))
    scorer.reset()
    assert list(scorer.feed(samples)) == first


def test_flush_of_an_empty_stream_yields_nothing(model):
    assert list(StreamScorer(model).flush()) == []


def test_silence_carries_no_speech(model):
    found = cut(model, np.zeros(32000, np.float32), 32000)
    assert {e.speech_frames for e in found} == {0.0}
    assert len({e.value for e in found}) == 1


def test_two_streams_on_one_model_do_not_mix(model, speech):
    samples = speech(2.0)
    alone = cut(model, samples, len(samples))
    first, second, found = StreamScorer(model), StreamScorer(model), []
    for start in range(0, len(samples), 1000):
        found += first.feed(samples[start : start + 1000])
        list(second.feed(-0.5 * samples[start : start + 1000]))
    assert found + list(first.flush()) == alone


def test_raw_score_is_finite_on_full_scale_noise_and_dirac(model, rng):
    for samples in (np.sign(rng.standard_normal(16000)), np.r_[np.zeros(8000), 1.0, np.zeros(8000)]):
        for raw_score in cut(model, samples.astype(np.float32), 4000):
            assert np.isfinite(raw_score.value)
            assert isinstance(raw_score, RawScore)


def _with_contract(tmp_path, **changes):
    path = tmp_path / "changed.tflite"
    path.write_bytes(embed_contract(default_model().read_bytes(), replace(read_contract(default_model()), **changes)))
    return path


def test_a_contract_with_other_states_is_refused(tmp_path):
    with pytest.raises(ContractMismatchError, match=r"state_imaginary.*quantise the model again"):
        Model.load(_with_contract(tmp_path, state_names=("state_imaginary", "state_trackers")))


def test_a_contract_without_the_speech_measures_state_is_refused(tmp_path):
    with pytest.raises(ContractMismatchError, match="the contract names no state 'state_trackers'"):
        Model.load(_with_contract(tmp_path, state_names=("state_samples",)))


def test_a_contract_with_another_chunk_is_refused(tmp_path):
    message = r"the contract's chunk is 8192 samples, the graph takes \(1, \d+\);"
    with pytest.raises(ContractMismatchError, match=message):
        Model.load(_with_contract(tmp_path, chunk_samples=8192))


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
