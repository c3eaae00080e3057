"""Editing: a stretch cut out and the ends joined, as in any edited recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


def cut_and_join(samples: Float, start: int, length: int, fade: int) -> Float:
    """Cut ``length`` samples at ``start`` and join the ends by a cross-fade of ``fade`` samples.

    Parameters
    ----------
    samples : [shape=(n,)]
    start, length, fade : start + length + fade <= n; ``fade`` may be 0, a hard cut.

    Returns
    -------
    samples [shape=(n - length,)]
    """
    if min(start, length, fade) < 0 or start + length + fade > len(samples):
        raise ValueError(f"cannot cut {length} at {start} with a fade of {fade} out of {len(samples)} samples")
    resumed = samples[start + length :].copy()
    rising = (np.arange(fade) + 0.5) / max(fade, 1)
    resumed[:fade] = rising * resumed[:fade] + (1.0 - rising) * samples[start : start + fade]
    return np.concatenate([samples[:start], resumed])
