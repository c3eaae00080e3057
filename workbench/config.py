"""Frozen configuration, built once at the rim from TOML and options, then handed down by part."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edge.contract import FrontEndSpec, SpeechSpec
from workbench.errors import ConfigError

_T = TypeVar("_T")

ACTIVATIONS = ("relu", "leaky_relu")
SKIPS = ("none", "identity", "projection")
STATISTICS = ("mean", "deviation")


@dataclass(frozen=True)
class ModelConfig:
    """The temporal-convolution detector. One branch per kernel; each has one block per width."""

    kernels: tuple[int, ...] = (3,)
    widths: tuple[int, ...] = (60, 60, 60, 60, 60, 60, 60, 60)
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8)
    activation: str = "relu"
    skip: str = "identity"
    """``identity`` adds a block's input to its output where widths agree; ``projection`` adds, from the third
    block on, a 1x1 convolution of the output two blocks before (the Dessa network)."""
    batch_norm: bool = True
    dropout: float = 0.1
    """Spatial dropout: whole channels."""
    statistics: tuple[str, ...] = STATISTICS
    forgetting_s: float | None = 8.0
    """Time constant in seconds of speech; None keeps everything."""
    head_units: int = 32
    chunk_samples: int = 4096

    def __post_init__(self) -> None:
        _require(self.activation in ACTIVATIONS, f"activation is one of {ACTIVATIONS}; got {self.activation!r}")
        _require(self.skip in SKIPS, f"skip is one of {SKIPS}; got {self.skip!r}")
        _require(
            bool(self.statistics) and set(self.statistics) <= set(STATISTICS),
            f"statistics are some of {STATISTICS}; got {self.statistics}",
        )
        _require(
            len(self.widths) == len(self.dilations) > 0,
            f"give one dilation per width; got {len(self.widths)} widths and {len(self.dilations)} dilations",
        )
        _require(
            min(self.kernels, default=0) >= 1 and min((*self.widths, *self.dilations)) >= 1,
            "kernels, widths and dilations are positive",
        )
        _require(0 <= self.dropout < 1, f"dropout lies in [0, 1); got {self.dropout}")
        _require(
            self.forgetting_s is None or self.forgetting_s > 0, f"forgetting_s is positive; got {self.forgetting_s}"
        )


@dataclass(frozen=True)
class AugmentConfig:
    """Basic augmentation; each chance in [0, 1] is drawn alike for both classes."""

    level_db: tuple[float, float] = (-30.0, 0.0)
    """Peak level, dB re full scale."""
    band_limit: float = 0.5
    band_limit_hz: tuple[float, float] = (3400.0, 7600.0)
    noise: float = 0.5
    noise_snr_db: tuple[float, float] = (5.0, 35.0)
    frequency_masks: int = 2
    frequency_mask_bands: int = 8
    time_masks: int = 2
    time_mask_frames: int = 12

    def __post_init__(self) -> None:
        for name in ("band_limit", "noise"):
            _require(0 <= getattr(self, name) <= 1, f"augment.{name} is a chance in [0, 1]; got {getattr(self, name)}")
        for name in ("level_db", "band_limit_hz", "noise_snr_db"):
            low, high = getattr(self, name)
            _require(low <= high, f"augment.{name} is (low, high); got ({low}, {high})")
        _require(self.band_limit_hz[0] > 0, f"augment.band_limit_hz is positive; got {self.band_limit_hz}")
        for name in ("frequency_masks", "frequency_mask_bands", "time_masks", "time_mask_frames"):
            _require(getattr(self, name) >= 0, f"augment.{name} is at least 0; got {getattr(self, name)}")


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation and sampling."""

    seed: int = 0
    epochs: int = 11
    steps_per_epoch: int = 100
    batch_size: int = 32
    clip_s: float = 3.84
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    label_smoothing: float = 0.02
    average_momentum: float = 0.98
    """Momentum of the running average of the weights, a step; dev is scored with, and the run keeps, the average:
    a few hundred dev clips would else choose by the noise of single steps. 0 keeps the weights as they are."""
    bonafide_weight: float = 1.0
    """Weight of a bona fide clip's loss against a spoof clip's."""
    early_stopping_epochs: int = 11
    """Stop after this many epochs without a better dev EER."""
    paired_share: float = 0.5
    """Share of bona fide draws that come from the same source as a drawn spoof clip."""
    intermediate_loss: float = 0.3
    """Weight of the loss at the chunks before the last, which teaches early answers."""

    def __post_init__(self) -> None:
        for name in ("epochs", "steps_per_epoch", "early_stopping_epochs"):
            _require(getattr(self, name) >= 1, f"train.{name} is at least 1; got {getattr(self, name)}")
        _require(
            self.batch_size >= 2 and self.batch_size % 2 == 0,
            f"train.batch_size is even and at least 2, since half of a batch is spoof; got {self.batch_size}",
        )
        _require(self.clip_s > 0, f"train.clip_s is positive; got {self.clip_s}")
        _require(0 <= self.average_momentum < 1, f"train.average_momentum lies in [0, 1); got {self.average_momentum}")
        for name in ("paired_share", "intermediate_loss"):
            _require(0 <= getattr(self, name) <= 1, f"train.{name} lies in [0, 1]; got {getattr(self, name)}")


