"""From a run folder to a calibrated int8 `.tflite`, with the parity gate between what was trained and what ships."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.contract import Contract, embed_contract
from edge.decision import FileDecider, RawScore
from edge.model import Model
from edge.scoring import score_samples
from workbench.deploy.export import export_tflite, state_names
from workbench.deploy.fold import count_parameters, fine_tune, fold, prune, sparsity_of
from workbench.deploy.int8 import correct_biases, correct_compression, set_ranges
from workbench.deploy.thresholds import calibrated, dev_support
from workbench.errors import QuantizeError
from workbench.evaluate.metrics import eer
from workbench.evaluate.trials import through_transmission
from workbench.models.blocks import FOLDED, INT8
from workbench.models.network import Network
from workbench.train.descent import FeatureSource
from workbench.train.experiment import Experiment
from workbench.train.runs import RunInfo

Float = NDArray[np.float32]
Watch = Callable[[Iterable[Any], int, str], Iterable[Any]]

_FALSE_ALARM_CHANNELS = ("opus-wb-16", "bad-microphone", "noise-suppressed")
"""Real people are heard through these too, beside dev as it is and through its channel, for the spoof threshold."""

_EVALUATION_BATCH = 32
_FOLDING_TOLERANCE = 1e-2
"""Nats, or share of a raw score above 1: float32 sums in another order leave some thousandths of it."""

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
        """The figures as JSON takes them."""
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


def quantize(
    network: Network, experiment: Experiment, info: RunInfo, name: str, options: QuantizeOptions, watch: Watch
) -> Quantized:
    """Deploy the trained ``network``. ``watch(items, total, what)`` may draw progress.

    The gate compares the trained network's own raw scores, by Keras, with those of the `.tflite` through `edge.model`;
    both become scores of dev clips by the same `edge.decision.FileDecider`.

    Raises
    ------
    QuantizeError
        A layer's weights do not arrive in the deployed network, or it scores otherwise than the trained one.
    """
    frames = experiment.loader.clip_samples // network.config.frontend.hop
    source = FeatureSource(network, experiment.loader)
    float_network = fold(network)
    contract = _contract(float_network, info, name)
    trained_chunks = keras_raw_scores(network, experiment)
    check_same(trained_chunks, keras_raw_scores(float_network, experiment))
    trained = decide_clips(trained_chunks, contract, experiment)
    starting, reference = network, float_network
    if options.sparsity:
        batches = watch(source.epoch(FINE_TUNE_EPOCH, options.prune_steps), options.prune_steps, "pruning")
        starting = reference = prune(
            network, batches, options.prune_steps, frames, options.sparsity, options.learning_rate
        )
    quantized = fold(starting, FOLDED if options.method == "float" else INT8)
    if options.method != "float":
        heard_once = list(_clean_batches(experiment, options.calibration_batches))
        set_ranges(quantized, heard_once, experiment.dev.features.shape[1])
        correct_biases(quantized, heard_once)
        correct_compression(reference, quantized, heard_once)
    if options.method == "qat":
        batches = watch(source.epoch(FINE_TUNE_EPOCH + 1, options.qat_steps), options.qat_steps, "fine-tuning")
        fine_tune(quantized, batches, frames, options.learning_rate)
    contract = replace(contract, quantization="float32" if options.method == "float" else f"int8-{options.method}")
    model = export_tflite(quantized, contract)
    raw_score, unscored = score_clips(model, experiment, watch, f"dev, {contract.quantization}")
    heard, people_heard = [raw_score], []
    channel = network.config.train.dev_transmission
    if channel is not None:
        heard.append(score_clips(model, experiment, watch, f"dev, {channel}", channel)[0])
        for channel in _FALSE_ALARM_CHANNELS:
            people_heard.append(score_clips(model, experiment, watch, f"dev, {channel}", channel, "bonafide")[0])
    contract = calibrated(contract, heard, people_heard, experiment.dev.rows, bpcer=options.bpcer, apcer=options.apcer)
    bonafide = np.array([row.label == "bonafide" for row in experiment.dev.rows])
    both = ~np.isnan(raw_score) & ~np.isnan(trained)
    return Quantized(
        model=embed_contract(model, contract),
        contract=contract,
        trained_eer=eer(trained[bonafide & both], trained[~bonafide & both])[0],
        deployed_eer=eer(raw_score[bonafide & both], raw_score[~bonafide & both])[0],
        max_score_difference=float(np.abs(raw_score[both] - trained[both]).max()),
        sparsity=sparsity_of(quantized),
        unscored=unscored,
    )


def keras_raw_scores(network: Network, experiment: Experiment) -> Float:
    """Raw score of ``network`` after each chunk of each dev clip [shape=(n_clips, chunks)]."""
    dev = experiment.dev
    model = network.raw_score_model(dev.features.shape[1])
    return model.predict([dev.features, dev.mask], batch_size=_EVALUATION_BATCH, verbose=0)


def check_same(trained: Float, folded: Float) -> None:
    """Compare raw scores [shape=(n_clips, chunks)] of the trained and of the folded network.

    Raises
    ------
    QuantizeError
        They differ by more than float32 rounds.
    """
    difference = np.abs(trained - folded)
    if not (difference <= _FOLDING_TOLERANCE * np.maximum(1.0, np.abs(trained))).all():
        raise QuantizeError(
            f"folding changed the network: on dev its raw score differs from the trained one's by up to "
            f"{np.nanmax(difference):.3g} nats, expected at most {_FOLDING_TOLERANCE:g}; a layer acts differently in "
            "its deployed form: compare the two with Network.statistics_model"
        )


def decide_clips(raw_scores: Float, contract: Contract, experiment: Experiment) -> Float:
    """Uncalibrated file score [shape=(n_clips,)] of each dev clip by `keras_raw_scores`, NaN where there is none."""
    dev, chunk = experiment.dev, contract.chunk_samples
    speech = dev.mask.reshape(len(dev.rows), raw_scores.shape[1], -1).sum(axis=2)
    scores = np.full(len(dev.rows), np.nan)
    for index in range(len(dev.rows)):
        samples, decider = experiment.dev_cache.clip(index), FileDecider(contract)
        # Beyond them a clip is padded to the longest.
        for place in range(math.ceil(len(samples) / chunk)):
            value, frames = float(raw_scores[index, place]), float(speech[index, place])
            decider.add(RawScore(place * chunk, (place + 1) * chunk, value, frames))
        found = decider.decide(all_zero=not samples.any()).cm_score
        scores[index] = np.nan if found is None else found
    return scores


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
