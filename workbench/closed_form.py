"""Training without descent: filters learnt from unlabelled patches, then a linear head solved for in one step.

Every pass hears each training clip once: the first as it is, the others as `augment` leaves it. Passes are kept in the
run folder as they end, so a killed run goes on with the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workbench.dev import DevScores, DevSet, evaluate_dev
from workbench.errors import TrainingError
from workbench.gate import fit_gate, upper_power
from workbench.loader import Loader
from workbench.manifest import Row
from workbench.network import Network
from workbench.patches import cut_patches, learn_filters
from workbench.ridge import Problem, pose
from workbench.runs import RunFolder
from workbench.train import Objective

Float = NDArray[np.float32]
Progress = Callable[[int, int], Any]

_BATCH = 32
_PATCH_CLIPS = 800
_PATCHES_A_CLIP = 25
NARROW = 0.5
"""Of the gate: above, a clip counts as narrow-band."""


def fit_closed_form(
    network: Network,
    loader: Loader,
    rows: Sequence[Row],
    dev: DevSet,
    dev_through_channel: DevSet | None,
    folder: RunFolder,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Train ``network`` (patches and a linear head) to ``folder.weights``; return the history, one record a penalty.

    ``rows`` are those of the loader's cache. See `workbench.train.fit` for ``progress``.

    Raises
    ------
    TrainingError
        The network has no patches, or layers that only descent can train.
    """
    model = network.config.model
    if not model.patch_filters or model.widths or model.head_units or network.normalised:
        raise TrainingError(
            'train.solver = "ridge" trains patches and a linear head: set model.patch_filters, widths = [], '
            'dilations = [], head_units = 0 and batch_norm = false, or solver = "gradient"'
        )
    collector = _Collector(network, loader, rows)
    evidence_model = network.evidence_model(dev.features.shape[1])
    collector.set_filters(_filters(collector, folder))
    passes = [_one_pass(collector, number, folder, progress) for number in range(network.config.train.passes)]
    statistics = np.concatenate([values for values, _ in passes])
    indices = np.concatenate([chosen for _, chosen in passes])
    as_it_is = np.concatenate([np.full(len(chosen), number == 0) for number, (_, chosen) in enumerate(passes)])
    bonafide = np.array([rows[index].label == "bonafide" for index in indices])
    gate = fit_gate(statistics, upper_power(network.config))
    narrow = gate(statistics) > NARROW
    expand: Callable[[Float], Float] = np.asarray
    if model.head_gate:
        network.layers["head_gate"].set_weights([gate.weights[:, None], np.array([gate.bias], np.float32)])
        expand = gate.expand
    statistics = expand(statistics)
    nuisance = network.config.train.nuisance
    problem = pose_passes(statistics, rows, indices, narrow, as_it_is, nuisance)
    if nuisance:
        statistics, bonafide = statistics[as_it_is], bonafide[as_it_is]
    heard = [(part, expand(_dev_statistics(network, part))) for part in (dev, dev_through_channel) if part is not None]
    history: list[dict[str, Any]] = []
    for penalty in network.config.train.penalties:
        head = problem.solve(penalty)
        loss = float(np.mean((head(statistics) - np.where(bonafide, 1.0, -1.0)) ** 2))
        scores = [evaluate_dev(part, head(values)) for part, values in heard]
        record = _record(len(history), penalty, loss, scores, network.config.train.dev_channel)
        if all(record["selection"] < earlier["selection"] for earlier in history):
            network.layers["head_evidence"].set_weights([head.weights[:, None], np.array([head.bias], np.float32)])
            folder.save_weights(evidence_model)
        history.append(record)
        folder.write_history(history)
        with progress(record["epoch"], 1) as bar:
            bar.finish(record)
    return history


def pose_passes(
    statistics: Float,
    rows: Sequence[Row],
    indices: NDArray[np.int_],
    narrow: NDArray[np.bool_],
    as_it_is: NDArray[np.bool_],
    nuisance: float,
) -> Problem:
    """The regression on ``statistics`` [shape=(n, S)] of the clips ``rows[indices]``, as ``train.nuisance`` asks.

    ``narrow`` and ``as_it_is`` [shape=(n,)]: band as the gate tells it, and whether the clip was left as it is.
    """
    fitted = as_it_is if nuisance else np.ones(len(indices), bool)
    chosen = [rows[index] for index in indices[fitted]]
    bonafide = np.array([row.label == "bonafide" for row in chosen])
    problem = pose(statistics[fitted], bonafide, name_conditions(chosen, narrow[fitted], as_it_is[fitted]))
    return problem.against(_differences(statistics, indices, as_it_is), nuisance) if nuisance else problem


def _differences(statistics: Float, indices: NDArray[np.int_], as_it_is: NDArray[np.bool_]) -> Float:
    """What augmentation did to the statistics of each clip that both passes heard [shape=(n, S)]."""
    plain = {index: place for place, index in enumerate(indices) if as_it_is[place]}
    pairs = [(place, plain[index]) for place, index in enumerate(indices) if not as_it_is[place] and index in plain]
    after, before = np.array(pairs).T
    return statistics[after] - statistics[before]


def name_conditions(rows: Sequence[Row], narrow: NDArray[np.bool_], as_it_is: NDArray[np.bool_]) -> list[str]:
    """Recording conditions of training clips: source, narrow or wide band, augmented or not.

    They are told apart as sources are: what a telephone does to a clip must not count for either class.
    """
    return [f"{row.source_repo} {band} {clean}" for row, band, clean in zip(rows, narrow, as_it_is, strict=True)]


