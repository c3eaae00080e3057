"""From a run folder to a calibrated int8 `.tflite`, with the parity gate between float and int8."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.contract import Contract, embed_contract
from edge.model import Model
from edge.scoring import score_samples
from workbench.deploy.bias_correction import correct_compression, correct_patches
from workbench.deploy.export import count_parameters, export_tflite, state_names
from workbench.deploy.fold import calibrate, fine_tune, fold, prune, sparsity_of
from workbench.deploy.thresholds import calibrated, dev_support
from workbench.evaluate.metrics import eer
from workbench.evaluate.trials import through_transmission
from workbench.models.network import Network
from workbench.train.descent import FeatureSource
from workbench.train.experiment import Experiment
from workbench.train.runs import RunInfo

Float = NDArray[np.float32]
Watch = Callable[[Iterable[Any], int, str], Iterable[Any]]

_FALSE_ALARM_CHANNELS = ("opus-wb-16", "bad-microphone", "noise-suppressed")
"""Real people are heard through these too, beside dev as it is and through its channel, for the spoof threshold."""

FINE_TUNE_EPOCH = 1_000_000
"""Fine-tuning draws its batches from epochs that training never reaches."""


@dataclass(frozen=True)
class QuantizeOptions:
    """How to deploy."""

    method: str = "ptq"
    """``ptq``: post-training int8; ``qat``: that, then quantisation-aware fine-tuning; ``float``: no quantisation."""
    sparsity: float = 0.0
    prune_steps: int = 600
    qat_steps: int = 300
    learning_rate: float = 1e-4
    calibration_batches: int = 16
    max_eer_loss: float = 0.005
    bpcer: float = 0.02
    apcer: float = 0.05


@dataclass(frozen=True)
class Quantized:
    """The result: the model's bytes and the parity figures on dev (fractions)."""

    model: bytes
    contract: Contract
    float_eer: float
    int8_eer: float
    max_score_difference: float
    sparsity: float
    unscored: int

    @property
    def eer_loss(self) -> float:
        return self.int8_eer - self.float_eer

    @property
    def dev_doubt(self) -> str:
        """Why dev is too small to set thresholds by; empty where it is not."""
        support = dev_support(self.contract.thresholds)
        return support.doubt if support else ""

    def summary(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        thresholds = asdict(self.contract.thresholds)
        return {
            "name": self.contract.name,
            "quantization": self.contract.quantization,
            "model_bytes": len(self.model),
            "parameters": self.contract.parameters,
            "dev_eer_float": self.float_eer,
            "dev_eer_int8": self.int8_eer,
            "eer_loss": self.eer_loss,
            "max_score_difference": self.max_score_difference,
            "sparsity": self.sparsity,
            "dev_clips_unscored": self.unscored,
            "thresholds": thresholds,
            "dev_doubt": self.dev_doubt,
        }


def quantize(
    network: Network, experiment: Experiment, info: RunInfo, name: str, options: QuantizeOptions, watch: Watch
) -> Quantized:
    """Deploy the trained ``network``. ``watch(items, total, what)`` may draw progress.

    Both figures of the gate come from the same code: the float and the int8 model are each exported and scored on
    dev through `edge.model`, clip by clip, as a user would.
    """
    frames = experiment.loader.clip_samples // network.config.frontend.hop
    source = FeatureSource(network, experiment.loader)
    float_network = fold(network, quantized=False)
    contract = _contract(float_network, info, name)
    float_raw_score, _ = score_clips(export_tflite(float_network, contract), experiment, watch, "dev, float")
    starting, reference = network, float_network
    if options.sparsity:
        batches = watch(source.epoch(FINE_TUNE_EPOCH, options.prune_steps), options.prune_steps, "pruning")
        starting = reference = prune(
            network, batches, options.prune_steps, frames, options.sparsity, options.learning_rate
        )
    quantized = fold(starting, quantized=options.method != "float")
    if options.method != "float":
        heard_once = list(_clean_batches(experiment, options.calibration_batches))
        calibrate(quantized, heard_once, experiment.dev.features.shape[1])
        correct_patches(quantized, heard_once)
        correct_compression(reference, quantized, heard_once)
    if options.method == "qat":
        batches = watch(source.epoch(FINE_TUNE_EPOCH + 1, options.qat_steps), options.qat_steps, "fine-tuning")
        fine_tune(quantized, batches, frames, options.learning_rate)
    contract = replace(contract, quantization="float32" if options.method == "float" else f"int8-{options.method}")
    model = export_tflite(quantized, contract)
    raw_score, unscored = score_clips(model, experiment, watch, f"dev, {contract.quantization}")
    heard, people_heard = [raw_score], []
    channel = network.config.train.heard_through
    if channel is not None:
        heard.append(score_clips(model, experiment, watch, f"dev, {channel}", channel)[0])
        for channel in _FALSE_ALARM_CHANNELS:
            people_heard.append(score_clips(model, experiment, watch, f"dev, {channel}", channel, "bonafide")[0])
    contract = calibrated(contract, heard, people_heard, experiment.dev.rows, bpcer=options.bpcer, apcer=options.apcer)
    bonafide = np.array([row.label == "bonafide" for row in experiment.dev.rows])
    both = ~np.isnan(raw_score) & ~np.isnan(float_raw_score)
    return Quantized(
        model=embed_contract(model, contract),
        contract=contract,
        float_eer=eer(float_raw_score[bonafide & both], float_raw_score[~bonafide & both])[0],
        int8_eer=eer(raw_score[bonafide & both], raw_score[~bonafide & both])[0],
        max_score_difference=float(np.abs(raw_score[both] - float_raw_score[both]).max()),
        sparsity=sparsity_of(quantized),
        unscored=unscored,
    )


def score_clips(
    model: bytes, experiment: Experiment, watch: Watch, what: str, channel: str = "clean", label: str | None = None
) -> tuple[Float, int]:
    """Uncalibrated file score of each dev clip through the runtime that ships [shape=(n,)], NaN where there is
    none, and how many those are. ``channel`` is what the clips go through first; ``label`` leaves out the other one.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        loaded = Model.load(path)
        indices = [index for index, row in enumerate(experiment.dev.rows) if label in (None, row.label)]
        scores = np.array(
            [_cm_score(loaded, _heard(experiment, index, channel)) for index in watch(indices, len(indices), what)]
        )
    return scores, int(np.isnan(scores).sum())


def _heard(experiment: Experiment, index: int, channel: str) -> Float:
    samples, path = experiment.dev_cache.clip(index), experiment.dev.rows[index].path
    return through_transmission(samples, channel, experiment.loader.sample_rate, path)


def _cm_score(model: Model, samples: Float) -> float:
    score = score_samples(model, samples).cm_score
    return np.nan if score is None else score


def _contract(network: Network, info: RunInfo, name: str) -> Contract:
    config = info.config
    return Contract(
        name=name,
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
    """Dev features, every clip at most once: calibration sees audio as it is, and no label."""
    size = experiment.loader.batch_size
    order = np.random.default_rng(experiment.loader.seed).permutation(len(experiment.dev.rows))
    for start in range(0, min(count * size, len(order)), size):
        chosen = np.sort(order[start : start + size])
        yield experiment.dev.features[chosen], experiment.dev.mask[chosen]
