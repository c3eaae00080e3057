"""Streaming sample-rate conversion by soxr; the only place where the rate changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.errors import UnsupportedFormatError

Float = NDArray[np.float32]


class Resampler:
    """Convert a mono stream from ``source_rate`` to ``target_rate`` Hz, piece by piece.

    How the stream is cut does not change the result. Equal rates pass through, and then soxr is not needed.

    Raises
    ------
    UnsupportedFormatError
        The rates differ and soxr is not installed.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        self._stream = None
        if source_rate == target_rate:
            return
        try:
            import soxr
        except ImportError as error:
            raise UnsupportedFormatError(
                f"{source_rate} Hz needs resampling to {target_rate} Hz: pip install 'bonafone[edge]' "
                f"for soxr; where none is to be had, as on 32-bit ARM, convert to {target_rate} Hz before"
            ) from error
        self._stream = soxr.ResampleStream(source_rate, target_rate, 1, dtype="float32", quality="HQ")

    def feed(self, samples: Float) -> Float:
        """Add samples [shape=(n,)]; return those of the target rate that are ready [shape=(m,)]."""
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        if self._stream is None:
            return samples
        converted: Float = self._stream.resample_chunk(samples)
        return converted

    def flush(self) -> Float:
        """End the stream; return the samples that the filter still held."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        rest: Float = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        return rest
