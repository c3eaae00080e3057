"""Packets are lost at the rate and in the bursts that were asked, and only what was lost is changed."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.transmissions.loss import CONCEALMENTS, conceal, lost_packets

RATE = 16000


@pytest.mark.parametrize(("share", "burst", "bad_loss"), [(0.05, 1.0, 1.0), (0.1, 3.0, 1.0), (0.3, 4.0, 0.6)])
def test_share_and_burst_length_are_those_asked(share, burst, bad_loss):
    lost = lost_packets(200_000, share, burst, np.random.default_rng(1), bad_loss=bad_loss)
    assert lost.mean() == pytest.approx(share, rel=0.05)
    if bad_loss == 1.0:
        edges = np.flatnonzero(np.diff(np.r_[0, lost.astype(int), 0])).reshape(-1, 2)
        assert np.diff(edges, axis=1).mean() == pytest.approx(burst, rel=0.05)


def test_nothing_is_lost_at_a_share_of_zero_and_the_seed_decides():
    assert not lost_packets(1000, 0.0, 2.0, np.random.default_rng(0)).any()
    first, again = (lost_packets(500, 0.2, 2.0, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("share", "burst", "bad_loss", "message"),
    [(1.0, 2.0, 1.0, "share < bad_loss"), (0.5, 2.0, 0.4, "share < bad_loss"), (0.1, 0.5, 1.0, "at least 1 packet")],
)
def test_impossible_losses_are_refused(share, burst, bad_loss, message):
    with pytest.raises(ValueError, match=message):
        lost_packets(10, share, burst, np.random.default_rng(0), bad_loss=bad_loss)


@pytest.mark.parametrize("method", CONCEALMENTS)
def test_only_lost_packets_and_the_join_behind_them_change(speech, method):
    for packet_ms in (10, 20, 30):
        packet = packet_ms * RATE // 1000
        lost = np.zeros(-(-len(speech) // packet), bool)
        lost[[30, 31, 60]] = True
        found = conceal(speech, RATE, lost, packet_ms, method)
        assert found.shape == speech.shape
        allowed = np.zeros(len(speech), bool)
        for first, after in ((30, 32), (60, 61)):
            allowed[first * packet : after * packet + 64] = True
        np.testing.assert_array_equal(found[~allowed], speech[~allowed])
        assert (found[31 * packet : 31 * packet + 20] != speech[31 * packet : 31 * packet + 20]).any()


def test_silence_is_silent_and_repetition_repeats(speech):
    lost = np.zeros(200, bool)
    lost[50] = True
    gap = slice(50 * 320, 51 * 320)
    assert not conceal(speech, RATE, lost, 20, "silence")[gap].any()
    fade = 1 - np.arange(320) / 960
    np.testing.assert_allclose(
        conceal(speech, RATE, lost, 20, "repeat")[gap], speech[49 * 320 : 50 * 320] * fade, atol=1e-6
    )


def test_pitch_repetition_continues_a_periodic_voice():
    time = np.arange(RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 125 * k * time) / k for k in range(1, 20)).astype(np.float32)
    lost = np.zeros(50, bool)
    lost[25] = True
    gap = slice(25 * 320, 26 * 320)
    expected = voice[gap] * (1 - np.arange(320) / 960)
    np.testing.assert_allclose(conceal(voice, RATE, lost, 20, "pitch")[gap], expected, atol=1e-3)


def test_a_long_gap_falls_silent_after_60_ms(speech):
    lost = np.zeros(200, bool)
    lost[40:50] = True
    for method in ("repeat", "pitch"):
        found = conceal(speech, RATE, lost, 20, method)
        assert np.abs(found[40 * 320 : 41 * 320]).max() > 0
        assert not found[43 * 320 : 50 * 320].any()


@pytest.mark.parametrize("method", CONCEALMENTS)
def test_the_first_and_the_last_packet_and_everything_may_be_lost(speech, method):
    clip = speech[:1000]
    for lost in ([True, False, False, False], [False, False, False, True], [True] * 4):
        found = conceal(clip, RATE, np.array(lost), 20, method)
        assert found.shape == clip.shape
        assert np.isfinite(found).all()
    assert not conceal(clip, RATE, np.ones(4, bool), 20, method).any()


def test_unknown_methods_are_refused(speech):
    with pytest.raises(ValueError, match="method is one of"):
        conceal(speech, RATE, np.zeros(200, bool), 20, "guess")
