"""What a ridge run heard of its train split, and its head solved again with sources left out; for the programs here.

Every fifth of the paired sources is scored by a head that was solved on the rest as the run's own was. The filters,
and the bound between narrow and wide bands, saw all of train, but no label.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbench.config import ExperimentConfig
from workbench.data.manifest import Row, read_manifest
from workbench.errors import TrainingError
from workbench.evaluate.metrics import auc, eer
from workbench.train.regression import LinearHead, TrainingClips, narrow_band, normal_equations, upper_power
from workbench.train.runs import RunFolder

Float = NDArray[np.float32]
Marks = NDArray[np.bool_]
Whole = NDArray[np.int_]
Figures = dict[str, float]

FOLDS = 5
SMALLEST_CLASS = 5
"""Of a source: with fewer clips of a class its own AUC is not counted."""
FIGURES = ("auc", "eer", "auc_inside_sources")


@dataclass(frozen=True)
class Heard:
    """Clips as the passes of a run heard them, n in all; statistics are what the head reads, S of them.

    A clip stands once for every pass that heard enough speech in it: ``rows[indices[k]]``, in pass ``passes[k]``.
    """

    config: ExperimentConfig
    rows: tuple[Row, ...]
    statistics: Float
    """[shape=(n, S)]"""
    indices: Whole
    passes: Whole
    narrow: Marks
    """Whether a clip is a narrow-band recording [shape=(n,)]."""

    @cached_property
    def bonafide(self) -> Marks:
        return self._of_rows([row.label == "bonafide" for row in self.rows])

    @cached_property
    def paired(self) -> Marks:
        return self._of_rows([row.paired == "yes" for row in self.rows])

    @cached_property
    def source(self) -> NDArray[np.str_]:
        return self._of_rows([row.source_repo for row in self.rows])

    @cached_property
    def attack(self) -> NDArray[np.str_]:
        return self._of_rows([row.attack_id for row in self.rows])

    @property
    def wccn_penalty(self) -> float:
        """That of the run; 0 where there is nothing to compare a clip with."""
        numbers = set(self.passes.tolist())
        return self.config.train.ridge.wccn_penalty if 0 in numbers and len(numbers) > 1 else 0.0

    def _of_rows(self, values: Sequence[object]) -> NDArray:  # type: ignore[type-arg]
        return np.array(values)[self.indices]


def read_heard(run: Path, passes: Sequence[int] | None = None) -> Heard:
    """What the run folder ``run`` kept of its ``passes`` (all of them by default).

    Raises
    ------
    TrainingError
        It is no run that was solved, a pass is not there, or the manifest has changed since.
    """
    info = RunFolder(run).info()
    settings = info.config.train
    if settings.solver != "ridge":
        raise TrainingError(f'{run}: expected a run with train.solver = "ridge", got "{settings.solver}"')
    manifest = read_manifest(info.manifest, Path(info.manifest_root))
    if manifest.digest() != info.manifest_digest:
        raise TrainingError(f"{info.manifest}: changed since {run} was trained; its passes name clips by their place")
    numbers = range(settings.ridge.passes) if passes is None else sorted(set(passes))
    kept = [_read_pass(run, number) for number in numbers]
    statistics, indices = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    rows = manifest.select(split="train").rows
    # Heavy, and not needed to say what is wrong with a folder.
    from workbench.models.quiet_tensorflow import load_tensorflow

    load_tensorflow()

    from workbench.train.statistics import fit_compression

    heard_in = np.concatenate([np.full(len(part), n) for n, (_, part) in zip(numbers, kept, strict=True)])
    # As the run fitted it: on clips as they are, where those are read.
    fitted = statistics[heard_in == 0] if 0 in numbers else statistics
    return Heard(
        config=info.config,
        rows=rows,
        statistics=fit_compression(fitted, info.config.model.head_compression)(statistics),
        indices=indices,
        passes=heard_in,
        narrow=narrow_band(statistics, upper_power(info.config)),
    )


def _read_pass(run: Path, number: int) -> tuple[Float, Whole]:
    try:
        with np.load(run / f"pass-{number}.npz") as kept:
            return kept["statistics"].astype(np.float32), kept["indices"]
    except FileNotFoundError as error:
        raise TrainingError(
            f"{run}: pass {number} is not there; choose among those there are, or let `workbench train` end it"
        ) from error


def kept_penalty(run: Path) -> float:
    """The penalty that the run chose by dev.

    Raises
    ------
    TrainingError
        Its history does not say.
    """
    history = [record for record in RunFolder(run).history() if "penalty" in record]
    if not history:
        raise TrainingError(f"{run}: no penalty in its history; give one with --penalty")
    return float(min(history, key=lambda record: record["selection"])["penalty"])


def divide(heard: Heard, seed: int) -> Whole:
    """Which fold each clip's source is left out in [shape=(n,)]; -1 for unpaired sources, which always train."""
    paired = np.unique(heard.source[heard.paired])
    fold_of = {name: place % FOLDS for place, name in enumerate(np.random.default_rng(seed).permutation(paired))}
    return np.array([fold_of.get(name, -1) for name in heard.source])


