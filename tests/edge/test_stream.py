"""A live stream decides as its parts do, converts its rate, and ends once; how it is cut: `tests/parity`."""

from __future__ import annotations

import numpy as np
import pytest

from edge.decision import LiveDecider
from edge.errors import ContractMismatchError, StreamEndedError, UnreadableAudioError
from edge.stream import Stream, StreamScorer


def fed(stream, samples, piece):
    states = [state for start in range(0, len(samples), piece) for state in stream.feed(samples[start : start + piece])]
    return states + stream.flush()


def test_a_stream_decides_as_its_parts_do(model, speech):
    samples = speech(5.0)
    scorer, decider = StreamScorer(model), LiveDecider(model.contract, model.contract.operating_point("balanced"))
    expected = [decider.add(raw_score) for raw_score in (*scorer.feed(samples), *scorer.flush())]
    assert fed(model.stream(), samples, 997) == expected


def test_zeros_are_known_by_the_chunk_in_which_they_came(model, speech):
    """Three seconds of zeros after a voice: withheld after two, whatever piece brought them."""
    samples = np.concatenate([speech(5.0), np.zeros(49152, np.float32)])
    found = [state.verdict for state in fed(model.stream(), samples, 1000)]
    assert found == [state.verdict for state in fed(model.stream(), samples, len(samples))]
    silent_from = next(index for index, verdict in enumerate(found) if verdict == "silenced")
    assert silent_from * model.contract.chunk_samples / 16000 == pytest.approx(7.0, abs=0.5)
    assert set(found[silent_from:]) == {"silenced"}


def test_the_rate_is_converted_by_whatever_converter_is_given(model, speech):
    class Doubler:
        def __init__(self, source, target):
            assert (source, target) == (8000, 16000)

        def feed(self, samples):
            return np.repeat(samples, 2)

        def flush(self):
            return np.zeros(0, np.float32)

    samples, point = speech(3.0, 8000), model.contract.operating_point("quiet")
    stream = Stream(model, 8000, point, make_converter=Doubler)
    assert fed(stream, samples, 1600) == fed(Stream(model, 16000, point), np.repeat(samples, 2), 3200)


def test_an_ended_stream_takes_nothing_until_it_is_reset(model, speech):
    stream = model.stream()
    stream.feed(speech(0.1))
    stream.flush()
    for call in (stream.flush, lambda: stream.feed(speech(0.1))):
        with pytest.raises(StreamEndedError, match=r"call reset\(\) to start another"):
            call()
    stream.reset()
    assert stream.feed(speech(0.3))
    with stream:
        pass
    with pytest.raises(StreamEndedError):
        stream.feed(speech(0.1))


def test_what_is_no_stream_is_refused(model):
    with pytest.raises(ContractMismatchError, match="no operating point 'loud'"):
        model.stream(operating_point="loud")
    with model.stream() as stream, pytest.raises(UnreadableAudioError, match="got shape"):
        stream.feed(np.zeros((10, 2)))