class _Collector:
    """Statistics of training clips by the network's own layers."""

    def __init__(self, network: Network, loader: Loader, rows: Sequence[Row]) -> None:
        self.network, self.loader, self.rows = network, loader, rows
        self.frames = loader.clip_samples // network.config.frontend.hop
        self.features = tf.function(network.feature_model(loader.clip_samples))
        self.statistics = network.statistics_model(self.frames)
        self.run = tf.function(self.statistics)
        self.min_frames = Objective(network.config).min_frames

    @property
    def parts(self) -> list[tuple[str, slice]]:
        """Convolutions of the 2-D stage, and the channels of the features that each reads."""
        parts = [("patch_power_conv", slice(0, 1)), ("patch_phase_conv", slice(1, None))]
        return parts[: 1 if self.network.config.frontend.channels == 1 else 2]

    def set_filters(self, weights: dict[str, Float]) -> None:
        """Kernel and bias of the 2-D stage, by the names that `_filters` gives."""
        for name, _ in self.parts:
            self.network.layers[name].set_weights([weights[f"{name}/kernel"], weights[f"{name}/bias"]])

    def batch(self, number: int, indices: Iterable[int]) -> Float:
        """Clips ``indices`` as pass ``number`` hears them; always `_BATCH` rows, so that the graph is traced once."""
        clips = np.zeros((_BATCH, self.loader.clip_samples), np.float32)
        for place, index in enumerate(indices):
            clips[place] = self.loader.variant(index, number)
        return clips

    def patches(self, rng: np.random.Generator) -> Iterator[Float]:
        """Patches of random training clips, as they are and augmented by turns."""
        frontend, size = self.network.config.frontend, self.network.config.model.patch_size
        chosen = rng.permutation(len(self.rows))[:_PATCH_CLIPS]
        for start in range(0, len(chosen), _BATCH):
            features, mask = self.features(self.batch((start // _BATCH) % 2, chosen[start : start + _BATCH]))
            for clip, speech in zip(features.numpy(), mask.numpy(), strict=True):
                heard = np.flatnonzero(speech > 0)
                if len(heard):
                    spoken = clip[heard[0] : heard[-1] + 1].reshape(-1, frontend.n_mels, frontend.channels)
                    yield cut_patches(spoken, size, _PATCHES_A_CLIP, rng)


def _filters(collector: _Collector, folder: RunFolder) -> dict[str, Float]:
    file = folder.path / "filters.npz"
    if file.exists():
        with np.load(file) as kept:
            return dict(kept)
    rng = np.random.default_rng([collector.loader.seed, 2])
    patches = np.concatenate(list(collector.patches(rng)))
    found = {}
    for name, channels in collector.parts:
        wanted = collector.network.layers[name].filters
        try:
            found[f"{name}/kernel"], found[f"{name}/bias"] = learn_filters(
                patches[..., channels], wanted, channels.start == 0, rng
            )
        except ValueError as error:
            raise TrainingError(f"{error}; give more or longer clips") from error
    _keep(file, **found)
    return found


def _keep(file: Path, **arrays: NDArray[Any]) -> None:
    temporary = file.with_name(f".{file.stem}.tmp.npz")
    np.savez(temporary, **arrays)  # type: ignore[arg-type]
    temporary.replace(file)


def _one_pass(
    collector: _Collector, number: int, folder: RunFolder, progress: Progress
) -> tuple[Float, NDArray[np.int_]]:
    """Statistics [shape=(n, S)] of the clips with enough speech, and which rows those are [shape=(n,)]."""
    file = folder.path / f"pass-{number}.npz"
    if file.exists():
        with np.load(file) as kept:
            return kept["statistics"].astype(np.float32), kept["indices"]
    values: list[Float] = []
    indices: list[int] = []
    starts = range(0, len(collector.rows), _BATCH)
    with progress(number, len(starts)) as bar:
        for start in starts:
            chosen = range(start, min(start + _BATCH, len(collector.rows)))
            features, mask = collector.features(collector.batch(number, chosen))
            found = collector.run([features, mask])[:, -1].numpy()
            heard = mask.numpy().sum(axis=1) >= collector.min_frames
            for place, index in enumerate(chosen):
                if heard[place]:
                    values.append(found[place])
                    indices.append(index)
            bar.update(0.0)
    result = np.stack(values), np.array(indices)
    _keep(file, statistics=result[0], indices=result[1])
    return result


def _dev_statistics(network: Network, dev: DevSet) -> Float:
    model = network.statistics_model(dev.features.shape[1])
    parts = []
    for start in range(0, len(dev.rows), _BATCH):
        part = slice(start, start + _BATCH)
        parts.append(model([dev.features[part], dev.mask[part]])[:, -1].numpy())
    return np.concatenate(parts)


def _record(epoch: int, penalty: float, loss: float, scores: Sequence[DevScores], channel: str) -> dict[str, Any]:
    record: dict[str, Any] = {"epoch": epoch, "penalty": penalty, "loss": loss}
    for score, name in zip(scores, ("dev", f"dev_{channel}"), strict=False):
        record |= score.record(name)
    return record | {"selection": float(np.mean([score.selection for score in scores]))}
