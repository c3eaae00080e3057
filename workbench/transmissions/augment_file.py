"""One recording after a transmission or an augmentation, written to a file and plotted before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import AugmentError
from workbench.transmissions import Step, apply_transmission
from workbench.transmissions.augment import augment, set_peak
from workbench.transmissions.config import AugmentConfig

Float = NDArray[np.float32]

SAMPLE_RATE = 16000
_WINDOW = 512
_HOP = 128
_RANGE_DB = 80.0
_BEFORE, _AFTER = "0.55", "#b03030"


@dataclass(frozen=True)
class Augmented:
    """What `augment_file` made: samples [shape=(n,)] at `SAMPLE_RATE`, and the steps that led there."""

    samples: Float
    steps: tuple[Step, ...]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE


def check_names(output: Path, plot: Path | None) -> None:
    """Refuse names of files that cannot be written, before any work.

    Raises
    ------
    AugmentError
        ``output`` is no .flac or .wav, or ``plot`` no .png, .pdf or .svg.
    """
    for path, suffixes in ((output, (".flac", ".wav")), (plot, (".png", ".pdf", ".svg"))):
        if path is not None and path.suffix.lower() not in suffixes:
            raise AugmentError(f"{path}: expected a name that ends in {', '.join(suffixes[:-1])} or {suffixes[-1]}")


def augment_file(
    samples: Float,
    output: Path,
    how: str | AugmentConfig,
    *,
    seed: int = 0,
    noises: Sequence[Float] = (),
    rooms: Sequence[Float] = (),
    plot: Path | None = None,
    title: str = "",
) -> Augmented:
    """Pass a recording through a transmission or an augmentation, and write it.

    Parameters
    ----------
    samples : [shape=(n,), range -1 to 1], at `SAMPLE_RATE`; at least one.
    output : .flac or .wav, 16 bits; a result that overshoots full scale is turned down, which the steps state.
    how : a transmission's name, or the configuration of an augmentation.
    noises, rooms : recordings [shape=(m,)] to draw from; without any, they are made.
    plot : picture to draw (.png, .pdf or .svg), under ``title``.

    Raises
    ------
    AugmentError
        A file cannot be written.
    TransmissionNameError, CodecError
        As `workbench.transmissions.apply_transmission`.
    """
    check_names(output, plot)
    rng = np.random.default_rng(seed)
    if isinstance(how, str):
        made, steps = apply_transmission(how, samples, SAMPLE_RATE, rng, noises, rooms)
    else:
        made, steps = augment(samples, how, rng, SAMPLE_RATE, noises, rooms)
    if float(np.abs(made).max()) > 1.0:
        made, steps = set_peak(made, 0.0), (*steps, Step("level", {"peak_db": 0.0}))
    _write(output, made)
    if plot is not None:
        plot_before_after(samples, made, SAMPLE_RATE, plot, title, steps)
    return Augmented(made, steps)


def _write(path: Path, samples: Float) -> None:
    import soundfile

    try:
        soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
    except (OSError, soundfile.LibsndfileError) as error:
        raise AugmentError(f"{path}: cannot be written ({error}); choose another place") from error


def spectrogram_db(samples: Float) -> NDArray[np.float64]:
    """Power of Hann-windowed frames [bins, frames], dB; a full-scale sine in the middle of a bin has 0 dB."""
    padded = np.pad(samples.astype(np.float64), (0, max(_WINDOW - len(samples), 0)))
    window = np.hanning(_WINDOW)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * window) * 2.0 / window.sum()) ** 2
    decibels: NDArray[np.float64] = 10.0 * np.log10(power.T + 1e-12)
    return decibels


def long_term_db(samples: Float) -> NDArray[np.float64]:
    """Mean power over time [bins], dB."""
    mean: NDArray[np.float64] = 10.0 * np.log10(np.mean(10.0 ** (spectrogram_db(samples) / 10.0), axis=1))
    return mean


def plot_before_after(
    before: Float, after: Float, sample_rate: int, path: Path, title: str, steps: Sequence[Step] = ()
) -> None:
    """Draw both [shape=(n,), range -1 to 1] into ``path``; the format follows from its suffix.

    Raises
    ------
    AugmentError
        The picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 9.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplot_mosaic([["wave before", "wave after"], ["before", "after"], ["spectrum", "spectrum"]])
    length_s = max(len(before), len(after)) / sample_rate
    for name, samples, colour in (("before", before, _BEFORE), ("after", after, _AFTER)):
        _waveform(axes[f"wave {name}"], samples, sample_rate, length_s, name, colour)
        image = _spectrogram(axes[name], samples, sample_rate, length_s)
        axes["spectrum"].plot(
            np.arange(_WINDOW // 2 + 1) * sample_rate / _WINDOW, long_term_db(samples), color=colour, label=name
        )
    figure.colorbar(image, ax=[axes["before"], axes["after"]], label="dB re the loudest", pad=0.01)
    axes["spectrum"].set(xlim=(0, sample_rate / 2), xlabel="frequency (Hz)", ylabel="long-term power (dB)")
    axes["spectrum"].grid(alpha=0.3)
    axes["spectrum"].legend(loc="upper right")
    figure.suptitle("\n".join([title, *_wrapped(steps)]), fontsize=9)
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise AugmentError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from error


def _waveform(axes: Any, samples: Float, sample_rate: int, length_s: float, name: str, colour: str) -> None:
    axes.plot(np.arange(len(samples)) / sample_rate, samples, color=colour, linewidth=0.4)
    peak_db = 20.0 * np.log10(float(np.max(np.abs(samples), initial=0.0)) + 1e-6)
    rms_db = 10.0 * np.log10(float(np.mean(samples.astype(np.float64) ** 2)) + 1e-12)
    axes.set(xlim=(0, length_s), ylim=(-1, 1), title=f"{name}: peak {peak_db:.1f} dB, RMS {rms_db:.1f} dB")
    axes.grid(alpha=0.3)


def _spectrogram(axes: Any, samples: Float, sample_rate: int, length_s: float) -> Any:
    extent = (0.0, len(samples) / sample_rate, 0.0, sample_rate / 2.0)
    levels = spectrogram_db(samples)
    top = max(float(levels.max()), -60.0)
    image = axes.imshow(
        levels - top, origin="lower", aspect="auto", extent=extent, vmin=-_RANGE_DB, vmax=0.0, cmap="magma"
    )
    axes.set(xlim=(0, length_s), xlabel="time (s)", ylabel="frequency (Hz)")
    return image


def _wrapped(steps: Sequence[Step]) -> list[str]:
    """The steps as lines of at most about 150 characters."""
    lines: list[str] = []
    for step in map(str, steps):
        if lines and len(lines[-1]) + len(step) < 150:
            lines[-1] += f"  →  {step}"
        else:
            lines.append(step)
    return lines
