"""Lost packets and what a receiver plays in their place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Flags = NDArray[np.bool_]

CONCEALMENTS = ("silence", "repeat", "pitch")
PACKET_MS = (10, 20, 30)
_FADE_S = 0.06
"""A receiver gives up after this long and falls silent (as ITU-T G.711 appendix I does)."""
_JOIN_S = 0.004
_PITCH_HZ = (66.0, 400.0)
_HISTORY_S = 0.04


def lost_packets(
    count: int, share: float, mean_burst: float, rng: np.random.Generator, *, bad_loss: float = 1.0
) -> Flags:
    """Which of ``count`` packets are lost, by the model of Gilbert (1960) and Elliott (1963).

    Two states, drawn packet by packet: a good one that loses nothing and a bad one that loses ``bad_loss`` of them.

    Parameters
    ----------
    share : packets lost in the long run, below ``bad_loss``.
    mean_burst : mean length of the bad state in packets, at least 1.
    """
    if not 0.0 <= share < bad_loss <= 1.0:
        raise ValueError(f"expected 0 <= share < bad_loss <= 1, got share {share} and bad_loss {bad_loss}")
    if mean_burst < 1.0:
        raise ValueError(f"mean_burst is at least 1 packet; got {mean_burst}")
    bad_share = share / bad_loss
    leave = 1.0 / mean_burst
    enter = min(leave * bad_share / (1.0 - bad_share), 1.0) if bad_share < 1.0 else 1.0
    chances = rng.random((count + 1, 2))
    bad = bool(chances[count, 0] < bad_share)
    lost = np.zeros(count, np.bool_)
    for index in range(count):
        lost[index] = bad and chances[index, 0] < bad_loss
        bad = chances[index, 1] >= leave if bad else chances[index, 1] < enter
    return lost


def conceal(samples: Float, sample_rate: int, lost: Flags, packet_ms: int, method: str) -> Float:
    """Replace the lost packets of ``samples`` [shape=(n,)].

    Parameters
    ----------
    lost : one flag a packet [shape=(ceil(n / packet),)].
    method : ``silence``; ``repeat`` plays the last packet again and fades; ``pitch`` repeats the last pitch period
        and fades, which is what most receivers do.

    Returns
    -------
    samples [shape=(n,)]; they join what follows by a cross-fade of 4 ms
    """
    if method not in CONCEALMENTS:
        raise ValueError(f"method is one of {CONCEALMENTS}; got {method!r}")
    packet = round(packet_ms * sample_rate / 1000)
    played = samples.copy()
    edges = np.flatnonzero(np.diff(np.r_[False, lost, False].astype(np.int8)))
    for first, after in edges.reshape(-1, 2):
        start, stop = int(first) * packet, min(int(after) * packet, len(samples))
        if start >= stop:
            continue
        joined = min(round(_JOIN_S * sample_rate), len(samples) - stop)
        # A little longer than the gap: the surplus fades out under the first packet that arrives.
        made = _substitute(played[:start], stop - start + joined, packet, sample_rate, method)
        played[start:stop] = made[: stop - start]
        rising = (np.arange(joined) + 1.0) / (joined + 1.0)
        played[stop : stop + joined] = rising * samples[stop : stop + joined] + (1.0 - rising) * made[stop - start :]
    return played


def _substitute(history: Float, length: int, packet: int, sample_rate: int, method: str) -> Float:
    """``length`` samples to follow ``history``."""
    if method == "silence" or len(history) == 0:
        return np.zeros(length, np.float32)
    period = packet if method == "repeat" else _pitch_period(history, sample_rate)
    repeated = np.resize(history[-period:], length)
    fade = np.clip(1.0 - np.arange(length) / (_FADE_S * sample_rate), 0.0, 1.0)
    return (repeated * fade).astype(np.float32)


def _pitch_period(history: Float, sample_rate: int) -> int:
    """The lag, in samples, at which the last 40 ms resemble themselves most (normalised autocorrelation)."""
    longest, shortest = round(sample_rate / _PITCH_HZ[0]), round(sample_rate / _PITCH_HZ[1])
    recent = history[-(round(_HISTORY_S * sample_rate) + longest) :].astype(np.float64)
    if len(recent) <= 2 * longest:
        return min(longest, len(history))
    pattern = recent[longest:]
    products = np.correlate(recent[: len(recent) - shortest], pattern, "valid")
    sums = np.cumsum(np.r_[0.0, recent**2])
    energies = (sums[len(pattern) :] - sums[: -len(pattern)])[: len(products)]
    # The first entry is the longest lag.
    return longest - int(np.argmax(products / np.sqrt(energies + 1e-9)))
