"""Frozen configuration, built once at the rim from TOML and options, then handed down by part."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edge.contract import FrontEndSpec, SpeechSpec
from workbench.augment_config import AugmentConfig
from workbench.channels.names import CHANNEL_NAMES
from workbench.errors import ConfigError, require
from workbench.model_config import ModelConfig

_T = TypeVar("_T")

SOLVERS = ("gradient", "ridge")


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation and sampling."""

    seed: int = 0
    solver: str = "gradient"
    """``gradient`` descends; ``ridge`` learns patches without labels and solves for a linear head
    (`workbench.closed_form`): of the rest it reads seed, clip_s and the four below."""
    passes: int = 4
    """How often ``ridge`` hears each training clip: once as it is, then augmented anew each time."""
    penalties: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    """Penalties of ``ridge``, in mean eigenvalues; dev chooses."""
    nuisance: float = 0.0
    """Above 0, ``ridge`` fits to clips as they are alone, and the augmented passes only show what must not move the
    evidence: this penalty, in mean eigenvalues, lies on the differences between a clip and its augmented self."""
    dev_channel: str = "telephone"
    """Channel through which ``ridge`` hears dev once more: half of what chooses the penalty; "clean" for none."""
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
    dev_clips: int | None = None
    """Choose the epoch, and calibrate, by this many dev clips, drawn evenly over label and attack; None takes all.
    Their features stay in memory: 25,000 clips of ASVspoof 2019 would take gigabytes."""
    tensorboard_audio: bool = True
    """Put augmented training clips into TensorBoard; the run folder then holds recordings of the corpus."""

    def __post_init__(self) -> None:
        require(self.solver in SOLVERS, f"train.solver is one of {SOLVERS}; got {self.solver!r}")
        require(bool(self.penalties) and min(self.penalties) > 0, f"train.penalties are positive; got {self.penalties}")
        require(
            self.nuisance == 0 or (self.nuisance > 0 and self.passes > 1),
            f"train.nuisance is at least 0, and needs at least 2 passes; got {self.nuisance}, {self.passes}",
        )
        for name in ("epochs", "steps_per_epoch", "early_stopping_epochs", "passes"):
            require(getattr(self, name) >= 1, f"train.{name} is at least 1; got {getattr(self, name)}")
        require(
            self.batch_size >= 2 and self.batch_size % 2 == 0,
            f"train.batch_size is even and at least 2, since half of a batch is spoof; got {self.batch_size}",
        )
        require(
            self.dev_channel in CHANNEL_NAMES,
            f"train.dev_channel is one of {', '.join(CHANNEL_NAMES)}; got {self.dev_channel!r}",
        )
        require(self.clip_s > 0, f"train.clip_s is positive; got {self.clip_s}")
        require(0 <= self.average_momentum < 1, f"train.average_momentum lies in [0, 1); got {self.average_momentum}")
        require(self.dev_clips is None or self.dev_clips >= 2, f"train.dev_clips is at least 2; got {self.dev_clips}")
        for name in ("paired_share", "intermediate_loss"):
            require(0 <= getattr(self, name) <= 1, f"train.{name} lies in [0, 1]; got {getattr(self, name)}")

    @property
    def heard_through(self) -> str | None:
        """The channel through which dev is heard once more; None where the solver does not, or it is clean."""
        return self.dev_channel if self.solver == "ridge" and self.dev_channel != "clean" else None


@dataclass(frozen=True)
class DataConfig:
    """Where the recordings are: a manifest, or two folders. In TOML, paths start from the file's own folder."""

    manifest: str | None = None
    more_manifests: tuple[str, ...] = ()
    """Further manifests, whose rows are added: of `workbench synth`, for one."""
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
        require(
            self.model.chunk_samples % self.frontend.hop == 0,
            f"model.chunk_samples must be a multiple of frontend.hop ({self.frontend.hop}); "
            f"got {self.model.chunk_samples}",
        )
        chunk_frames = self.model.chunk_samples // self.frontend.hop
        require(
            chunk_frames % self.model.frame_stride == 0,
            f"the chunk's {chunk_frames} frames must be a multiple of patch_stride's {self.model.frame_stride}",
        )
        positions = (self.frontend.n_mels - self.model.patch_size[1]) // self.model.patch_stride[1] + 1
        require(
            not self.model.patch_filters or positions >= self.model.patch_regions,
            f"patches have {positions} places along {self.frontend.n_mels} bands, fewer than "
            f"patch_regions ({self.model.patch_regions})",
        )


SHIPPED = Path(__file__).parent / "configs"
_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}


def shipped_configs() -> tuple[str, ...]:
    """Names of the configurations that come with the workbench."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml") if path.stem != "space"))


def shipped_file(path: str | Path, names: Sequence[str]) -> Path | None:
    """The file that comes with the workbench for ``name``, ``name.toml`` or ``configs/name.toml``; None for others.

    A file of one's own goes before a shipped one, but for the bare name.
    """
    path = Path(path)
    bare = str(path) in names
    folders = (Path(), Path("configs"), Path("workbench/configs"))
    known = path.stem in names and path.suffix in ("", ".toml") and path.parent in folders
    return SHIPPED / f"{path.stem}.toml" if bare or (known and not path.exists()) else None


def load_config(path: str | Path) -> ExperimentConfig:
    """Read an experiment from a TOML file, or by the name of a shipped one; what it does not name keeps its default.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML, or names an unknown or ill-typed field.
    """
    file = shipped_file(path, shipped_configs()) or Path(path)
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
    paths: dict[str, Any] = {
        name: str(file.parent / value)
        for name, value in asdict(config.data).items()
        if value is not None and name != "more_manifests"
    }
    more = tuple(str(file.parent / path) for path in config.data.more_manifests)
    return override(config, "data", **paths, more_manifests=more)


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
    require(isinstance(data, dict), f"{where}: expected a table, got {type(data).__name__}")
    hints = get_type_hints(kind)
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(data) - known)
    require(not unknown, f"{where}: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}")
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
    require(fits, f"{where}: expected {_NAMES[hint]}, got {value!r}")
    return float(value) if hint is float else value


def _typed_items(kinds: Sequence[Any], value: Any, where: str) -> tuple[Any, ...]:
    require(isinstance(value, list | tuple), f"{where}: expected a list, got {value!r}")
    if kinds[-1] is Ellipsis:
        kinds = [kinds[0]] * len(value)
    require(len(value) == len(kinds), f"{where}: expected {len(kinds)} values, got {len(value)}: {list(value)}")
    return tuple(_typed(kind, item, where) for kind, item in zip(kinds, value, strict=True))
