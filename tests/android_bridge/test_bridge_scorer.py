"""A scorer in Java behind the protocol of the runtime, played by a Python object with the app's methods."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from call_parts import SPOOF, pcm16

from android_bridge.errors import PortError
from android_bridge.scorer import JavaInterpreterModel
from edge.contract import read_contract
from edge.errors import ContractMismatchError
from edge.model import Model
from edge.stream import StreamScorer


class LiteRtScorer:
    """The app's class, with the states kept inside and lists of floats at its border."""

    def __init__(self, model):
        self.model = model
        self.states = {}
        self.answer = self.output = None

    def setRawScoreOutput(self, name):
        self.output = name

    def stateNames(self):
        return list(self.model.contract.state_names)

    def reset(self):
        self.states = {name: np.zeros_like(state) for name, state in self.model.initial_states().items()}

    def setState(self, name, values):
        assert all(type(value) is float for value in values)
        self.states[name] = np.array(values, np.float32).reshape(self.states[name].shape)

    def step(self, samples):
        assert all(type(value) is float for value in samples)
        if self.answer is not None:
            return self.answer
        raw_score, speech_frames, self.states = self.model.step(np.array(samples, np.float32), self.states)
        return [raw_score, speech_frames]


@pytest.fixture
def java(model):
    return LiteRtScorer(model)


@pytest.fixture
def samples():
    return np.frombuffer(pcm16(SPOOF)[0], "<i2").astype(np.float32) / 32768


def test_states_in_java_give_the_raw_score_of_states_in_python(model, java, samples):
    there = StreamScorer(JavaInterpreterModel(model.contract, java))
    here = StreamScorer(model)
    expected = [*here.feed(samples), *here.flush()]
    assert len(expected) > 15
    assert [*there.feed(samples), *there.flush()] == expected


def test_a_second_stream_starts_from_the_contracts_values(model, java, samples):
    scorer = StreamScorer(JavaInterpreterModel(model.contract, java))
    first = list(scorer.feed(samples))
    scorer.reset()
    assert list(scorer.feed(samples)) == first


def test_a_stream_that_another_one_took_over_is_not_scored_with_its_states(model, java, samples):
    shared = JavaInterpreterModel(model.contract, java)
    first = StreamScorer(shared)
    list(first.feed(samples))
    StreamScorer(shared)
    with pytest.raises(PortError, match="the interpreter in Java went on to another stream"):
        list(first.feed(samples))


def test_another_model_in_java_than_in_python_is_refused(model, java):
    contract = dataclasses.replace(model.contract, state_names=("state_trackers", "state_other"))
    with pytest.raises(ContractMismatchError, match=r"names the states .*state_other.*; give both the same"):
        JavaInterpreterModel(contract, java)


def test_an_answer_that_is_none_is_refused(model, java, samples):
    scorer = StreamScorer(JavaInterpreterModel(model.contract, java))
    for java.answer in ([], [1.0], [1.0, 2.0, 3.0], [float("nan"), 1.0], [1.0, float("inf")]):
        with pytest.raises(PortError, match="expected two finite numbers, raw score and speech frames"):
            list(scorer.feed(samples))


def test_an_exception_in_java_says_which_method_failed(model, java):
    java.reset = lambda: 1 / 0
    with pytest.raises(PortError, match=r"LiteRtScorer\.reset failed in Java: division by zero"):
        StreamScorer(JavaInterpreterModel(model.contract, java))


def test_java_gets_the_name_of_the_raw_scores_output(model, java):
    """Graphs of older models call it evidence."""
    JavaInterpreterModel(model.contract, java)
    assert java.output == model.contract.raw_score_output


def test_java_and_python_read_the_same_file(model_path):
    """The contract needs no runtime, and the runtime no contract of its own."""
    assert read_contract(model_path) == Model.load(model_path).contract