def score_left_out(
    heard: Heard,
    fold: Whole,
    penalties: Sequence[float],
    keep: Callable[[int, Marks], Marks] | None = None,
    columns: Callable[[int], Whole] | None = None,
) -> NDArray[np.float64]:
    """Evidence on the clips of each fold by heads solved without them [shape=(penalties, n)]; NaN in fold -1.

    ``keep(held, train)`` may take clips away from the training of the head that scores fold ``held``; ``columns(held)``
    names the statistics that it reads, all by default.

    Raises
    ------
    ValueError
        A class is missing in what is left to train on.
    """
    raw_score = np.full((len(penalties), len(fold)), np.nan)
    for held in range(FOLDS):
        left_out, train = fold == held, fold != held
        if keep is not None:
            train = train & keep(held, train)
        read = None if columns is None else columns(held)
        for place, head in enumerate(_solve(heard, train, penalties, read)):
            raw_score[place, left_out] = head(_part(heard.statistics, left_out, read))
    return raw_score


def known(value: float) -> float | None:
    """For JSON, which has no NaN."""
    return None if np.isnan(value) else float(value)


def _solve(heard: Heard, train: Marks, penalties: Sequence[float], read: Whole | None) -> list[LinearHead]:
    clips = TrainingClips(
        heard.rows,
        _part(heard.statistics, train, read),
        heard.indices[train],
        heard.passes[train],
        heard.narrow[train],
    )
    equations = normal_equations(clips, heard.wccn_penalty)
    return [equations.solve(penalty) for penalty in penalties]


def _part(statistics: Float, marks: Marks, read: Whole | None) -> Float:
    return statistics[marks] if read is None else statistics[np.ix_(marks, read)]


def figures_of(heard: Heard, raw_score: NDArray[np.float64], number: int) -> Figures:
    """`FIGURES` of pass ``number`` over the paired clips that ``raw_score`` [shape=(n,)] scores; fractions.

    ``auc_inside_sources`` is the mean over sources, NaN where none has enough clips of both classes.

    Raises
    ------
    ValueError
        A class is missing.
    """
    # A source may be paired as a whole and hold clips that are not, as copies of an unpaired one do.
    chosen = (heard.passes == number) & heard.paired & ~np.isnan(raw_score)
    inside = []
    for name in np.unique(heard.source[chosen]):
        real, fake = (raw_score[chosen & (heard.source == name) & mark] for mark in (heard.bonafide, ~heard.bonafide))
        if min(len(real), len(fake)) >= SMALLEST_CLASS:
            inside.append(auc(real, fake))
    real, fake = raw_score[chosen & heard.bonafide], raw_score[chosen & ~heard.bonafide]
    values = (auc(real, fake), eer(real, fake)[0], np.mean(inside) if inside else np.nan)
    return dict(zip(FIGURES, map(float, values), strict=True))
