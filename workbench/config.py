"""The configuration of an experiment: frozen, read from TOML and options, passed down by part; and its text forms."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from edge.contract import FrontEndSpec, SpeechSpec
from edge.settings import build_settings, read_toml
from workbench.errors import ConfigError, require
from workbench.models.config import ModelConfig
from workbench.train.config import TrainConfig
from workbench.transmissions.config import AugmentConfig

_T = TypeVar("_T")
_ENCODER_FRAME = 320


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
    """The configuration of a run; `run.json` holds it."""

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
        require(
            self.frontend.mean_s == 0,
            f"frontend.mean_s is 0: a running mean taken off each band helped nothing; got {self.frontend.mean_s}",
        )
        self._check_brief()
        require(
            not self.model.encoder_blocks
            or (self.model.chunk_samples % _ENCODER_FRAME == 0 and self.frontend.sample_rate == 16000),
            f"an encoder has frames of {_ENCODER_FRAME} samples at 16 kHz, and chunk_samples a multiple of them; got "
            f"{self.model.chunk_samples} samples at {self.frontend.sample_rate} Hz",
        )
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
            f"the 4 ms spectrum needs patches that overlap in time; got patch_size {model.patch_size} and patch_stride "
            f"{model.patch_stride}",
        )


SHIPPED = Path(__file__).parent / "configs"


def shipped_configs() -> tuple[str, ...]:
    """Names of the configurations that come with the workbench."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml") if path.stem != "space"))


def shipped_file(path: str | Path, names: Sequence[str]) -> Path | None:
    """Find the shipped file for ``name``, ``name.toml`` or ``configs/name.toml``; None for other paths.

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


def override(config: _T, part: str, **values: Any) -> _T:
    """Replace fields of one part, by dotted name, by those ``values`` that are not None.

    >>> override(ExperimentConfig(), "train.descent", epochs=3, learning_rate=None).train.descent.epochs
    3
    """
    given = {name: value for name, value in values.items() if value is not None}
    if not given:
        return config
    name, _, rest = part.partition(".")
    inner: Any = getattr(config, name)
    return replace(config, **{name: override(inner, rest, **given) if rest else replace(inner, **given)})  # type: ignore[type-var]


def flatten(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested tables into dotted names, and tuples into lists.

    >>> flatten({"name": "tcn", "train": {"seed": 1}})
    {'name': 'tcn', 'train.seed': 1}
    """
    flat: dict[str, Any] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = list(value) if isinstance(value, tuple) else value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted names into nested tables, the inverse of `flatten`.

    >>> nest({"name": "tcn", "train.seed": 1})
    {'name': 'tcn', 'train': {'seed': 1}}
    """
    tables: dict[str, Any] = {}
    for name, value in flat.items():
        *parts, last = name.split(".")
        table = tables
        for part in parts:
            table = table.setdefault(part, {})
        table[last] = value
    return tables


def differences(config: Mapping[str, Any], default: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the fields of ``config`` that differ from ``default`` [the default configuration], by dotted name."""
    base = flatten(config_to_dict(ExperimentConfig()) if default is None else default)
    return {name: value for name, value in flatten(config).items() if name not in base or base[name] != value}


def short_text(values: Mapping[str, Any]) -> str:
    """Format values by dotted name, without the table where no other one has such a field.

    >>> short_text({"model.dropout": 0.2, "model.widths": [60] * 8})
    'dropout=0.2, widths=[60x8]'
    """
    known = flatten(config_to_dict(ExperimentConfig()))
    # A folder of data shares a name with a chance of augmentation; it is never what a difference is about.
    count = Counter(name.rpartition(".")[2] for name in {*known, *values} if not name.startswith("data."))
    return ", ".join(
        f"{name.rpartition('.')[2] if count[name.rpartition('.')[2]] == 1 else name}={_short(value)}"
        for name, value in values.items()
    )


def config_to_toml(config: ExperimentConfig, head: str = "") -> str:
    """Format what differs from the default as TOML that `load_config` reads back, under the comment ``head``."""
    found = {name: value for name, value in differences(config_to_dict(config)).items() if name != "name"}
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    lines.append(f"name = {_toml(config.name)}")
    for table, names in groupby(found, key=lambda name: name.rpartition(".")[0]):
        lines += ["", f"[{table}]", *(f"{name.rpartition('.')[2]} = {_toml(found[name])}" for name in names)]
    return "\n".join(lines) + "\n"


def _short(value: Any) -> str:
    if isinstance(value, list):
        runs = [list(same) for _, same in groupby(value)]
        # Two alike are written out: [4x2] would read as a size of four by two.
        texts = [f"{_short(run[0])}x{len(run)}" if len(run) > 2 else ", ".join(map(_short, run)) for run in runs]
        return "[" + ", ".join(texts) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else str(value)


def _toml(value: Any) -> str:
    if value is None:
        return '"none"'  # TOML has no null; `load_config` reads this as one
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    # JSON's strings are TOML's, its whole numbers too; a float keeps all of its digits.
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
