"""Configuration of augmentation; `workbench.config` re-exports it as the table ``[augment]``."""

from __future__ import annotations

from dataclasses import dataclass, fields

from workbench.errors import require
from workbench.transmissions import TRANSMISSION_NAMES

RECORDING_KBPS = (16, 24, 32, 48, 64, 96)
"""Bit rates of the recording formats."""


@dataclass(frozen=True)
class AugmentConfig:
    """Augmentation; each chance in [0, 1] is drawn alike for both classes, each range is (low, high).

    The fields stand in the order in which a voice meets them; level comes last.
    """

    clean: float = 0.0
    """Chance that a clip gets its level and nothing else."""
    room: float = 0.0
    """A recorded or a made room (`workbench.transmissions.rooms`)."""
    room_rt60_s: tuple[float, float] = (0.1, 0.8)
    room_direct_db: tuple[float, float] = (-3.0, 15.0)
    """Direct to reverberant energy of a made room."""
    noise: float = 0.5
    noise_snr_db: tuple[float, float] = (5.0, 35.0)
    cut_join: float = 0.0
    """A stretch cut out and the ends joined; the clip becomes shorter."""
    cut_s: tuple[float, float] = (0.05, 0.5)
    microphone: float = 0.0
    """A cheap microphone's band, tilt and resonance."""
    hum: float = 0.0
    """Mains hum and offset."""
    hum_db: tuple[float, float] = (-60.0, -35.0)
    """Its RMS, dB re full scale."""
    clip: float = 0.0
    """Overload, hard or soft."""
    clip_share: tuple[float, float] = (0.001, 0.05)
    """Share of the samples at the limit; drawn evenly over its logarithm."""
    noise_suppression: float = 0.0
    """A phone's noise suppressor; it may run on clean clips too."""
    agc: float = 0.0
    """Automatic gain control."""
    agc_target_db: tuple[float, float] = (-30.0, -16.0)
    """RMS that it steers for, dB re full scale."""
    band_limit: float = 0.5
    band_limit_hz: tuple[float, float] = (3400.0, 7600.0)
    transmission: float = 0.0
    """One of ``transmissions``."""
    transmissions: tuple[str, ...] = ("telephone",)
    """Names of `workbench.transmissions.TRANSMISSION_NAMES`; name one twice to double its chance."""
    recording_format: float = 0.0
    """MP3 or AAC, as a voice message or a recorder keeps it."""
    recording_kbps: tuple[float, float] = (16.0, 96.0)
    rawboost: float = 0.0
    """RawBoost's noises (`workbench.transmissions.rawboost`)."""
    rawboost_snr_db: tuple[float, float] = (10.0, 40.0)
    """Of its stationary noise."""
    level_db: tuple[float, float] = (-30.0, 0.0)
    """Peak level, dB re full scale."""
    frequency_masks: int = 2
    frequency_mask_bands: int = 8
    time_masks: int = 2
    time_mask_frames: int = 12

    def __post_init__(self) -> None:
        for name in CHANCES:
            require(0 <= getattr(self, name) <= 1, f"augment.{name} is a chance in [0, 1]; got {getattr(self, name)}")
        for name in RANGES:
            low, high = getattr(self, name)
            require(low <= high, f"augment.{name} is (low, high); got ({low}, {high})")
        for name in ("band_limit_hz", "room_rt60_s", "clip_share"):
            require(getattr(self, name)[0] > 0, f"augment.{name} is positive; got {getattr(self, name)}")
        require(self.cut_s[0] >= 0, f"augment.cut_s is at least 0; got {self.cut_s}")
        require(self.clip_share[1] <= 1, f"augment.clip_share is a share of at most 1; got {self.clip_share}")
        low_kbps, high_kbps = self.recording_kbps
        require(
            any(low_kbps <= rate <= high_kbps for rate in RECORDING_KBPS),
            f"augment.recording_kbps holds at least one of {RECORDING_KBPS}; got {self.recording_kbps}",
        )
        unknown = sorted(set(self.transmissions) - set(TRANSMISSION_NAMES))
        require(
            not unknown,
            f"augment.transmissions: unknown {', '.join(unknown)}; known are {', '.join(TRANSMISSION_NAMES)}",
        )
        require(
            bool(self.transmissions) or self.transmission == 0,
            "augment.transmissions is empty, but augment.transmission is not 0",
        )
        for name in _COUNTS:
            require(getattr(self, name) >= 0, f"augment.{name} is at least 0; got {getattr(self, name)}")


CHANCES = tuple(item.name for item in fields(AugmentConfig) if item.type == "float")
RANGES = tuple(item.name for item in fields(AugmentConfig) if item.type == "tuple[float, float]")
_COUNTS = tuple(item.name for item in fields(AugmentConfig) if item.type == "int")
