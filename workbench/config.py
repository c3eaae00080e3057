"""Frozen configuration, built once at the rim from TOML and options, then handed down by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.contract import FrontEndSpec, SpeechSpec
from edge.settings import build_settings, read_toml
from workbench.errors import ConfigError, require
from workbench.models.config import ModelConfig
from workbench.train.config import TrainConfig
from workbench.transmissions.config import AugmentConfig


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
        self._check_brief()
        bands = min(filter(None, (self.frontend.n_mels, self.frontend.phase_bands, self.frontend.brief_bands)))
        positions = (bands - self.model.patch_size[1]) // self.model.patch_stride[1] + 1
        require(
            not self.model.patch_filters or positions >= self.model.patch_regions,
            f"patches have {positions} places along {bands} bands, fewer than "
            f"patch_regions ({self.model.patch_regions})",
        )

    def _check_brief(self) -> None:
        model, window, rows = self.model, self.frontend.brief_window, self.frontend.brief_rows
        require(
            bool(window) == bool(model.patch_brief_share) and (not window or model.patch_filters > 0),
            "frontend.brief_window and model.patch_brief_share belong together, and need patch_filters; got "
            f"{window} samples, {model.patch_brief_share} and {model.patch_filters} filters",
        )
        require(
            not window or (rows % model.patch_brief_step == 0 and model.patch_brief_step <= model.patch_size[0]),
            f"model.patch_brief_step divides the {rows} windows of a hop and is at most patch_size "
            f"({model.patch_size[0]}); got {model.patch_brief_step}",
        )
        require(
            not window or model.patch_size[0] > model.patch_stride[0],
            f"the brief reading needs patches that overlap in time; got patch_size {model.patch_size} and patch_stride "
            f"{model.patch_stride}",
        )


SHIPPED = Path(__file__).parent / "configs"


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
    advice = f"give the path of a TOML file, or the name of a shipped one: {', '.join(shipped_configs())}"
    data = read_toml(file, ConfigError, "configuration", advice, shown=path)
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
    return build_settings(ExperimentConfig, data, where, error=ConfigError, quoted=True)


def config_to_dict(config: ExperimentConfig) -> dict[str, Any]:
    """Nested tables of ``config``, as JSON takes them; `config_from_dict` turns them back."""
    return asdict(config)


def override(config: ExperimentConfig, part: str, **values: Any) -> ExperimentConfig:
    """Replace the fields of one part by the options that were given (those not None)."""
    given = {name: value for name, value in values.items() if value is not None}
    return replace(config, **{part: replace(getattr(config, part), **given)}) if given else config
