"""What a voice passes through before it is heard: microphone, room, telephone codecs, lost packets, recording formats.

Cheap to import: NumPy, soxr and PyAV come in when a transmission is applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.transmissions.names import TRANSMISSION_NAMES
from workbench.transmissions.steps import Step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TRANSMISSION_NAMES", "Step", "apply_transmission", "apply_transmission_described"]


def apply_transmission(
    name: str,
    samples: NDArray[np.float32],
    sample_rate: int,
    rng: np.random.Generator,
    noises: Sequence[NDArray[np.float32]] = (),
    rooms: Sequence[NDArray[np.float32]] = (),
) -> NDArray[np.float32]:
    """Pass one clip through the transmission ``name``; see `apply_transmission_described`."""
    return apply_transmission_described(name, samples, sample_rate, rng, noises, rooms)[0]


def apply_transmission_described(
    name: str,
    samples: NDArray[np.float32],
    sample_rate: int,
    rng: np.random.Generator,
    noises: Sequence[NDArray[np.float32]] = (),
    rooms: Sequence[NDArray[np.float32]] = (),
) -> tuple[NDArray[np.float32], tuple[Step, ...]]:
    """Pass one clip through the transmission ``name`` and tell what was drawn.

    Parameters
    ----------
    samples : [shape=(n,), float32, range -1 to 1]
    rng : the only source of chance; the same state gives the same result, where the same codecs are available.
    noises : backgrounds [shape=(m,)] at ``sample_rate``; without any, coloured noise is made.
    rooms : impulse responses [shape=(m,)] at ``sample_rate``; without any, they are made.

    Returns
    -------
    samples [shape=(n,)], aligned with the input, and the steps in their order

    Raises
    ------
    TransmissionNameError
        There is no transmission of this name.
    CodecError
        The transmission needs a codec that this machine lacks.
    """
    from workbench.transmissions.chain import run_transmission

    return run_transmission(name, samples, sample_rate, rng, noises, rooms)
