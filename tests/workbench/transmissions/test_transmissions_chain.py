"""Every transmission gives back a clip in its place, by its seed alone; cuts do what their numbers say."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

from workbench.errors import TransmissionNameError
from workbench.transmissions import TRANSMISSION_NAMES, Step, apply_channel, apply_transmission
from workbench.transmissions.draws import cut_and_join

RATE = 16000


def apply(name, samples, seed=0, **recordings):
    if name == "speex" and shutil.which("ffmpeg") is None:
        pytest.skip("speex needs the ffmpeg program, which is not on PATH")
    return apply_transmission(name, samples, RATE, np.random.default_rng(seed), **recordings)


def envelope(samples):
    return np.sqrt(np.mean(samples[: len(samples) // 160 * 160].reshape(-1, 160) ** 2, axis=1))


@pytest.mark.parametrize("name", TRANSMISSION_NAMES)
def test_length_place_and_seed(speech, rng, name):
    found, steps = apply(name, speech, 3)
    assert found.shape == speech.shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert bool(steps) == (name != "clean")
    before, after = envelope(speech), envelope(found)
    likeness = [np.corrcoef(before[20:-20], np.roll(after, lag)[20:-20])[0, 1] for lag in range(-15, 16)]
    assert abs(int(np.argmax(likeness)) - 15) <= 1
    assert max(likeness) > 0.6
    np.testing.assert_array_equal(found, apply(name, speech, 3)[0])

    for length in (0, 1, 300):
        clip = (0.1 * rng.standard_normal(length)).astype(np.float32)
        found, _ = apply(name, clip)
        assert found.shape == clip.shape
        assert np.isfinite(found).all()
    assert np.isfinite(apply(name, np.zeros(RATE, np.float32))[0]).all()


def test_the_input_is_left_alone_and_clean_is_a_copy(speech):
    clip = speech.copy()
    found, _ = apply_transmission("clean", clip, RATE, np.random.default_rng(0))
    np.testing.assert_array_equal(found, speech)
    found[:] = 0.0
    for name in ("telephone", "bad-microphone", "voip-loss"):
        apply(name, clip)
    np.testing.assert_array_equal(clip, speech)


def test_what_is_drawn_depends_on_neither_clip_nor_transmission(speech):
    """One draw from the caller's generator, whatever happens: no clip changes what the next one meets."""
    states = set()
    for name, clip in (("clean", speech), ("telephone", speech), ("telephone", speech[::-1]), ("room", speech * 0)):
        rng = np.random.default_rng(5)
        apply_transmission(name, clip, RATE, rng)
        states.add(str(rng.bit_generator.state))
    assert len(states) == 1
    first, second = apply("telephone", speech, 8)[1], apply("telephone", 0.3 * speech[::-1].copy(), 8)[1]
    assert first == second


@pytest.mark.slow
def test_telephones_differ_and_are_narrow_or_wide(speech):
    codecs, kinds, shares = set(), set(), []
    for seed in range(60):
        found, steps = apply("telephone", speech[:16000], seed)
        coded = [step for step in steps if step.name == "codec"]
        assert 1 <= len(coded) <= 2
        codecs |= {step.values["name"] for step in coded}
        kinds |= {step.name for step in steps}
        power = np.abs(np.fft.rfft(found)) ** 2
        above = float(power[4100:].sum() / power.sum())
        if any(step.values["name"] not in ("g722", "opus-wb") for step in coded):
            assert above < 1e-3
        shares.append(len(coded) == 2)
    assert codecs == {"g711-mu", "g711-a", "amr-nb", "gsm", "g726", "opus-nb", "g723.1", "g722", "opus-wb"}
    assert kinds == {
        "hand-set", "microphone", "noise", "noise suppression", "level", "gain control", "codec", "packet loss"
    }  # fmt: skip
    assert 0.05 < np.mean(shares) < 0.5


def test_recordings_are_used_where_they_are_given(speech):
    echo = np.zeros(4000, np.float32)
    echo[[0, 3000]] = 1.0, 0.7
    kinds = {apply("room", speech, seed, rooms=[echo])[1][0].values["kind"] for seed in range(20)}
    assert kinds == {"made", "recorded"}
    whistle = np.sin(2 * np.pi * 3000 * np.arange(RATE) / RATE).astype(np.float32)
    peaks = []
    for seed in range(12):
        power = np.abs(np.fft.rfft(apply("noise-suppressed", speech, seed, noises=[whistle])[0])) ** 2
        peaks.append(power[11990:12010].max() / power.max())
    assert 2 <= sum(peak > 0.05 for peak in peaks) <= 10


def test_losses_are_told(speech):
    found, steps = apply("voip-loss", speech, 1)
    loss = steps[-1]
    assert loss.name == "packet loss"
    assert 0 < loss.values["lost_packets"] < 60
    assert not np.array_equal(found, apply("opus-wb-16", speech)[0])


def test_the_earlier_name_gives_the_same_samples(speech):
    given = [np.random.default_rng(3) for _ in range(2)]
    expected, _ = apply_transmission("g711-mu", speech, 16000, given[0])
    np.testing.assert_array_equal(apply_channel("g711-mu", speech, 16000, given[1]), expected)


def test_an_unknown_transmission_is_named(speech):
    with pytest.raises(
        TransmissionNameError, match="transmission 'fax': unknown; expected one of clean, telephone, g711-mu"
    ):
        apply_transmission("fax", speech, RATE, np.random.default_rng(0))


def test_steps_read_well_and_keep_their_numbers():
    step = Step("codec", {"name": "gsm", "kbps": 13.0, "packets": 3})
    assert str(step) == "codec: name gsm, kbps 13, packets 3"
    assert str(Step("clean")) == "clean"
    assert step.to_dict() == {"step": "codec", "name": "gsm", "kbps": 13.0, "packets": 3}


def test_importing_the_names_brings_in_nothing_heavy():
    code = "import sys, workbench.transmissions; print(sorted({'numpy', 'av', 'soxr', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


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
