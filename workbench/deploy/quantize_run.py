"""`workbench quantize`: from a run folder to a `.tflite` with its contract inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.data.atomic_file import write_atomically
from workbench.data.manifest import read_manifest
from workbench.data.progress import watch
from workbench.deploy.quantize import QuantizeOptions, quantize
from workbench.errors import ParityError, TrainingError
from workbench.models.network import Network
from workbench.train.experiment import prepare
from workbench.train.runs import RunFolder


def run_quantization(
    run_path: Path, output: Path | None, name: str | None, cache: Path, options: dict[str, Any], *, ignore_parity: bool
) -> dict[str, Any]:
    """Write a run as a `.tflite`, after the parity gate; see `workbench quantize --help`.

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
    write_atomically(written, result.model)
    if not passed:
        raise ParityError(
            f"parity gate: the deployed model's dev EER exceeds the float one's by {100 * result.eer_loss:.2f} points, "
            f"more than {100 * options['max_eer_loss']:.2f}; try --method qat, or --ignore-parity to accept it; "
            f"kept as {written}"
        )
    return {"output": str(path), **result.summary()}
