"""What a front end measures of a signal, in numbers: part of a model's contract."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class FrontEndSpec:
    """Mel analysis of 16 kHz audio; counts in samples, frequencies in Hz.

    A feature is ``clip(log_gain * ln(max(log_floor, mel power)) + log_offset, clip_low, clip_high)``.
    With ``unit_gain`` the window sums to 1, so a full-scale sine has power 0.25 in its bin. With ``phase_advance``,
    ``phase_mels`` bands of their own have two more features each: the real and the imaginary part of their mean phase
    advance. With ``brief_window``, a reading of its own follows, too fast for mel bands: the log power of each of
    its bins above 0 Hz, for each step of a hop in turn.
    """

    sample_rate: int = 16000
    window: int = 512
    hop: int = 256
    n_fft: int = 512
    n_mels: int = 80
    fmin_hz: float = 60.0
    fmax_hz: float = 7600.0
    unit_gain: bool = True
    log_floor: float = 1e-10
    log_gain: float = 10.0 / math.log(10.0) / 20.0
    log_offset: float = 3.5
    clip_low: float = -1.5
    clip_high: float = 3.5
    mean_s: float = 0.0
    """Each band's running mean over speech, with this time constant in seconds, is subtracted; 0 keeps the bands."""
    mel_break_hz: float | None = None
    """Where the mel scale ``ln(1 + f / break)`` bends from linear to logarithmic: 700 is the scale of O'Shaughnessy
    (1987), thousands make narrow bands of nearly equal width up to the top. None: Slaney's scale."""
    phase_advance: int = 0
    """Samples over which the advance of phase is measured; 0 measures none."""
    phase_floor: float = 1e-9
    """Power of a bin, summed over a hop's spectra, at which its phase counts for half: below it lies noise."""
    phase_range_db: float = 0.0
    """Where above 0, the floor follows the voice instead: this far below the running peak of the speech-band level
    (`SpeechSpec`), so that a quiet recording reads as a loud one does."""
    phase_mels: int = 0
    """Bands of the phase; 0: as many as of the power."""
    power_window: int = 0
    """Window of the power where phase has one of its own, a multiple of the hop; 0: the window. One longer than
    ``n_fft`` is folded: the bins stay where they are, and each answers to less of its neighbours."""
    brief_window: int = 0
    """Window of the brief reading, shorter than a pitch period of most voices; 0: none."""
    brief_step: int = 16
    """Samples between its windows."""

    def __post_init__(self) -> None:
        if self.window % 2 or self.window % self.hop:
            raise ValueError(f"window must be even and a multiple of hop; got {self.window} and {self.hop} samples")
        if self.window > self.n_fft:
            raise ValueError(f"n_fft must be at least the window; got {self.n_fft} < {self.window} samples")
        if self.mean_s < 0:
            raise ValueError(f"mean_s is 0 (off) or a time constant in seconds; got {self.mean_s}")
        if self.mel_break_hz is not None and self.mel_break_hz <= 0:
            raise ValueError(f"mel_break_hz is positive, or absent for Slaney's scale; got {self.mel_break_hz}")
        if self.phase_advance < 0 or (self.phase_advance and self.hop % self.phase_advance):
            raise ValueError(
                f"phase_advance is 0 (off) or divides the hop ({self.hop} samples); got {self.phase_advance}"
            )
        if self.power_window % self.hop or self.power_window < 0:
            raise ValueError(
                f"power_window is 0 (as window) or a multiple of the hop ({self.hop}); got {self.power_window}"
            )
        if self.phase_range_db < 0:
            raise ValueError(f"phase_range_db is 0 (a fixed phase_floor) or positive; got {self.phase_range_db} dB")
        if self.phase_mels < 0 or (not self.phase_advance and (self.phase_mels or self.power_window)):
            raise ValueError(
                "phase_mels and power_window belong to a front end with phase_advance, and are at least 0; got "
                f"{self.phase_mels} bands, {self.power_window} samples, phase_advance {self.phase_advance}"
            )
        if not 0 <= self.fmin_hz < self.fmax_hz <= self.sample_rate / 2:
            raise ValueError(f"need 0 <= fmin < fmax <= {self.sample_rate / 2} Hz; got {self.fmin_hz}, {self.fmax_hz}")
        self._check_brief()

    def _check_brief(self) -> None:
        if not self.brief_window:
            return
        if self.brief_step < 1 or self.hop % self.brief_step or self.brief_window % (2 * self.brief_step):
            raise ValueError(
                f"brief_step divides the hop ({self.hop} samples), and brief_window is 0 (none) or an even number of "
                f"steps; got {self.brief_step} and {self.brief_window}"
            )
        if not 0 <= self.brief_window <= self.window:
            raise ValueError(f"brief_window lies between 0 and the window ({self.window}); got {self.brief_window}")

    @property
    def overlap(self) -> int:
        """Samples that a frame shares with those before it: the stream's carried tail.

        With phase, a frame needs one spectrum more, that of ``phase_advance`` samples before its first.
        """
        if not self.phase_advance:
            return self.window - self.hop
        return max(self.window, self.power_window - self.hop)

    @property
    def step(self) -> int:
        """Samples between the spectra that are computed: the hop, or a part of it where phase is measured."""
        return self.phase_advance or self.hop

    @property
    def phase_bands(self) -> int:
        """Bands whose phase advance is measured."""
        return (self.phase_mels or self.n_mels) if self.phase_advance else 0

    @property
    def brief_bands(self) -> int:
        """Bins of the brief reading."""
        return self.brief_window // 2

    @property
    def brief_rows(self) -> int:
        """Windows of the brief reading in a hop."""
        return self.hop // self.brief_step if self.brief_window else 0

    @property
    def n_features(self) -> int:
        """Features of a frame: the log power of each band, the two parts of the advance of each phase band, and the
        brief reading.
        """
        return self.n_mels + 2 * self.phase_bands + self.brief_rows * self.brief_bands

    @property
    def frames_per_s(self) -> float:
        return self.sample_rate / self.hop


@dataclass(frozen=True)
class SpeechSpec:
    """The energy measure that decides which frames count as speech.

    A frame counts by how far its level in the speech band lies above the larger of ``floor_db`` (dB re full
    scale), the running peak less ``range_db``, and the running noise floor plus ``above_noise_db``: 0 at that
    bound, 1 at ``ramp_db`` above it. The peak falls and the noise floor rises at the given rates, so a steady
    hum ceases to count within seconds.
    """

    low_hz: float = 200.0
    high_hz: float = 3800.0
    floor_db: float = -70.0
    range_db: float = 36.0
    above_noise_db: float = 6.0
    ramp_db: float = 6.0
    peak_fall_db_per_s: float = 6.0
    noise_rise_db_per_s: float = 6.0
    # Where the trackers start: below anything (peak), and a quiet room (noise), so that a clip which begins
    # in the middle of a word counts from its first frame.
    initial_peak_db: float = -100.0
    initial_noise_db: float = -70.0
