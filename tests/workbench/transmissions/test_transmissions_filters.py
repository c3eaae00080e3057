"""Frequency responses are those asked for, and nothing moves in time; convolution is NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.transmissions.filters import SEND_DB, SEND_HZ, convolve, fast_length, microphone, send_response, shape

RATE = 16000


def gain_db(process, hz):
    """Gain of a tone, its edges left out."""
    tone = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype(np.float32)
    inner = slice(2000, -2000)
    return 10 * np.log10(np.mean(process(tone)[inner] ** 2) / np.mean(tone[inner] ** 2))


def test_shape_meets_its_points_and_holds_beyond_them():
    def process(tone):
        return shape(tone, RATE, [200.0, 400.0, 1600.0], [-12.0, 0.0, 6.0])

    for hz, expected in ((200, -12), (400, 0), (800, 3), (1600, 6), (100, -12), (5000, 6)):
        assert gain_db(process, hz) == pytest.approx(expected, abs=0.2)


def test_a_hand_set_sends_as_its_table_says():
    for index in range(1, len(SEND_HZ) - 1):
        found = gain_db(lambda tone: send_response(tone, RATE), SEND_HZ[index])
        assert found == pytest.approx(SEND_DB[index], abs=0.5)


def test_a_hand_set_sends_no_more_than_the_telephone_band():
    assert gain_db(lambda tone: send_response(tone, RATE), 60) < -40
    assert gain_db(lambda tone: send_response(tone, RATE), 5500) < -60


def test_a_hand_set_deviates_where_it_is_told():
    deviation = [0.0] * len(SEND_HZ)
    deviation[4] = 5.0
    assert gain_db(lambda tone: send_response(tone, RATE, deviation), 1000) == pytest.approx(1.0, abs=0.3)


def test_a_microphone_has_its_band_tilt_and_resonance():
    def plain(tone):
        return microphone(tone, RATE, low_hz=200, high_hz=4000)

    assert gain_db(plain, 1000) == pytest.approx(0, abs=0.1)
    assert gain_db(plain, 100) == pytest.approx(-24, abs=0.5)
    assert gain_db(plain, 5657) == pytest.approx(-24, abs=0.5)

    def tilted(tone):
        return microphone(tone, RATE, low_hz=50, high_hz=8000, tilt_db_per_octave=3)

    assert gain_db(tilted, 4000) - gain_db(tilted, 500) == pytest.approx(9, abs=0.2)

    def resonant(tone):
        return microphone(
            tone, RATE, low_hz=50, high_hz=8000, resonance_hz=2000, resonance_db=10, resonance_octaves=0.25
        )

    assert gain_db(resonant, 2000) == pytest.approx(10, abs=0.2)
    assert gain_db(resonant, 500) == pytest.approx(0, abs=0.2)


def test_filters_move_nothing_and_do_not_wrap_around():
    for process in (lambda x: send_response(x, RATE), lambda x: microphone(x, RATE, low_hz=100, high_hz=5000)):
        clip = np.zeros(8000, np.float32)
        clip[3000] = 1.0
        assert int(np.argmax(process(clip))) == 3000
        clip = np.zeros(8000, np.float32)
        clip[-1] = 1.0
        assert np.abs(process(clip)[:4000]).max() < 1e-3


def test_convolution_is_numpys(rng):
    samples, taps = rng.standard_normal(1000), rng.standard_normal(31)
    np.testing.assert_allclose(convolve(samples, taps, 7), np.convolve(samples, taps)[7:1007], atol=1e-10)


def test_fast_lengths_hold_and_waste_little():
    for length in (*range(1, 40), 64037, 65536, 65537):
        found = fast_length(length)
        assert length <= found <= 1.34 * length
        rest = found
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        assert rest == 1 or length <= 16
