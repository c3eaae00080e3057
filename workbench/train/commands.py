"""What `workbench train` and `workbench quantize` do: files in, files out, around the pure parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.config import DataConfig, load_config, override
from workbench.data.manifest import Manifest, join_manifests, read_manifest, split_by_group, write_manifest
from workbench.data.progress import EpochBar, watch
from workbench.deploy.quantize import QuantizeOptions, quantize
from workbench.errors import ParityError, TrainingError
from workbench.models.network import Network
from workbench.train.closed_form import fit_closed_form
from workbench.train.descent import fit
from workbench.train.experiment import prepare
from workbench.train.runs import RunFolder, RunInfo, collect_versions, git_revision

_DEV_SHARE = 0.2


def run_training(
    data: dict[str, Any],
    config_source: str | None,
    run_path: Path,
    cache: Path,
    options: dict[str, Any],
    progress: Callable[[int, int], Any] = EpochBar,
) -> dict[str, Any]:
    """Train to a run folder; see `workbench train --help`. What ``data`` names replaces the configuration's.

    ``progress(epoch, steps)`` is handed to `workbench.train.descent.fit`.

    Raises
    ------
    ConfigError, ManifestError, TrainingError
        The configuration or the data do not fit, or the folder holds another run.
    """
    import tf_keras

    config = override(load_config(config_source or "tcn"), "train", **options)
    given: dict[str, Any] = {
        name: str(path) for name, path in data.items() if path is not None and name != "more_manifests"
    }
    if data.get("more_manifests"):
        given["more_manifests"] = tuple(str(path) for path in data["more_manifests"])
    if set(given) - {"noise"}:
        config = replace(config, data=DataConfig(noise=config.data.noise))
    config = override(config, "data", **given)
    noise = None if config.data.noise is None else Path(config.data.noise)
    folder = RunFolder(run_path)
    manifest, manifest_file = gather_manifest(config.data, folder, config.train.seed)
    info = RunInfo(
        config=config,
        manifest=str(manifest_file.resolve()),
        manifest_root=str(manifest.root.resolve()),
        manifest_digest=manifest.digest(),
        noise="" if noise is None else str(noise.resolve()),
        git_revision=git_revision(Path(__file__).parent),
        versions=collect_versions(),
    )
    folder.create(info)
    tf_keras.utils.set_random_seed(config.train.seed)
    experiment = prepare(
        config, manifest, cache, noise_folder=noise, progress=lambda rows: watch(rows, len(rows), "decoding")
    )
    network, loader, dev = experiment.network, experiment.loader, experiment.dev
    if config.train.solver == "ridge":
        channel = config.train.heard_through
        through = None if channel is None else experiment.dev_through(channel)
        history = fit_closed_form(network, loader, experiment.train_rows, dev, through, folder, progress)
    else:
        history = fit(network, loader, dev, folder, progress)
    best = min(history, key=lambda record: record["selection"])
    return {
        "run": str(run_path),
        "epochs": len(history),
        "best_epoch": best["epoch"],
        "best_dev_eer": best["dev_eer"],
        "best": best,
    }


def gather_manifest(data: DataConfig, folder: RunFolder, seed: int) -> tuple[Manifest, Path]:
    """The clips that ``data`` names and the file that lists them; of two folders, or several manifests, one is made in
    ``folder``.

    Raises
    ------
    TrainingError
        The data are given twice or not at all.
    """
    if (data.manifest is None) == (data.bonafide is None or data.spoof is None):
        raise TrainingError(
            "give the data once: --manifest, or both --bonafide and --spoof, or the same in the configuration's [data]"
        )
    if data.manifest is not None and not data.more_manifests:
        return read_manifest(data.manifest), Path(data.manifest)
    if data.manifest is not None:
        manifest = join_manifests([read_manifest(path) for path in (data.manifest, *data.more_manifests)])
    else:
        from workbench.data.readers import two_folders

        found = two_folders(Path(str(data.bonafide)), Path(str(data.spoof)))
        manifest = replace(found, rows=split_by_group(found.rows, _DEV_SHARE, seed))
    folder.path.mkdir(parents=True, exist_ok=True)
    # Kept with the run: its split is what the run was trained and chosen on.
    file = folder.path / "manifest.tsv"
    write_manifest(manifest, file)
    return manifest, file


def run_quantization(
    run_path: Path, output: Path | None, name: str | None, cache: Path, options: dict[str, Any], *, ignore_parity: bool
) -> dict[str, Any]:
    """Deploy a run to a `.tflite`; see `workbench quantize --help`.

    Raises
    ------
    TrainingError
        The run is unfinished, or its manifest has changed.
    ParityError
        int8 lost more than ``options["max_eer_loss"]`` against float on dev, and ``ignore_parity`` is not set.
    """
    import tf_keras

    folder = RunFolder(run_path)
    info = folder.info()
    if not folder.weights.exists():
        raise TrainingError(f"{run_path}: no trained weights yet; run `workbench train` until an epoch has ended")
    manifest = read_manifest(info.manifest, Path(info.manifest_root))
    if manifest.digest() != info.manifest_digest:
        raise TrainingError(f"{info.manifest} has changed since {run_path} was trained on it; train again")
    tf_keras.utils.set_random_seed(info.config.train.seed)
    noise = Path(info.noise) if info.noise else None
    experiment = prepare(info.config, manifest, cache, noise_folder=noise)
    network: Network = experiment.network
    network.raw_score_model(experiment.loader.clip_samples // info.config.frontend.hop).load_weights(folder.weights)
    result = quantize(network, experiment, info, name or info.config.name, QuantizeOptions(**options), watch)
    path = output or run_path / f"{result.contract.name}.tflite"
    passed = result.eer_loss <= options["max_eer_loss"] or ignore_parity
    # What the gate refuses is kept for a look, under a name that no script takes for the model.
    written = path if passed else path.with_suffix(".rejected.tflite")
    temporary = written.with_name(f".{written.name}.{os.getpid()}.tmp")
    temporary.write_bytes(result.model)
    temporary.replace(written)
    if not passed:
        raise ParityError(
            f"parity gate: the deployed model's dev EER exceeds the float one's by {100 * result.eer_loss:.2f} points, "
            f"more than {100 * options['max_eer_loss']:.2f}; try --method qat, or --ignore-parity to accept it; "
            f"kept as {written}"
        )
    return {"output": str(path), **result.summary()}
