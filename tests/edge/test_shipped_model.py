"""What each shipped model answers on the examples, and that it raises the alarm when a fake voice enters a call."""

from __future__ import annotations

import numpy as np
import pytest

import edge
from edge.audio.reading import open_audio
from edge.resampling import Resampler
from tests.edge.conftest import EXAMPLES

TOLERANCE_NATS = 0.05
"""Kernels of other processors and runtimes round elsewhere."""
MODELS = ("bonafone-patch-v6", "bonafone-small", "bonafone-tcn-v1", "bonafone-v7-preview")
ANSWERS = {
    "bonafide-librivox.flac": ((0.576, "uncertain"), (0.897, "uncertain"), (-0.148, "uncertain"), (1.949, "bonafide")),
    "bonafide-librivox.mp3": ((0.941, "uncertain"), (0.374, "uncertain"), (-0.487, "uncertain"), (0.75, "uncertain")),
    "bonafide-telephone.wav": ((1.5, "bonafide"), (2.572, "bonafide"), (0.415, "uncertain"), (1.797, "bonafide")),
    "bonafide-voicemail.ogg": ((0.836, "uncertain"), (0.804, "uncertain"), (0.12, "uncertain"), (1.657, "bonafide")),
    "call-left-bonafide-right-spoof.wav": (
        (0.553, "uncertain"),
        (0.502, "uncertain"),
        (0.714, "uncertain"),
        (2.605, "bonafide"),
    ),
    "silent.wav": ((None, "silenced"), (None, "silenced"), (None, "silenced"), (None, "silenced")),
    "spoof-flite.mp3": ((-3.796, "spoof"), (-1.948, "uncertain"), (-1.195, "uncertain"), (-4.268, "spoof")),
    "spoof-hibari.ogg": ((-1.517, "uncertain"), (-1.52, "uncertain"), (-0.681, "uncertain"), (-0.071, "uncertain")),
    "spoof-kokoro-telephone.wav": (
        (-1.197, "uncertain"),
        (-1.578, "uncertain"),
        (0.616, "uncertain"),
        (-0.413, "uncertain"),
    ),
    "spoof-kokoro.flac": ((-0.526, "uncertain"), (-1.436, "uncertain"), (-1.045, "uncertain"), (0.142, "uncertain")),
    "too-short.wav": ((None, "too_short"), (None, "too_short"), (None, "too_short"), (None, "too_short")),
}
"""By file, ``cm_score`` in nats and verdict of each of `MODELS`."""


def test_every_shipped_model_is_pinned():
    assert sorted(edge.shipped_models()) == sorted(MODELS)
    assert set(ANSWERS) == {path.name for path in EXAMPLES.iterdir() if path.suffix != ".md"}


@pytest.mark.parametrize("name", MODELS)
def test_a_shipped_model_answers_as_it_did(name):
    pytest.importorskip("soundfile", reason="needs the edge extra")
    model, column = edge.load_model(name), MODELS.index(name)
    for file, answers in ANSWERS.items():
        score = model.score(EXAMPLES / file)
        cm_score, verdict = answers[column]
        assert (score.verdict, score.cm_score is None) == (verdict, cm_score is None), file
        if cm_score is not None:
            assert score.cm_score == pytest.approx(cm_score, abs=TOLERANCE_NATS), file


def samples_of(name):
    with open_audio(EXAMPLES / name) as audio:
        samples = np.concatenate([block.mean(axis=1) for block in audio])
        resampler = Resampler(audio.sample_rate, 16000)
        return np.concatenate([resampler.feed(samples), resampler.flush()])


def test_sixteen_seconds_of_a_synthesiser_within_a_real_voice_are_a_passage():
    pytest.importorskip("soundfile", reason="needs the edge extra")
    model = edge.load_model("bonafone-patch-v6")
    real, fake = np.tile(samples_of("bonafide-librivox.flac"), 5), np.tile(samples_of("spoof-flite.mp3"), 3)
    score = model.score(np.concatenate([real[: 22 * 16000], fake[: 16 * 16000], real[: 8 * 16000]]))
    assert score.verdict == "uncertain"
    (passage,) = score.spoof_passages
    assert 22 <= passage.start_s < passage.end_s <= 38
    assert score.spoof_s > 7.0


def test_a_fake_voice_that_enters_a_call_raises_the_alarm_at_every_point_that_is_not_stricter():
    """A real voice speaks, then half a minute of a synthesiser, at a fifth of its level as another's on a telephone."""
    pytest.importorskip("soundfile", reason="needs the edge extra")
    model = edge.load_model("bonafone-patch-v6")
    real, fake = samples_of("bonafide-librivox.flac"), 0.2 * np.tile(samples_of("spoof-flite.mp3"), 6)
    delays = {}
    for point in ("cautious", "balanced", "quiet"):
        with model.stream(operating_point=point) as stream:
            assert not any(state.alarm for state in stream.feed(real))
            states = stream.feed(fake) + stream.flush()
        delays[point] = [(state.end - len(real)) / 16000 for state in states if state.alarm]
        assert (states[-1].verdict == "spoof") == (point != "quiet")
    (cautious_s,), (balanced_s,) = delays["cautious"], delays["balanced"]
    assert cautious_s <= balanced_s <= 25.0
    assert delays["quiet"] == [], "it needs a lower score than this voice has"
