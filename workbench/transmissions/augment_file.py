"""Augment one recording into a file, and plot it before and after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.config import load_config
from workbench.data.cache import decode
from workbench.errors import AugmentError
from workbench.transmissions import Step, apply_transmission_described
from workbench.transmissions.augment import augment_described, set_peak
from workbench.transmissions.recordings import Recordings, read_recordings

Float = NDArray[np.float32]

SAMPLE_RATE = 16000
_FORMATS = (".flac", ".wav")


@dataclass(frozen=True)
class AugmentedFile:
    """What `augment_file` wrote, and the steps that led there."""

    source: Path
    output: Path
    seed: int
    duration_s: float
    steps: tuple[Step, ...]

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON takes it."""
        return {
            "path": str(self.source),
            "output": str(self.output),
            "seed": self.seed,
            "duration_s": self.duration_s,
            "steps": [step.to_dict() for step in self.steps],
        }


def augment_file(
    source: Path,
    output: Path,
    *,
    transmission: str | None = None,
    config: str | None = None,
    seed: int = 0,
    noise_folder: Path | None = None,
    plot: Path | None = None,
) -> AugmentedFile:
    """Pass a recording, as mono at 16 kHz, through a transmission or a configuration's augmentation, and write it.

    Parameters
    ----------
    transmission, config : exactly one of the two.
    output : .flac or .wav, 16 bits; a result that overshoots full scale is turned down, which the steps tell.
    plot : picture to draw (.png, .pdf or .svg).

    Raises
    ------
    AudioError
        ``source`` cannot be read.
    WorkbenchError
        The transmission, configuration, noise folder or output cannot be used, or ``source`` holds no sample.
    """
    if output.suffix.lower() not in _FORMATS:
        raise AugmentError(f"{output}: expected a name that ends in {' or '.join(_FORMATS)}")
    if plot is not None and plot.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise AugmentError(f"{plot}: expected a name that ends in .png, .pdf or .svg")
    if (transmission is None) == (config is None):
        raise AugmentError("expected either a transmission or a configuration")
    samples = decode(source, SAMPLE_RATE)
    if not len(samples):
        raise AugmentError(f"{source}: holds no sample; expected a recording")
    found = Recordings() if noise_folder is None else read_recordings(noise_folder, SAMPLE_RATE)
    made, steps = _apply(samples, transmission, config, np.random.default_rng(seed), found)
    if float(np.abs(made).max()) > 1.0:
        made, steps = set_peak(made, 0.0), (*steps, Step("level", {"peak_db": 0.0}))
    _write(output, made)
    if plot is not None:
        from workbench.transmissions.plot import plot_before_after

        plot_before_after(samples, made, SAMPLE_RATE, plot, transmission or config or "", steps)
    return AugmentedFile(source, output, seed, len(made) / SAMPLE_RATE, steps)


def _apply(
    samples: Float, transmission: str | None, config: str | None, rng: np.random.Generator, found: Recordings
) -> tuple[Float, tuple[Step, ...]]:
    if transmission is not None:
        return apply_transmission_described(transmission, samples, SAMPLE_RATE, rng, found.noises, found.rooms)
    settings = load_config(config or "").augment
    return augment_described(samples, settings, rng, SAMPLE_RATE, found.noises, found.rooms)


def _write(path: Path, samples: Float) -> None:
    import soundfile

    try:
        soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
    except (OSError, soundfile.LibsndfileError) as error:
        raise AugmentError(f"{path}: cannot be written ({error}); choose another place") from error
