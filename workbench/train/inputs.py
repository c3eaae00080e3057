"""Read the inputs of a training run (configuration and clips) and make its folder, without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.config import DataConfig, ExperimentConfig, load_config, override
from workbench.data.manifest import Manifest, join_manifests, read_manifest, split_by_group, write_manifest
from workbench.data.readers import two_folders
from workbench.errors import TrainingError
from workbench.train.runs import RunFolder, RunInfo, collect_versions, git_revision

_DEV_SHARE = 0.2
_DESCENT_OPTIONS = ("epochs", "steps_per_epoch")


@dataclass(frozen=True)
class Inputs:
    """A configuration and the clips that its ``[data]`` names."""

    config: ExperimentConfig
    manifest: Manifest
    file: Path | None
    """The file that lists the clips; None if they come from two folders or several manifests."""

    @property
    def noise(self) -> Path | None:
        return None if self.config.data.noise is None else Path(self.config.data.noise)


def read_inputs(data: Mapping[str, Any], config: str | None, options: Mapping[str, Any]) -> Inputs:
    """Read a configuration and its clips.

    Parameters
    ----------
    data
        Fields of `workbench.config.DataConfig`; those that are not None replace the configuration's.
    config
        Path of a TOML file or name of a shipped one; None for ``tcn``.
    options
        Fields of ``[train]``, and ``epochs`` and ``steps_per_epoch`` of ``[train.descent]``; None keeps the
        configuration's.

    Raises
    ------
    ConfigError, ManifestError, TrainingError
        The configuration or the data do not fit, or the data are given twice or not at all.
    """
    shared = {name: value for name, value in options.items() if name not in _DESCENT_OPTIONS}
    found = override(load_config(config or "tcn"), "train", **shared)
    found = override(found, "train.descent", **{name: options.get(name) for name in _DESCENT_OPTIONS})
    given: dict[str, Any] = {
        name: tuple(map(str, value)) if name == "more_manifests" else str(value)
        for name, value in data.items()
        if value
    }
    if set(given) - {"noise"}:
        found = replace(found, data=DataConfig(noise=found.data.noise))
    found = override(found, "data", **given)
    manifest, file = _gather(found.data, found.train.seed)
    return Inputs(found, manifest, file)


def create_run(inputs: Inputs, path: Path) -> RunFolder:
    """Make the run folder ``path``, or check that it may be resumed; a manifest made of several is kept in it.

    Raises
    ------
    TrainingError
        The folder holds another run, and is left as it was.
    """
    folder = RunFolder(path)
    file = path / "manifest.tsv" if inputs.file is None else inputs.file
    folder.create(
        RunInfo(
            config=inputs.config,
            manifest=str(file.resolve()),
            manifest_root=str(inputs.manifest.root.resolve()),
            manifest_digest=inputs.manifest.digest(),
            noise="" if inputs.noise is None else str(inputs.noise.resolve()),
            git_revision=git_revision(Path(__file__).parent),
            versions=collect_versions(),
        )
    )
    if inputs.file is None:
        # Its split is what the run is trained and selected on.
        write_manifest(inputs.manifest, file)
    return folder


def _gather(data: DataConfig, seed: int) -> tuple[Manifest, Path | None]:
    if (data.manifest is None) == (data.bonafide is None or data.spoof is None):
        raise TrainingError(
            "give the data once: --manifest, or both --bonafide and --spoof, or the same in the configuration's [data]"
        )
    if data.manifest is None:
        found = two_folders(Path(str(data.bonafide)), Path(str(data.spoof)))
        return replace(found, rows=split_by_group(found.rows, _DEV_SHARE, seed)), None
    if not data.more_manifests:
        return read_manifest(data.manifest), Path(data.manifest)
    return join_manifests([read_manifest(path) for path in (data.manifest, *data.more_manifests)]), None
