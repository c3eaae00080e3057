"""The named transmissions, and the telephone as a chain of what a voice meets on its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.errors import TransmissionNameError
from workbench.transmissions import TRANSMISSION_NAMES, Step, draws
from workbench.transmissions.draws import Drawn, Rng

Float = NDArray[np.float32]

# Speex would need a program that not every machine has: the same seed must give the same training anywhere.
_NARROW = ("g711-mu", "g711-a", "amr-nb", "amr-nb", "gsm", "g726", "opus-nb", "g723.1")
_WIDE = ("g722", "opus-wb", "opus-wb")
_WIDE_SHARE = 0.3
_FIXED_CODECS: dict[str, tuple[str, int | None]] = {
    "g711-mu": ("g711-mu", None),
    "g711-a": ("g711-a", None),
    "gsm": ("gsm", None),
    "amr-nb-4.75": ("amr-nb", 4750),
    "amr-nb-12.2": ("amr-nb", 12200),
    "g722": ("g722", None),
    "g723.1": ("g723.1", None),
    "g726-16": ("g726", 16000),
    "g726-32": ("g726", 32000),
    "opus-nb-8": ("opus-nb", 8000),
    "opus-wb-16": ("opus-wb", 16000),
    "speex": ("speex", None),
    "mp3-32": ("mp3", 32000),
    "aac-32": ("aac", 32000),
}


@dataclass
class Chain:
    """One clip on its way; each stage replaces the samples and adds its step.

    Attributes
    ----------
    samples : [shape=(n,)]
    noises, rooms : recordings [shape=(m,)] at ``sample_rate`` to draw from; may be empty.
    """

    samples: Float
    sample_rate: int
    rng: Rng
    noises: Sequence[Float] = ()
    rooms: Sequence[Float] = ()
    steps: list[Step] = field(default_factory=list)

    def add(self, drawn: Drawn) -> None:
        """Take what a draw made."""
        self.samples, step = drawn
        self.steps.append(step)

    def happens(self, chance: float) -> bool:
        """Whether an event of this chance happens now."""
        return bool(self.rng.random() < chance)


def run_transmission(
    name: str,
    samples: Float,
    sample_rate: int,
    rng: Rng,
    noises: Sequence[Float] = (),
    rooms: Sequence[Float] = (),
) -> tuple[Float, tuple[Step, ...]]:
    """Pass one clip through the transmission ``name``; see `workbench.transmissions.apply_transmission`."""
    if name not in TRANSMISSION_NAMES:
        raise TransmissionNameError(f"transmission {name!r}: unknown; expected one of {', '.join(TRANSMISSION_NAMES)}")
    # One draw from the caller's generator, whatever follows: the next clip's draws do not depend on this transmission.
    chain = Chain(samples.astype(np.float32), sample_rate, np.random.default_rng(rng.integers(2**63)), noises, rooms)
    if len(samples):
        if name in _FIXED_CODECS:
            chain.add(draws.coded(chain.samples, sample_rate, *_FIXED_CODECS[name]))
        else:
            _COMPOSED[name](chain)
    return chain.samples, tuple(chain.steps)


def _clean(chain: Chain) -> None:
    """Nothing; a copy was made already."""


def _telephone(chain: Chain) -> None:
    rate, rng = chain.sample_rate, chain.rng
    wide = chain.happens(_WIDE_SHARE)
    if not wide and chain.happens(0.5):
        chain.add(draws.hand_set(chain.samples, rate, rng))
    elif chain.happens(0.8):
        high_hz = (6000.0, 7600.0) if wide else (3400.0, 7000.0)
        chain.add(draws.microphone(chain.samples, rate, rng, high_hz))
    if chain.happens(0.4):
        chain.add(draws.background(chain.samples, rng, chain.noises, (8.0, 35.0)))
    if chain.happens(0.3):
        chain.add(draws.noise_suppression(chain.samples, rate, rng))
    _set_level(chain)
    if chain.happens(0.3):
        chain.add(draws.gain_control(chain.samples, rate, rng))
    codecs = _WIDE if wide else _NARROW
    chain.add(draws.codec(chain.samples, rate, rng, codecs))
    if chain.happens(0.3):
        chain.add(draws.packet_loss(chain.samples, rate, rng, codec_rate_hz=16000 if wide else 8000))
    if chain.happens(0.25):
        # A second network; between two of them, wide-band speech usually becomes narrow.
        chain.add(draws.codec(chain.samples, rate, rng, _NARROW))


def _noise_suppressed(chain: Chain) -> None:
    chain.add(draws.background(chain.samples, chain.rng, chain.noises, (5.0, 20.0)))
    chain.add(draws.noise_suppression(chain.samples, chain.sample_rate, chain.rng))


def _bad_microphone(chain: Chain) -> None:
    chain.add(draws.microphone(chain.samples, chain.sample_rate, chain.rng, (3400.0, 5500.0), (6.0, 14.0)))
    chain.add(draws.hum(chain.samples, chain.sample_rate, chain.rng, (-50.0, -35.0)))
    chain.add(draws.clipping(chain.samples, chain.rng, (0.005, 0.05)))


def _room(chain: Chain) -> None:
    chain.add(draws.room(chain.samples, chain.sample_rate, chain.rng, chain.rooms))


def _voip_loss(chain: Chain) -> None:
    chain.add(draws.codec(chain.samples, chain.sample_rate, chain.rng, ("opus-wb",)))
    chain.add(draws.packet_loss(chain.samples, chain.sample_rate, chain.rng, (0.03, 0.12)))


def _set_level(chain: Chain) -> None:
    """How loud the talker reaches the codec, which has 16 bits and a full scale."""
    peak_db = chain.rng.uniform(-24.0, -1.0)
    peak = float(np.max(np.abs(chain.samples), initial=0.0))
    if peak > 0.0:
        chain.samples = (chain.samples * (10.0 ** (peak_db / 20.0) / peak)).astype(np.float32)
    chain.steps.append(Step("level", {"peak_db": peak_db}))


_COMPOSED: dict[str, Callable[[Chain], None]] = {
    "clean": _clean,
    "telephone": _telephone,
    "noise-suppressed": _noise_suppressed,
    "bad-microphone": _bad_microphone,
    "room": _room,
    "voip-loss": _voip_loss,
}
