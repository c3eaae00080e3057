"""Rooms decay as asked, keep the level, and leave the direct sound in its place."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.transmissions.rooms import reverberate, synthetic_response

RATE = 16000


def reverberation_time(response, sample_rate):
    """RT60 in seconds: the slope of backward-integrated energy from -5 to -25 dB (Schroeder 1965, ISO 3382 T20).

    NaN where the response does not fall that far.
    """
    start = int(np.argmax(np.abs(response))) + round(0.0025 * sample_rate)
    energy = np.cumsum(response[start:][::-1].astype(np.float64) ** 2)[::-1]
    if len(energy) == 0 or energy[0] == 0.0:
        return float("nan")
    decay_db = 10.0 * np.log10(energy / energy[0] + 1e-12)
    span = np.flatnonzero((decay_db <= -5.0) & (decay_db >= -25.0))
    if len(span) < 2 or decay_db[-1] > -25.0:
        return float("nan")
    slope = np.polyfit(span / sample_rate, decay_db[span], 1)[0]
    return float(-60.0 / slope)


@pytest.mark.parametrize("rt60_s", [0.1, 0.4, 0.8])
def test_made_rooms_decay_in_the_time_asked(rt60_s):
    rng = np.random.default_rng(2)
    found = [reverberation_time(synthetic_response(rt60_s, 0.0, RATE, rng), RATE) for _ in range(10)]
    assert np.mean(found) == pytest.approx(rt60_s, rel=0.12)


@pytest.mark.parametrize("direct_db", [-3.0, 0.0, 12.0])
def test_made_rooms_have_the_ratio_asked(rng, direct_db):
    response = synthetic_response(0.5, direct_db, RATE, rng)
    ratio_db = 10 * np.log10(response[0] ** 2 / np.sum(response[1:].astype(float) ** 2))
    assert ratio_db == pytest.approx(direct_db, abs=0.3)
    assert response[0] == 1.0


def test_schroeders_slope_is_exact_for_an_exponential():
    time = np.arange(RATE) / RATE
    decay = np.exp(-np.log(1000) * time / 0.3)
    assert reverberation_time(decay, RATE) == pytest.approx(0.3, rel=0.01)
    assert np.isnan(reverberation_time(np.r_[1.0, np.zeros(99)], RATE))


def test_direct_sound_stays_where_it_was_and_echoes_come_later():
    clip = np.zeros(4000, np.float32)
    clip[1000] = 1.0
    response = np.zeros(900, np.float32)
    # A recorded response begins before its direct sound.
    response[100], response[700] = 1.0, 0.5
    found = reverberate(clip, response)
    assert np.argsort(-np.abs(found))[:2].tolist() == [1000, 1600]
    assert found[1600] / found[1000] == pytest.approx(0.5, rel=1e-4)
    assert np.sum(found**2) == pytest.approx(1.0, rel=1e-4)


def test_a_room_says_nothing_about_level(speech, rng):
    found = reverberate(speech, synthetic_response(0.6, -3.0, RATE, rng))
    assert found.shape == speech.shape
    assert np.mean(found**2) == pytest.approx(np.mean(speech**2), rel=1e-3)
    assert not np.allclose(found, speech, atol=0.01)


def test_a_room_fills_the_gaps_between_words(speech, rng):
    wet = reverberate(speech, synthetic_response(0.8, -3.0, RATE, rng))

    def depth_db(samples):
        power = np.mean(samples.reshape(-1, 320) ** 2, axis=1)
        return 10 * np.log10(np.percentile(power, 10) / power.mean())

    assert depth_db(wet) > depth_db(speech) + 3


def test_silent_responses_and_empty_clips_change_nothing(speech):
    np.testing.assert_array_equal(reverberate(speech, np.zeros(10, np.float32)), speech)
    assert reverberate(speech[:0], np.ones(3, np.float32)).shape == (0,)
