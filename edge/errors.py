"""Errors of the edge runtime; each carries one complete message: what was expected, what came, what to do.

EdgeError
├── AudioError
│   ├── UnreadableAudioError
│   ├── UnsupportedFormatError
│   └── ChannelError
├── StreamEndedError
├── ConfigError
└── ModelError
    ├── NotAModelError
    └── ContractMismatchError
"""

from __future__ import annotations


class EdgeError(Exception):
    """Base of every error that the runtime raises on purpose."""


class AudioError(EdgeError):
    """A recording cannot be scored."""


class UnreadableAudioError(AudioError):
    """Missing, empty, truncated, or not audio."""


class UnsupportedFormatError(AudioError):
    """Audio that needs an optional part, or has too low a sample rate."""


class ChannelError(AudioError):
    """The channel asked for does not exist."""


class StreamEndedError(EdgeError):
    """Samples were fed to a stream that was flushed or closed."""


class ConfigError(EdgeError):
    """A configuration file cannot be read or does not fit."""


class ModelError(EdgeError):
    """A model cannot be used."""


class NotAModelError(ModelError):
    """The file is missing or no TFLite model."""


class ContractMismatchError(ModelError):
    """The model's contract is missing or does not fit this runtime."""
