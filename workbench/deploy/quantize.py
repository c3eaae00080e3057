"""From a run folder to an int8 `.tflite` with its contract: what `workbench quantize` does, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.contract import Contract, embed_contract
from workbench.data.atomic_file import write_atomically
from workbench.data.manifest import read_manifest
from workbench.data.progress import watch as show_progress
from workbench.deploy.export import export_tflite, state_names
from workbench.deploy.fold import count_parameters, fine_tune, fold, prune, sparsity_of
from workbench.deploy.gate import Watch, deployed_scores, trained_scores
from workbench.deploy.int8 import correct_biases, correct_compression, set_ranges
from workbench.deploy.thresholds import calibrated, dev_support
from workbench.errors import ParityError, TrainingError
from workbench.evaluate.metrics import eer
from workbench.models.blocks import INT8
from workbench.models.network import Network
from workbench.train.descent import FeatureSource
from workbench.train.experiment import Experiment, prepare
from workbench.train.runs import RunFolder, RunInfo

Float = NDArray[np.float32]

_FURTHER_TRANSMISSIONS = ("opus-wb-16", "bad-microphone", "noise-suppressed")
"""Bona fide clips pass these too, beside dev as it is and through its transmission, for the spoof threshold."""
FINE_TUNE_EPOCH = 1_000_000
"""Fine-tuning draws its batches from epochs that training never reaches."""


@dataclass(frozen=True)
class QuantizeOptions:
    """How to deploy."""

    method: str = "ptq"
    """``ptq``: post-training int8; ``qat``: that, then quantisation-aware fine-tuning; ``float``: no quantisation."""
    sparsity: float = 0.0
    """Share of the convolutions' weights to set to zero first, over ``prune_steps`` steps of fine-tuning."""
    prune_steps: int = 600
    qat_steps: int = 300
    learning_rate: float = 1e-4
    range_batches: int = 16
    """Batches of dev clips, as they are, that the ranges of activations are read from."""
    max_eer_loss: float = 0.005
    """Of the parity gate, as a fraction."""
    bpcer: float = 0.02
    apcer: float = 0.05
    """Error rates on dev, as fractions, that the thresholds are set by."""


@dataclass(frozen=True)
class Quantized:
    """The result: the model's bytes and the parity figures on dev.

    Attributes
    ----------
    trained_eer, deployed_eer : of the trained network in Keras and of the `.tflite`, as fractions.
    max_score_difference : largest difference between the two in a clip's uncalibrated score, in nats.
    sparsity : share of the convolutions' weights that are zero.
    unscored : dev clips without a score, for lack of speech.
    """

    model: bytes
    contract: Contract
    trained_eer: float
    deployed_eer: float
    max_score_difference: float
    sparsity: float
    unscored: int

    @property
    def eer_loss(self) -> float:
        return self.deployed_eer - self.trained_eer

    @property
    def dev_doubt(self) -> str:
        """Why dev is too small to set thresholds by; empty where it is not."""
        support = dev_support(self.contract.thresholds)
        return support.doubt if support else ""

    def summary(self) -> dict[str, Any]:
        """The figures as a table for JSON."""
        thresholds = asdict(self.contract.thresholds)
        return {
            "name": self.contract.name,
            "quantization": self.contract.quantization,
            "model_bytes": len(self.model),
            "parameters": self.contract.parameters,
            "dev_eer_float": self.trained_eer,
            "dev_eer_int8": self.deployed_eer,
            "eer_loss": self.eer_loss,
            "max_score_difference": self.max_score_difference,
            "sparsity": self.sparsity,
            "dev_clips_unscored": self.unscored,
            "thresholds": thresholds,
            "dev_doubt": self.dev_doubt,
        }


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
    result = quantize(network, experiment, info, name or info.config.name, QuantizeOptions(**options), show_progress)
    path = output or run_path / f"{result.contract.name}.tflite"
    passed = result.eer_loss <= options["max_eer_loss"] or ignore_parity
    # What the gate refuses is kept for a look, under a name that no script mistakes for the model.
    written = path if passed else path.with_suffix(".rejected.tflite")
    write_atomically(written, result.model)
    if not passed:
        raise ParityError(
            f"parity gate: the deployed model's dev EER exceeds the float one's by {100 * result.eer_loss:.2f} points, "
            f"more than {100 * options['max_eer_loss']:.2f}; try --method qat, or --ignore-parity to accept it; "
            f"kept as {written}"
        )
    return {"output": str(path), **result.summary()}


