"""Cuts, hum and backgrounds do what their numbers say."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.transmissions.draws import cut_and_join
from workbench.transmissions.noise import add_hum

RATE = 16000


def test_a_cut_removes_its_stretch_and_nothing_else(speech):
    found = cut_and_join(speech, 1000, 500, 0)
    np.testing.assert_array_equal(found, np.r_[speech[:1000], speech[1500:]])


def test_a_fade_joins_without_a_step():
    """A ramp that is cut jumps; the fade spreads the jump over its length."""
    ramp = np.arange(1000, dtype=np.float32)
    hard, soft = cut_and_join(ramp, 400, 200, 0), cut_and_join(ramp, 400, 200, 100)
    assert np.diff(hard).max() == 201
    assert np.diff(soft).max() < 4
    np.testing.assert_array_equal(soft[:400], ramp[:400])
    np.testing.assert_array_equal(soft[500:], ramp[700:])
    assert soft[450] == pytest.approx(550, abs=2)


@pytest.mark.parametrize(("start", "length", "fade"), [(900, 101, 0), (900, 50, 51), (-1, 5, 0), (0, -1, 0)])
def test_cuts_beyond_the_clip_are_refused(start, length, fade):
    with pytest.raises(ValueError, match="out of 1000 samples"):
        cut_and_join(np.zeros(1000, np.float32), start, length, fade)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_hum_has_its_level_frequency_and_offset(mains_hz):
    hum = add_hum(np.zeros(RATE, np.float32), RATE, mains_hz, -40.0, 0.01)
    assert hum.mean() == pytest.approx(0.01, abs=1e-5)
    assert 10 * np.log10(np.mean((hum - hum.mean()) ** 2)) == pytest.approx(-40, abs=0.1)
    power = np.abs(np.fft.rfft(hum - hum.mean())) ** 2
    assert np.flatnonzero(power > 1e-3 * power.max()).tolist() == [round(mains_hz * order) for order in range(1, 7)]
