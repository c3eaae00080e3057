"""Training without descent: filters learnt from unlabelled patches, then a linear head solved for in one step.

Every pass hears each training clip once: the first as it is, the others as `augment` leaves it. Passes are kept in the
run folder as they end, so a killed run goes on with the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.loader import Loader
from workbench.data.manifest import Row
from workbench.errors import TrainingError
from workbench.models.config import ModelConfig
from workbench.models.network import Network
from workbench.train.choice import choose_filters, filter_of_column, filters_by_part
from workbench.train.collector import Collector, Progress, Weights, dev_statistics, hear_pass, keep, learn
from workbench.train.dev import DevScores, DevSet, evaluate_dev
from workbench.train.gate import fit_gate, upper_power
from workbench.train.ridge import Problem, pose, weigh_rows
from workbench.train.runs import RunFolder
from workbench.train.squash import Compression, fit_compression

Float = NDArray[np.float32]

_CHOICE_PENALTY = 0.3
NARROW = 0.5
"""Of the gate: above, a clip counts as narrow-band."""


def fit_closed_form(
    network: Network,
    loader: Loader,
    rows: Sequence[Row],
    dev: DevSet,
    dev_through_transmission: DevSet | None,
    folder: RunFolder,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Train ``network`` (patches and a linear head) to ``folder.weights``; return the history, one record a penalty.

    ``rows`` are those of the loader's cache. See `workbench.train.descent.fit` for ``progress``.

    Raises
    ------
    TrainingError
        The network has no patches, or layers that only descent can train.
    """
    model, settings = network.config.model, network.config.train
    if not model.patch_filters or model.widths or model.head_units or network.normalised:
        raise TrainingError(
            'train.solver = "ridge" trains patches and a linear head: set model.patch_filters, widths = [], '
            'dilations = [], head_units = 0 and batch_norm = false, or solver = "gradient"'
        )
    collector = Collector(network, loader, rows)
    raw_score_model = network.raw_score_model(dev.features.shape[1])
    collector.set_filters(_filters(collector, folder, progress))
    passes = [
        hear_pass(collector, number, folder.path / f"pass-{number}.npz", progress) for number in range(settings.passes)
    ]
    statistics, indices = (np.concatenate(parts) for parts in zip(*passes, strict=True))
    as_it_is = np.concatenate([np.full(len(chosen), number == 0) for number, (_, chosen) in enumerate(passes)])
    bonafide = np.array([rows[index].label == "bonafide" for index in indices])
    gate = fit_gate(statistics, upper_power(network.config))
    narrow = gate(statistics) > NARROW
    read = head_reading(model, statistics[as_it_is])
    if isinstance(read, Compression):
        network.layers["head_compression"].set_weights([read.scale, read.shift])
    statistics = read(statistics)
    problem = pose_passes(statistics, rows, indices, narrow, as_it_is, settings.nuisance)
    if settings.nuisance:
        statistics, bonafide = statistics[as_it_is], bonafide[as_it_is]
    heard = [
        (part, read(dev_statistics(network, part))) for part in (dev, dev_through_transmission) if part is not None
    ]
    history: list[dict[str, Any]] = []
    for penalty in settings.penalties:
        head = problem.solve(penalty)
        loss = float(np.mean((head(statistics) - np.where(bonafide, 1.0, -1.0)) ** 2))
        scores = [evaluate_dev(part, head(values)) for part, values in heard]
        record = _record(len(history), penalty, loss, scores, settings.dev_transmission)
        if all(record["selection"] < earlier["selection"] for earlier in history):
            network.layers["head_raw_score"].set_weights([head.weights[:, None], np.array([head.bias], np.float32)])
            folder.save_weights(raw_score_model)
        history.append(record)
        folder.write_history(history)
        with progress(record["epoch"], 1) as bar:
            bar.finish(record)
    return history


def head_reading(model: ModelConfig, as_they_are: Float) -> Callable[[Float], Float]:
    """What the head reads of statistics [shape=(n, S)]; ``as_they_are`` are those of clips that were not augmented."""
    return fit_compression(as_they_are, model.head_compression) if model.head_compression else np.asarray


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
    conditions = name_conditions(chosen, narrow[fitted], as_it_is[fitted])
    problem = pose(
        statistics[fitted],
        bonafide,
        conditions,
        [row.attack_id for row in chosen],
    )
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


def _filters(collector: Collector, folder: RunFolder, progress: Progress) -> Weights:
    file = folder.path / "filters.npz"
    if file.exists():
        with np.load(file) as kept:
            return dict(kept)
    config = collector.network.config
    if config.train.candidates > config.model.patch_filters:
        found = _best_candidates(collector, folder, progress)
    else:
        found = learn(collector)
    keep(file, **found)
    return found


def _best_candidates(collector: Collector, folder: RunFolder, progress: Progress) -> Weights:
    """The most useful of ``train.candidates`` filters on the training clips as they are."""
    config = collector.network.config
    many = replace(config, model=replace(config.model, patch_filters=config.train.candidates))
    wide = Collector(Network(many), collector.loader, collector.rows)
    found = learn(wide)
    wide.set_filters(found)
    file = folder.path / "candidates.npz"
    statistics, indices = hear_pass(wide, 0, file, progress)
    chosen = [wide.rows[index] for index in indices]
    bonafide = np.array([row.label == "bonafide" for row in chosen])
    gate = fit_gate(statistics, upper_power(many))
    narrow = gate(statistics) > NARROW
    conditions = name_conditions(chosen, narrow, np.ones(len(chosen), bool))
    # As the head is going to read them; what is kept of them below stays as it was heard.
    read = head_reading(many.model, statistics)(statistics)
    rows = weigh_rows(read, bonafide, conditions, [row.attack_id for row in chosen])
    owner = filter_of_column(many)
    wanted = config.model.patch_parts(config.frontend).values()
    parts = list(zip(filters_by_part(many), wanted, strict=True))
    kept = choose_filters(rows, owner, parts, _CHOICE_PENALTY)
    # What the kept filters heard is the first pass; the rest, hundreds of megabytes, nothing reads again.
    keep(folder.path / "pass-0.npz", statistics=statistics[:, np.isin(owner, kept)], indices=indices)
    file.unlink()
    return {
        f"{name}/{what}": found[f"{name}/{what}"][..., kept[np.isin(kept, part)] - part.start]
        for name, (part, _) in zip(wide.parts, parts, strict=True)
        for what in ("kernel", "bias")
    }


def _record(epoch: int, penalty: float, loss: float, scores: Sequence[DevScores], channel: str) -> dict[str, Any]:
    record: dict[str, Any] = {"epoch": epoch, "penalty": penalty, "loss": loss}
    for score, name in zip(scores, ("dev", f"dev_{channel}"), strict=False):
        record |= score.record(name)
    return record | {"selection": float(np.mean([score.selection for score in scores]))}
