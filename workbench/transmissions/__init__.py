"""What a voice passes through on its way: microphone, room, telephone codecs, lost packets, recording formats.

Begin with `apply_transmission`. `chain` composes a transmission of the drawn steps in `draws`; the signal processing is
in `codecs`, `filters`, `noise`, `processing`, `rooms` and `loss`; `augment` is what training does to a clip. Importing
the package loads no NumPy, so that a command line can list the names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLEAN = "clean"
"""The transmission of a clip as it lies in the corpus."""
TRANSMISSIONS: dict[str, str] = {
    CLEAN: "nothing at all",
    "telephone": "a drawn call: hand-set or microphone, at times noise, noise suppression, gain control, a codec of "
    "the telephone network, lost packets, a second codec",
    "g711-mu": "G.711 µ-law, 64 kbit/s, narrow band",
    "g711-a": "G.711 A-law, 64 kbit/s, narrow band",
    "gsm": "GSM full rate, 13 kbit/s, narrow band",
    "amr-nb-4.75": "AMR, 4.75 kbit/s, narrow band",
    "amr-nb-12.2": "AMR, 12.2 kbit/s, narrow band",
    "g722": "G.722, 64 kbit/s, wide band",
    "g723.1": "G.723.1, 6.3 kbit/s, narrow band",
    "g726-16": "G.726, 16 kbit/s, narrow band",
    "g726-32": "G.726, 32 kbit/s, narrow band",
    "opus-nb-8": "Opus for voice, 8 kbit/s, narrow band",
    "opus-wb-16": "Opus for voice, 16 kbit/s, wide band",
    "speex": "Speex, 11 kbit/s, narrow band; needs the ffmpeg program",
    "mp3-32": "MP3, 32 kbit/s at 16 kHz",
    "aac-32": "AAC, 32 kbit/s at 16 kHz",
    "noise-suppressed": "noise at 5 to 20 dB, then a phone's noise suppressor",
    "bad-microphone": "a narrow, resonant microphone with hum and overload",
    "room": "a drawn room, 0.1 to 0.8 s of reverberation",
    "voip-loss": "Opus in wide band with 3 to 12 % of the packets lost and concealed",
}
"""What each transmission does, by name."""

TRANSMISSION_NAMES: tuple[str, ...] = tuple(TRANSMISSIONS)


@dataclass(frozen=True)
class Step:
    """One transform and the numbers that were drawn for it; units stand in the names."""

    name: str
    values: dict[str, float | int | str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The step as a line for people."""
        numbers = ", ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.values.items()
        )
        return f"{self.name}: {numbers}" if numbers else self.name

    def to_dict(self) -> dict[str, Any]:
        """The step as JSON takes it."""
        return {"step": self.name, **self.values}


def apply_transmission(
    name: str,
    samples: NDArray[np.float32],
    sample_rate: int,
    rng: np.random.Generator,
    noises: Sequence[NDArray[np.float32]] = (),
    rooms: Sequence[NDArray[np.float32]] = (),
) -> tuple[NDArray[np.float32], tuple[Step, ...]]:
    """Pass one clip through the transmission ``name`` and return what was drawn.

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


def through_transmission(
    samples: NDArray[np.float32], name: str, sample_rate: int, path: str, seed: int = 0
) -> NDArray[np.float32]:
    """The clip of ``path`` [shape=(n,)] after the transmission ``name``: the same for a seed and a path everywhere."""
    return samples if name == CLEAN else apply_transmission(name, samples, sample_rate, clip_rng(seed, path))[0]


def apply_channel(
    name: str,
    samples: NDArray[np.float32],
    sample_rate: int,
    rng: np.random.Generator,
    noises: Sequence[NDArray[np.float32]] = (),
    rooms: Sequence[NDArray[np.float32]] = (),
) -> NDArray[np.float32]:
    """`apply_transmission` without what was drawn: the name and the result that programs outside the project use."""
    return apply_transmission(name, samples, sample_rate, rng, noises, rooms)[0]


def clip_rng(seed: int, path: str) -> np.random.Generator:
    """The generator of what happens to one clip; the same for a seed and a path on every machine."""
    import numpy as np

    name = int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big")
    return np.random.default_rng([seed, name])
