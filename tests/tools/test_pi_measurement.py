"""What a machine is asked, asked of this one: the answers are those of the runtime, and what goes wrong is told."""

from __future__ import annotations

import platform
from dataclasses import replace

import numpy as np
import pi_emulation
import pytest
from pi_check.clips import RATE
from pi_check.comparison import compare
from pi_check.guest import odd_pieces
from pi_check.machines import native
from pi_check.measurement import measure
from pi_check.targets import TARGETS, EmulationError

from edge.catalog import default_model
from edge.model import Model
from edge.scoring import score_file

CLIPS = 6


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return pi_emulation.prepare(tmp_path_factory.mktemp("bundle"), default_model(), CLIPS, None, "dev")


@pytest.fixture(scope="module")
def answers(bundle):
    return measure(native(bundle.folder), bundle, resamples=True, live=True)


def test_the_scores_are_those_of_the_runtime(bundle, answers):
    model = Model.load(default_model())
    assert set(answers.scores) == {clip.path.name for clip in bundle.clips}
    for clip in bundle.clips:
        (score,) = score_file(model, clip.path)
        heard = answers.scores[clip.path.name]
        assert (heard.verdict, heard.cm_score) == (score.verdict, pytest.approx(score.cm_score, abs=1e-6))
        assert heard.speech_s == pytest.approx(score.speech_s, abs=1e-6)


def test_a_stream_in_pieces_a_call_and_the_synthetic_voice_are_heard_too(answers):
    assert answers.facts["machine"] == platform.machine()
    assert answers.facts["numpy"] == np.__version__
    assert answers.facts["chunks"] > 0
    assert answers.facts["unequal_chunks"] == 0
    assert answers.live.cm_score is not None
    assert answers.live.speech_s > 4.0
    assert np.isfinite(answers.bench_cm_score)


def test_the_machine_itself_is_no_board(answers):
    target = TARGETS["arm64-litert"]
    found = compare("arm64-litert", target.board, answers, answers, Model.load(default_model()).contract.thresholds)
    assert found.faults == (f"it says that it is {platform.machine()}, not aarch64",)


def test_without_soxr_only_the_rate_of_the_model_is_asked(bundle):
    found = measure(native(bundle.folder), bundle, resamples=False, live=False)
    assert set(found.scores) == {clip.path.name for clip in bundle.clips if clip.sample_rate == RATE}
    assert len(found.scores) < CLIPS
    assert found.live is None


def test_a_recording_that_fails_stops_it_with_the_reason(bundle):
    broken = bundle.folder / "clips" / "broken.wav"
    broken.write_bytes(b"RIFF")
    first, *rest = bundle.clips
    # Second, where no stream in pieces is taken from.
    clips = (first, replace(first, path=broken), *rest)
    with pytest.raises(
        EmulationError, match=r"(?s)^-m edge score … exited with 1: .*broken\.wav: not audio, or damaged"
    ):
        measure(native(bundle.folder), replace(bundle, clips=clips), resamples=True, live=False)


def test_pieces_are_all_of_the_samples_and_of_many_lengths(rng):
    samples = np.arange(100_000, dtype=np.float32)
    pieces = odd_pieces(samples, rng)
    assert np.array_equal(np.concatenate(pieces), samples)
    assert [len(piece) for piece in pieces[:7]] == [1, 1, 2, 3, 159, 160, 161]
    assert max(map(len, pieces)) > 4096 > min(map(len, pieces[7:-1]))


def test_samples_fewer_than_the_first_pieces_are_all_there(rng):
    samples = np.arange(5, dtype=np.float32)
    assert np.array_equal(np.concatenate(odd_pieces(samples, rng)), samples)
