"""Level over time: automatic gain control and clipping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_BLOCK_S = 0.01


def gain_control(
    samples: Float,
    sample_rate: int,
    *,
    target_db: float,
    attack_s: float,
    release_s: float,
    max_gain_db: float = 30.0,
    gate_db: float = -60.0,
) -> Float:
    """Automatic gain control: pull the level of each 10 ms towards ``target_db``.

    Parameters
    ----------
    target_db : RMS, dB re full scale.
    attack_s, release_s : time constants of falling and of rising gain.
    max_gain_db : the gain stays within plus and minus this.
    gate_db : in blocks below it the gain holds, so that pauses are not pumped up.

    Returns
    -------
    samples [shape=(n,)], clipped at full scale, as a converter does
    """
    block = max(round(_BLOCK_S * sample_rate), 1)
    count = -(-len(samples) // block)
    if count == 0:
        return samples.copy()
    power = np.mean(np.pad(samples, (0, count * block - len(samples))).reshape(count, block).astype(np.float64) ** 2, 1)
    level_db = 10.0 * np.log10(power + 1e-12)
    wanted_db = np.clip(target_db - level_db, -max_gain_db, max_gain_db)
    fall, rise = (1.0 - np.exp(-_BLOCK_S / seconds) for seconds in (attack_s, release_s))
    loud = np.flatnonzero(level_db >= gate_db)
    # A device has been running before the clip begins: it starts where the first speech wants it.
    gain_db = float(wanted_db[loud[0]]) if len(loud) else 0.0
    gains_db = np.empty(count)
    for index in range(count):
        if level_db[index] >= gate_db:
            step_db = float(wanted_db[index]) - gain_db
            gain_db += (fall if step_db < 0.0 else rise) * step_db
        gains_db[index] = gain_db
    smooth_db = np.interp(np.arange(len(samples)), (np.arange(count) + 0.5) * block, gains_db)
    return np.clip(samples * 10.0 ** (smooth_db / 20.0), -1.0, 1.0).astype(np.float32)


def clip_share(samples: Float, share: float, *, soft: bool = False) -> Float:
    """Clip so that ``share`` of the samples [shape=(n,)] lies at or beyond the limit; the limit keeps its level.

    Parameters
    ----------
    share : 0 to 1.
    soft : bend smoothly by tanh instead of cutting flat, as an overdriven amplifier does.
    """
    if len(samples) == 0:
        return samples.copy()
    limit = float(np.quantile(np.abs(samples), 1.0 - share))
    if limit == 0.0:
        return samples.copy()
    clipped = limit * np.tanh(samples / limit) if soft else np.clip(samples, -limit, limit)
    return clipped.astype(np.float32)