@dataclass(frozen=True)
class DataConfig:
    """Where the recordings are: a manifest, or two folders. In TOML, paths start from the file's own folder."""

    manifest: str | None = None
    bonafide: str | None = None
    spoof: str | None = None
    noise: str | None = None
    """Folder of background noise to mix in."""


@dataclass(frozen=True)
class ExperimentConfig:
    """All that a run needs; `run.json` holds it."""

    name: str = "tcn"
    data: DataConfig = field(default_factory=DataConfig)
    frontend: FrontEndSpec = field(default_factory=FrontEndSpec)
    speech: SpeechSpec = field(default_factory=SpeechSpec)
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        _require(
            self.model.chunk_samples % self.frontend.hop == 0,
            f"model.chunk_samples must be a multiple of frontend.hop ({self.frontend.hop}); "
            f"got {self.model.chunk_samples}",
        )


SHIPPED = Path(__file__).parent / "configs"
_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}


def shipped_configs() -> tuple[str, ...]:
    """Names of the configurations that come with the workbench."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def load_config(path: str | Path) -> ExperimentConfig:
    """Read an experiment from a TOML file, or by the name of a shipped one; what it does not name keeps its default.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML, or names an unknown or ill-typed field.
    """
    file = SHIPPED / f"{path}.toml" if str(path) in shipped_configs() else Path(path)
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot read the configuration ({error}); give the path of a TOML file, "
            f"or the name of a shipped one: {', '.join(shipped_configs())}"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML ({error})") from error
    config = config_from_dict(data, str(path))
    paths = {name: str(file.parent / value) for name, value in asdict(config.data).items() if value is not None}
    return override(config, "data", **paths)


def config_from_dict(data: dict[str, Any], where: str = "configuration") -> ExperimentConfig:
    """Build an experiment from nested tables; see `load_config`."""
    return _build(ExperimentConfig, data, where)


def config_to_dict(config: ExperimentConfig) -> dict[str, Any]:
    """Nested tables of ``config``, as JSON takes them; `config_from_dict` turns them back."""
    return asdict(config)


def override(config: ExperimentConfig, part: str, **values: Any) -> ExperimentConfig:
    """Replace the fields of one part by the options that were given (those not None)."""
    given = {name: value for name, value in values.items() if value is not None}
    return replace(config, **{part: replace(getattr(config, part), **given)}) if given else config


def _build(kind: type[_T], data: Any, where: str) -> _T:
    _require(isinstance(data, dict), f"{where}: expected a table, got {type(data).__name__}")
    hints = get_type_hints(kind)
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(data) - known)
    _require(not unknown, f"{where}: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    values = {name: _typed(hints[name], value, f"{where}: {name}") for name, value in data.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error


def _typed(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return _build(hint, value, where)  # type: ignore[arg-type]
    if get_origin(hint) is UnionType:
        # TOML has no null: "none" stands for it where a field may be absent.
        present = next(kind for kind in get_args(hint) if kind is not NoneType)
        return None if value in (None, "none") else _typed(present, value, where)
    if get_origin(hint) is tuple:
        return _typed_items(get_args(hint), value, where)
    # Python takes True for 1, and a whole number is a fine float.
    fits = isinstance(value, (int, float) if hint is float else hint) and (hint is bool or not isinstance(value, bool))
    _require(fits, f"{where}: expected {_NAMES[hint]}, got {value!r}")
    return float(value) if hint is float else value


def _typed_items(kinds: Sequence[Any], value: Any, where: str) -> tuple[Any, ...]:
    _require(isinstance(value, list | tuple), f"{where}: expected a list, got {value!r}")
    if kinds[-1] is Ellipsis:
        kinds = [kinds[0]] * len(value)
    _require(len(value) == len(kinds), f"{where}: expected {len(kinds)} values, got {len(value)}: {list(value)}")
    return tuple(_typed(kind, item, where) for kind, item in zip(kinds, value, strict=True))


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)
