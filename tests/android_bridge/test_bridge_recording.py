"""After the call: the same verdict as `edge score`."""

from __future__ import annotations

import wave
from dataclasses import asdict

import numpy as np
import pytest
from call_parts import BONAFIDE, EXAMPLES, SPOOF, pcm16, push

from android_bridge.audio import decode_pcm16
from android_bridge.errors import FactsError, PcmError
from edge.errors import ChannelError, UnreadableAudioError
from edge.scoring import score_file


def test_a_recording_gets_the_verdict_of_edge_score(guard, model):
    for path in sorted(path for path in EXAMPLES.iterdir() if path.suffix != ".md"):
        (expected,) = score_file(model, path, keep_timeline=True)
        found = guard.score_recording(str(path))
        for name in ("verdict", "p_bonafide", "cm_score", "speech_s", "spoof_s", "duration_s", "model"):
            assert found[name] == getattr(expected, name), (path, name)
        assert found["spoof_passages"] == [asdict(passage) for passage in expected.spoof_passages]
        assert [(point["end_s"], point["cm_score"], point["verdict"]) for point in found["timeline"]] == [
            (point.end_s, point.cm_score, point.verdict) for point in expected.timeline
        ]


def test_one_party_of_a_stereo_recording_is_judged_alone(guard, model):
    path = EXAMPLES / "call-left-bonafide-right-spoof.wav"
    for channel in ("left", "right"):
        (expected,) = score_file(model, path, channel=channel)
        assert guard.score_recording(str(path), channel)["cm_score"] == expected.cm_score
    with pytest.raises(FactsError, match="channel 'each': expected mix, left, right or a number from 1"):
        guard.score_recording(str(path), "each")
    with pytest.raises(ChannelError):
        guard.score_recording(str(BONAFIDE), "left")


def test_what_the_phone_decodes_itself_gets_the_same_verdict(guard, tmp_path):
    data, rate = pcm16(SPOOF)
    with wave.open(str(tmp_path / "call.wav"), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(data)
    recording = guard.open_recording(rate)
    for start in range(0, len(data), 5000):
        recording.feed(decode_pcm16(data[start : start + 5000], rate))
    assert guard.decide_recording(recording) == guard.score_recording(str(tmp_path / "call.wav"))


def test_zeros_are_silenced_after_the_call_too(guard):
    recording = guard.open_recording(8000)
    recording.feed(decode_pcm16(bytes(2 * 8000 * 3), 8000))
    found = guard.decide_recording(recording)
    assert (found["verdict"], found["cm_score"], found["duration_s"]) == ("silenced", None, 3.0)


def test_nothing_is_no_recording(guard, tmp_path):
    with pytest.raises(UnreadableAudioError, match="the recording holds no samples"):
        guard.decide_recording(guard.open_recording(16000))
    with pytest.raises(PcmError, match="sample rate 7000"):
        guard.open_recording(7000)
    with pytest.raises(UnreadableAudioError, match="no such file"):
        guard.score_recording(str(tmp_path / "none.wav"))
    with wave.open(str(tmp_path / "empty.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
    with pytest.raises(UnreadableAudioError, match="holds no samples"):
        guard.score_recording(str(tmp_path / "empty.wav"))


def test_a_call_after_a_recording_starts_from_nothing(guard, clock, rng):
    """The two share a model and no state."""
    data, rate = pcm16(BONAFIDE)
    guard.open({"id": "before"})
    before = push(guard, clock, data, rate)
    guard.close()
    guard.score_recording(str(SPOOF))
    guard.open({"id": "before"})
    assert push(guard, clock, data, rate) == before
    assert np.isfinite(before[-1]["cm_score"])
