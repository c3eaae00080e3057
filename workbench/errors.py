"""Errors of the workbench, a branch of the runtime's tree.

EdgeError
└── WorkbenchError
    ├── ConfigError
    ├── ManifestError
    ├── LeakError
    ├── TrainingError
    ├── EvaluationError
    ├── AugmentError
    ├── TransmissionNameError
    ├── CodecError
    ├── SynthesisError
    └── QuantizeError
        └── ParityError
"""

from __future__ import annotations

from edge.errors import EdgeError


class WorkbenchError(EdgeError):
    """Base of every error that the workbench raises on purpose."""


class ConfigError(WorkbenchError):
    """The configuration cannot be read or does not fit."""


class ManifestError(WorkbenchError):
    """A manifest or corpus layout cannot be read."""


class LeakError(WorkbenchError):
    """A speaker, source or file lies on two sides of a split."""


class TrainingError(WorkbenchError):
    """Training cannot start or resume."""


class EvaluationError(WorkbenchError):
    """A model cannot be evaluated on a manifest."""


class AugmentError(WorkbenchError):
    """A recording cannot be augmented, or the result not written."""


class TransmissionNameError(WorkbenchError):
    """There is no transmission of this name."""


class CodecError(WorkbenchError):
    """A codec is unknown, cannot be run here, or fails."""


class SynthesisError(WorkbenchError):
    """A synthesis engine is unknown, not installed, or makes nothing of what it was given."""


class QuantizeError(WorkbenchError):
    """A run cannot be turned into a model."""


class ParityError(QuantizeError):
    """The int8 model falls too far behind the float one."""


def require(condition: bool, message: str) -> None:
    """Refuse a value of the configuration with ``message``, unless ``condition`` holds."""
    if not condition:
        raise ConfigError(message)
