"""The filters of the 2-D convolution: dictionary atoms learnt without labels, pruned by recursive feature elimination.

Atoms are whitened patches of the features, in pairs of opposite sign, with a threshold. Coates and Ng (2011, "The
importance of encoding versus training with sparse coding and vector quantization") found that a large dictionary of
them serves a linear classifier as well as trained features do. Elimination (Guyon et al. 2002, "Gene selection for
cancer classification using support vector machines") ranks atoms by the ridge weights of all of their statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.data.atomic_file import write_arrays
from workbench.errors import TrainingError
from workbench.models.config import input_planes
from workbench.models.network import Network
from workbench.train.regression import (
    TrainingClips,
    WeightedRows,
    filter_of_column,
    filters_by_part,
    upper_power,
    weigh,
)
from workbench.train.statistics import Extractor, Filters, Progress, fit_compression

Float = NDArray[np.float32]
Whole = NDArray[np.int_]

_WHITENING_RIDGE = 0.05
"""In mean eigenvalues: keeps whitening from amplifying directions that hold nothing but rounding."""
_THRESHOLD = 0.5
"""In deviations of a whitened patch along a filter."""
_KEPT = 0.7
"""Share of the atoms that a round of elimination keeps."""
_ELIMINATION_PENALTY = 0.3


def learn_filters(extractor: Extractor, folder: Path, progress: Progress) -> Filters:
    """Learn the filters of the extractor's network, or read those that ``folder`` holds from an earlier start.

    Raises
    ------
    TrainingError
        There are fewer patches than atoms.
    """
    file = folder / "filters.npz"
    if file.exists():
        with np.load(file) as kept:
            return dict(kept)
    config = extractor.network.config
    if config.train.ridge.dictionary_atoms > config.model.patch_filters:
        filters = _eliminate_atoms(extractor, folder, progress)
    else:
        filters = learn_dictionary(extractor)
    write_arrays(file, **filters)
    return filters


def learn_dictionary(extractor: Extractor) -> Filters:
    """Learn as many atoms for each convolution as the network has filters."""
    rng = np.random.default_rng([extractor.loader.seed, 2])
    patches = [np.concatenate(part) for part in zip(*extractor.patches(rng), strict=True)]
    filters = {}
    for name, examples in zip(extractor.convolutions, patches, strict=True):
        count = extractor.network.layers[name].filters
        level_free = input_planes(extractor.network.config.frontend)[name.removesuffix("_conv")].level_free
        try:
            filters[f"{name}/kernel"], filters[f"{name}/bias"] = whitened_atoms(examples, count, level_free, rng)
        except ValueError as error:
            raise TrainingError(f"{error}; give more or longer clips") from error
    return filters


def whitened_atoms(patches: Float, count: int, level_free: bool, rng: np.random.Generator) -> tuple[Float, Float]:
    """Make ``count`` atoms from ``patches`` [shape=(n, frames, bands, C)].

    They come in pairs of opposite sign, so that a rectifier after them keeps both sides. With ``level_free`` they sum
    to zero: a patch's mean, how loud it was recorded, does not count.

    Returns
    -------
    Kernel [shape=(frames, bands, C, count)] and bias [shape=(count,)].

    Raises
    ------
    ValueError
        Fewer patches than pairs.
    """
    pairs = (count + 1) // 2
    if len(patches) < pairs:
        raise ValueError(f"{count} filters need at least {pairs} patches to be drawn from; got {len(patches)}")
    rows = patches.reshape(len(patches), -1).astype(np.float64)
    if level_free:
        rows = rows - rows.mean(axis=1, keepdims=True)
    mean = rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((rows - mean).T))
    whiten = (vectors / np.sqrt(np.maximum(values, 0.0) + _WHITENING_RIDGE * values.mean() + 1e-12)) @ vectors.T
    chosen = (rows[rng.choice(len(rows), pairs, replace=False)] - mean) @ whiten
    chosen /= np.linalg.norm(chosen, axis=1, keepdims=True) + 1e-9
    weights = whiten @ chosen.T
    if level_free:
        weights -= weights.mean(axis=0, keepdims=True)
    offset = -(mean @ weights)
    both = np.concatenate([weights, -weights], axis=1)[:, :count]
    bias = np.concatenate([offset, -offset])[:count] - _THRESHOLD
    return both.reshape(*patches.shape[1:], count).astype(np.float32), bias.astype(np.float32)


def eliminate(rows: WeightedRows, owner: Whole, parts: Sequence[tuple[range, int]], penalty: float) -> Whole:
    """Choose the atoms to keep, leaving out the least useful in rounds and solving for the rest again.

    Parameters
    ----------
    rows
        Statistics of the training clips by all atoms [shape=(n, S)].
    owner : [shape=(S,)]
        The atom that each column of ``rows`` comes from; see `filter_of_column`.
    parts
        Atoms of a kind, and how many of them to keep.
    penalty
        Of the ridge regression, in mean eigenvalues.

    Returns
    -------
    Numbers of the kept atoms, in order.
    """
    kept = [np.array(part) for part, _ in parts]
    while any(len(left) > wanted for left, (_, wanted) in zip(kept, parts, strict=True)):
        columns = np.flatnonzero(np.isin(owner, np.concatenate(kept)))
        use = np.bincount(owner[columns], _weights(rows, columns, penalty) ** 2, minlength=owner.max() + 1)
        kept = [
            np.sort(left[np.argsort(-use[left], kind="stable")[: max(wanted, min(int(_KEPT * len(left)), len(left)))]])
            for left, (_, wanted) in zip(kept, parts, strict=True)
        ]
    return np.concatenate(kept)


def _eliminate_atoms(extractor: Extractor, folder: Path, progress: Progress) -> Filters:
    """Learn ``train.ridge.dictionary_atoms`` and keep the most useful ones for unchanged training clips."""
    config = extractor.network.config
    atoms = config.train.ridge.dictionary_atoms
    many = replace(config, model=replace(config.model, patch_filters=atoms))
    wide = Extractor(Network(many), extractor.loader, extractor.rows)
    filters = learn_dictionary(wide)
    wide.set_filters(filters)
    file = folder / "atoms.npz"
    values, indices = wide.pass_over(0, file, progress)
    clips = TrainingClips.of(wide.rows, [(values, indices)], upper_power(many))
    compressed = fit_compression(values, many.model.head_compression)(values)
    owner = filter_of_column(many)
    wanted = config.model.patch_parts(config.frontend).values()
    parts = list(zip(filters_by_part(many), wanted, strict=True))
    kept = eliminate(weigh(replace(clips, values=compressed)), owner, parts, _ELIMINATION_PENALTY)
    # The kept atoms' statistics are the first pass; nothing reads the rest, hundreds of megabytes, again.
    write_arrays(folder / "pass-0.npz", statistics=values[:, np.isin(owner, kept)], indices=indices)
    file.unlink()
    return {
        f"{name}/{what}": filters[f"{name}/{what}"][..., kept[np.isin(kept, part)] - part.start]
        for name, (part, _) in zip(wide.convolutions, parts, strict=True)
        for what in ("kernel", "bias")
    }


def _weights(rows: WeightedRows, columns: Whole, penalty: float) -> NDArray[np.float64]:
    """Ridge weights of ``columns``, by the clips' products: there are fewer clips than statistics of all atoms."""
    chosen = np.ascontiguousarray(rows.values[:, columns])
    products = (chosen @ chosen.T).astype(np.float64)
    products[np.diag_indices_from(products)] += penalty * np.trace(products) / len(columns)
    return np.asarray(chosen.T @ np.linalg.solve(products, rows.target))
