"""Cross-validate the head of a run that was solved (`train.solver = "ridge"`) over sources of its train split.

The dev split has ten paired sources, train has more than twenty: leaving out each fifth of them in turn, and scoring it
with a head solved on the rest as the run's own was, separates representations and recipes that dev cannot. Prints,
for each penalty and pass (0 is the clips as they are, the others are augmented), AUC and EER over the paired clips, and
the mean of the AUC inside each source. Which sources share a fold moves these figures: with --repeats they are means
over several divisions, with the range.

The filters saw all of train: without a label where `train.ridge.dictionary_atoms` is 0, else chosen by labels of the
sources left out, too. Then the figures flatter the run; compare it with runs of as many atoms alone.

Example: python tools/research/cross_validate.py runs/patches --repeats 5
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.errors import EdgeError
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
class RunStatistics:
    """Pooled statistics of a run's training clips, n in all; S of each, which the head reads.

    A clip stands once for every pass that found enough speech in it: ``rows[indices[k]]``, in pass ``passes[k]``.
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


def read_statistics(run: Path, passes: Sequence[int] | None = None) -> RunStatistics:
    """Read the statistics that the run folder ``run`` kept of its ``passes`` (all of them by default).

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

    pass_of = np.concatenate([np.full(len(part), n) for n, (_, part) in zip(numbers, kept, strict=True)])
    # As the run fitted it: on clips as they are, where those are read.
    fitted = statistics[pass_of == 0] if 0 in numbers else statistics
    return RunStatistics(
        config=info.config,
        rows=rows,
        statistics=fit_compression(fitted, info.config.model.head_compression)(statistics),
        indices=indices,
        passes=pass_of,
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


def divide(data: RunStatistics, seed: int) -> Whole:
    """Which fold each clip's source is left out in [shape=(n,)]; -1 for unpaired sources, which always train."""
    paired = np.unique(data.source[data.paired])
    fold_of = {name: place % FOLDS for place, name in enumerate(np.random.default_rng(seed).permutation(paired))}
    return np.array([fold_of.get(name, -1) for name in data.source])


def score_left_out(
    data: RunStatistics,
    fold: Whole,
    penalties: Sequence[float],
    keep: Callable[[int, Marks], Marks] | None = None,
    columns: Callable[[int], Whole] | None = None,
) -> NDArray[np.float64]:
    """Raw scores on the clips of each fold by heads solved without them [shape=(penalties, n)]; NaN in fold -1.

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
        for place, head in enumerate(_solve(data, train, penalties, read)):
            raw_score[place, left_out] = head(_part(data.statistics, left_out, read))
    return raw_score


def known(value: float) -> float | None:
    """For JSON, which has no NaN."""
    return None if np.isnan(value) else float(value)


def _solve(data: RunStatistics, train: Marks, penalties: Sequence[float], read: Whole | None) -> list[LinearHead]:
    clips = TrainingClips(
        data.rows,
        _part(data.statistics, train, read),
        data.indices[train],
        data.passes[train],
        data.narrow[train],
    )
    equations = normal_equations(clips, data.wccn_penalty)
    return [equations.solve(penalty) for penalty in penalties]


def _part(statistics: Float, marks: Marks, read: Whole | None) -> Float:
    return statistics[marks] if read is None else statistics[np.ix_(marks, read)]


def figures_of(data: RunStatistics, raw_score: NDArray[np.float64], number: int) -> Figures:
    """`FIGURES` of pass ``number`` over the paired clips that ``raw_score`` [shape=(n,)] scores; fractions.

    ``auc_inside_sources`` is the mean over sources, NaN where none has enough clips of both classes.

    Raises
    ------
    ValueError
        A class is missing.
    """
    # A source may be paired as a whole and hold clips that are not, as copies of an unpaired one do.
    chosen = (data.passes == number) & data.paired & ~np.isnan(raw_score)
    inside = []
    for name in np.unique(data.source[chosen]):
        real, fake = (raw_score[chosen & (data.source == name) & mark] for mark in (data.bonafide, ~data.bonafide))
        if min(len(real), len(fake)) >= SMALLEST_CLASS:
            inside.append(auc(real, fake))
    real, fake = raw_score[chosen & data.bonafide], raw_score[chosen & ~data.bonafide]
    values = (auc(real, fake), eer(real, fake)[0], np.mean(inside) if inside else np.nan)
    return dict(zip(FIGURES, map(float, values), strict=True))


Record = dict[str, Any]

TITLES = {"auc": "AUC", "eer": "EER", "auc_inside_sources": "AUC inside sources"}


def cross_validate(data: RunStatistics, penalties: Sequence[float], seeds: Sequence[int]) -> list[Record]:
    """One record a penalty and pass: each of `folds.FIGURES` as mean, as ``_range`` and as ``_each`` of ``seeds``.

    ``seeds`` are those of the divisions into folds; all figures are fractions.
    """
    raw_score = []
    for seed in tqdm(seeds, "divisions", leave=False, disable=None):
        raw_score.append(score_left_out(data, divide(data, seed), penalties))
    return [
        _record(data, [scores[place] for scores in raw_score], number, seeds) | {"penalty": penalty}
        for place, penalty in enumerate(penalties)
        for number in np.unique(data.passes).tolist()
    ]


def _record(data: RunStatistics, raw_score: Sequence[Any], number: int, seeds: Sequence[int]) -> Record:
    chosen = (data.passes == number) & data.paired
    figures = [figures_of(data, scores, number) for scores in raw_score]
    record: Record = {
        "pass": number,
        "seeds": list(seeds),
        "bonafide": int((chosen & data.bonafide).sum()),
        "spoof": int((chosen & ~data.bonafide).sum()),
    }
    for name in FIGURES:
        each = [found[name] for found in figures]
        span = [known(np.min(each)), known(np.max(each))]
        record |= {name: known(float(np.mean(each))), f"{name}_range": span, f"{name}_each": [*map(known, each)]}
    return record


def line(record: Record) -> str:
    """The record as a line of text, in percent."""
    shown = ", ".join(f"{TITLES[name]} {_percent(record[name], record[f'{name}_range'])} %" for name in FIGURES)
    clips = f"{record['bonafide']} bona fide, {record['spoof']} spoof"
    return f"penalty {record['penalty']:<5} pass {record['pass']}: {clips}; {shown}"


def _percent(mean: float | None, span: Sequence[float | None]) -> str:
    if mean is None:
        return "–"
    low, high = (f"{100 * value:.1f}" for value in span if value is not None)
    return f"{100 * mean:.1f}" if span[0] == span[1] else f"{100 * mean:.1f} ({low}–{high})"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--penalty", type=float, nargs="+", default=[0.1, 0.3], help="[default: 0.1 0.3]")
    parser.add_argument("--passes", type=int, nargs="+", help="passes to use  [default: all]")
    parser.add_argument("--repeats", type=int, default=1, help="divisions into folds  [default: 1]")
    parser.add_argument("--seed", type=int, default=1, help="of the first division; others count on  [default: 1]")
    parser.add_argument("--json", action="store_true", help="one JSON object a penalty and pass, figures as fractions")
    options = parser.parse_args(arguments)
    if options.repeats < 1 or min(options.penalty) <= 0:
        parser.error("--repeats is at least 1, and each --penalty is positive")
    try:
        data = read_statistics(options.run, options.passes)
        seeds = range(options.seed, options.seed + options.repeats)
        records = cross_validate(data, options.penalty, seeds)
    except (EdgeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for record in records:
        print(json.dumps(record) if options.json else line(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())
