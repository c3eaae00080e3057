"""Change the rate of a whole clip without touching its band."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_EDGE = 1600
"""Samples of mirrored signal on both sides, which keep the transform's wrap-around out of the clip."""


def change_length(samples: Float, length: int) -> Float:
    """Resample ``samples`` [shape=(n,)] to ``length`` samples of the same duration, by the Fourier transform.

    A resampler with a transition band cuts the highest twelfth of the spectrum at each passage, and a copy that was
    resampled where its original was not could be told by that alone. Here everything below the lower of the two
    Nyquist frequencies passes unchanged.
    """
    count = len(samples)
    # The mirrored edges must come to whole samples at the new rate, or the clip would move against its original.
    edges = np.arange(min(_EDGE // 2, count - 1), min(_EDGE, count - 1) + 1)
    new_edges = edges * (length / count)
    edge = int(edges[np.argmin(np.abs(new_edges - np.rint(new_edges)))])
    new_edge = round(edge * length / count)
    padded = np.pad(samples.astype(np.float64), edge, mode="reflect")
    total = length + 2 * new_edge
    spectrum = np.fft.rfft(padded)
    kept = np.zeros(total // 2 + 1, np.complex128)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    result = np.fft.irfft(kept, total) * (total / len(padded))
    return result[new_edge : new_edge + length].astype(np.float32)