def quantize(
    network: Network,
    experiment: Experiment,
    info: RunInfo,
    name: str,
    options: QuantizeOptions,
    watch: Watch = lambda items, total, what: items,
) -> Quantized:
    """Turn a trained network into the bytes of a `.tflite` that carries its contract.

    Folds batch normalisation, prunes and quantises as ``options`` ask, exports, and sets calibration and thresholds by
    dev. The parity figures compare the `.tflite`, scored through `edge`, with the trained network itself.

    Parameters
    ----------
    network
        With its trained weights. It stays as it is.
    experiment
        Its data, from `workbench.train.experiment.prepare`: dev gives quantiser ranges, parity figures and thresholds.
    info
        What the run was made of; the contract keeps its configuration, manifest digest, revision and versions.
    name
        The model's, in the contract.
    options
        How to deploy; whether the parity figures are good enough is for the caller to decide.
    watch
        ``watch(items, total, what)`` passes the items on and may draw progress.

    Returns
    -------
    Quantized
        Bytes of the model, its contract, and the parity figures: EER as fractions, score differences in nats.

    Raises
    ------
    QuantizeError
        A layer's weights do not arrive in the deployed network, or folding changes its raw score.

    Examples
    --------
    >>> result = quantize(network, experiment, info, "mine", QuantizeOptions())  # doctest: +SKIP
    >>> Path("mine.tflite").write_bytes(result.model)  # doctest: +SKIP
    """
    folded = fold(network)
    kind = "float32" if options.method == "float" else f"int8-{options.method}"
    contract = _contract(folded, info, name, kind)
    trained = trained_scores(network, folded, contract, experiment)
    deployed = _deploy(network, folded, experiment, options, watch)
    model = export_tflite(deployed, contract)
    score = partial(deployed_scores, model, experiment, watch)
    scores, people = [score(f"dev, {kind}")], []
    if transmission := info.config.train.dev_transmission:
        scores.append(score(f"dev, {transmission}", transmission))
        people = [score(f"dev, {further}", further, "bonafide") for further in _FURTHER_TRANSMISSIONS]
    rows = experiment.dev.rows
    contract = calibrated(contract, scores, people, rows, bpcer=options.bpcer, apcer=options.apcer)
    bonafide = np.array([row.label == "bonafide" for row in rows])
    both = ~np.isnan(scores[0]) & ~np.isnan(trained)
    trained_eer, deployed_eer = (eer(each[bonafide & both], each[~bonafide & both])[0] for each in (trained, scores[0]))
    return Quantized(
        model=embed_contract(model, contract),
        contract=contract,
        trained_eer=trained_eer,
        deployed_eer=deployed_eer,
        max_score_difference=float(np.abs(scores[0][both] - trained[both]).max()),
        sparsity=sparsity_of(deployed),
        unscored=int(np.isnan(scores[0]).sum()),
    )


def _deploy(
    network: Network, folded: Network, experiment: Experiment, options: QuantizeOptions, watch: Watch
) -> Network:
    """Prune and quantise ``network`` as ``options`` ask; ``folded`` is its folded form."""
    frames = experiment.loader.clip_samples // network.config.frontend.hop
    source = FeatureSource(network, experiment.loader)

    def batches(epoch: int, steps: int, what: str) -> Any:
        return watch(source.epoch(FINE_TUNE_EPOCH + epoch, steps), steps, what)

    if options.sparsity:
        steps = options.prune_steps
        folded = prune(network, batches(0, steps, "pruning"), steps, frames, options.sparsity, options.learning_rate)
    if options.method == "float":
        return folded
    deployed, clean = fold(folded, INT8), list(_clean_batches(experiment, options.range_batches))
    set_ranges(deployed, clean, experiment.dev.features.shape[1])
    correct_biases(deployed, clean)
    correct_compression(folded, deployed, clean)
    if options.method == "qat":
        fine_tune(deployed, batches(1, options.qat_steps, "fine-tuning"), frames, options.learning_rate)
    return deployed


def _contract(network: Network, info: RunInfo, name: str, quantization: str) -> Contract:
    config = info.config
    return Contract(
        name=name,
        quantization=quantization,
        chunk_samples=config.model.chunk_samples,
        frontend=config.frontend,
        speech=config.speech,
        state_names=state_names(network),
        forgetting_s=config.model.forgetting_s,
        parameters=count_parameters(network),
        corpus_digest=info.manifest_digest,
        git_revision=info.git_revision,
        versions=info.versions,
    )


def _clean_batches(experiment: Experiment, count: int) -> Iterator[tuple[Float, Float]]:
    """Dev features and speech weights, every clip at most once, as it is: quantiser ranges need no label."""
    size = experiment.loader.batch_size
    order = np.random.default_rng(experiment.loader.seed).permutation(len(experiment.dev.rows))
    for start in range(0, min(count * size, len(order)), size):
        chosen = np.sort(order[start : start + size])
        yield experiment.dev.features[chosen], experiment.dev.mask[chosen]
