"""Which of many filters a linear head needs: the least useful are left out in rounds, and the rest solved for again.

Recursive elimination by the weights of a linear model (Guyon et al. 2002, "Gene selection for cancer classification
using support vector machines"), with all statistics of a filter as one group and ridge regression for the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from workbench.config import ExperimentConfig
from workbench.train.ridge import WeightedRows

Whole = NDArray[np.int_]

_KEPT = 0.7
"""Share of the filters that a round keeps."""


def filter_of_column(config: ExperimentConfig) -> Whole:
    """Which filter each statistic comes from [shape=(S,)]: those on power first, then phase, then the brief ones.

    The vector is that of `workbench.models.network.Network.statistics_model`: for each statistic the power
    filters of the lowest region of bands, of the next, and so on, then the others.
    """
    model = config.model
    pooled = np.concatenate([np.tile(part, model.patch_regions) for part in filters_by_part(config)])
    return np.tile(pooled, len(model.statistics))


def filters_by_part(config: ExperimentConfig) -> list[range]:
    """The numbers of the filters that read power, phase and the brief reading."""
    ends = np.cumsum([0, *config.model.patch_parts(config.frontend).values()]).tolist()
    return [range(start, end) for start, end in pairwise(ends)]


def choose_filters(rows: WeightedRows, owner: Whole, parts: Sequence[tuple[range, int]], penalty: float) -> Whole:
    """Filters to keep, in their order.

    Parameters
    ----------
    rows
        Statistics of the training clips by all filters, as the head is fitted to them [shape=(n, S)].
    owner : [shape=(S,)]
        Which filter each column of ``rows`` comes from.
    parts
        Filters of a kind, and how many of them are wanted.
    penalty
        Of the regression, in mean eigenvalues.
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


def _weights(rows: WeightedRows, columns: Whole, penalty: float) -> NDArray[np.float64]:
    """Ridge weights of ``columns``, by the clips' products: there are fewer clips than statistics of candidates."""
    chosen = np.ascontiguousarray(rows.values[:, columns])
    products = (chosen @ chosen.T).astype(np.float64)
    products[np.diag_indices_from(products)] += penalty * np.trace(products) / len(columns)
    return np.asarray(chosen.T @ np.linalg.solve(products, rows.target))
