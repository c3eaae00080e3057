"""Say what more sources, clips, attacks or filters would give a run that was solved (`train.solver = "ridge"`).

Its head is solved again with less to learn from, and scored on paired sources that were left out (the folds of
cross_validate.py), as the clips are and augmented:

    sources   1/8 to all of the sources that each fold leaves to train on
    clips     at most 5 to 40 clips of a class of a source, then all
    attacks   the spoof clips of at most 1 to 4 attacks of a source, then all; fewer attacks are fewer clips, too
    filters   1/8 to all of the filters, drawn at random: a smaller run would have learnt filters of its own

What a doubling gains is the slope of a line over log2 of the count. Every repeat divides the sources anew and draws
anew what is left to learn from; standard errors are those over repeats, which share the same few sources.

Example: python tools/research/learning_curves.py runs/patches --repeats 8 --markdown curves.md
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from cross_validate import (
    FOLDS,
    Figures,
    Marks,
    RunStatistics,
    Whole,
    divide,
    figures_of,
    kept_penalty,
    read_statistics,
    score_left_out,
)
from curve_page import draw, page, summary
from curves import (
    AUGMENTED,
    Clips,
    Curve,
    Point,
    count_attacks,
    count_clips,
    filter_of_column,
    take_attacks,
    take_clips,
    take_filters,
    take_sources,
    without_repetition,
)
from tqdm import tqdm

from edge.errors import EdgeError
from workbench.data.atomic_file import write_atomically
from workbench.train.runs import RunFolder

ROOT = Path(__file__).resolve().parents[2]
SHARES = (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
FILTER_SHARES = SHARES[:-1]
ALL = "all"


@dataclass(frozen=True)
class Axis:
    """One thing to have less of, in ``limits`` by rising size.

    ``take(clips, limit, rng)`` marks the clips that stay, ``count(clips)`` counts how much that is.
    """

    name: str
    what: str
    limits: Sequence[Any]
    take: Callable[[Clips, Any, np.random.Generator], Marks]
    count: Callable[[Clips], float]


AXES = (
    Axis("sources", "training sources", SHARES, take_sources, lambda clips: len(np.unique(clips.source))),
    Axis("clips", "clips a source and class", (5, 10, 20, 40), take_clips, count_clips),
    Axis("attacks", "attacks a source", (1, 2, 4), take_attacks, count_attacks),
)
STEPS = 1 + sum(len(axis.limits) for axis in AXES) + len(FILTER_SHARES)
"""Cross-validations a repeat: one alone of all there is, the end of every curve."""


def measure(
    data: RunStatistics, penalty: float, repeats: int, seed: int = 1, advance: Callable[[], object] = lambda: None
) -> list[Curve]:
    """The curve of each of `AXES`, and that of filters.

    ``seed`` is that of the first repeat, others count on; ``advance`` is called `STEPS` times a repeat.

    Raises
    ------
    ValueError
        What a fold leaves to train on, or to score, holds a single class.
    """
    trials = [_Trial(data, divide(data, number), number, penalty, advance) for number in range(seed, seed + repeats)]
    everything = [trial.score() for trial in trials]
    curves = []
    for axis in AXES:
        points = [_point(str(limit), [trial.with_less(axis, limit) for trial in trials]) for limit in axis.limits]
        sizes = [trial.sizes(axis, trial.clips) for trial in trials]
        full = [_Measured(*size, figures) for size, figures in zip(sizes, everything, strict=True)]
        curves.append(Curve(axis.name, axis.what, without_repetition([*points, _point(ALL, full)])))
    points = [_point(str(share), [trial.with_fewer_filters(share) for trial in trials]) for share in FILTER_SHARES]
    filters = float(data.config.model.patch_filters)
    full = [_Measured(filters, trial.mean_clips, figures) for trial, figures in zip(trials, everything, strict=True)]
    return [*curves, Curve("filters", "filters", without_repetition([*points, _point(ALL, full)]))]


@dataclass(frozen=True)
class _Measured:
    count: float
    clips: float
    figures: Figures


@dataclass(frozen=True)
class _Trial:
    """One division into folds, of which each is scored by a head solved with less than all of the rest."""

    data: RunStatistics
    fold: Whole
    seed: int
    penalty: float
    advance: Callable[[], object]

    @cached_property
    def clips(self) -> list[Whole]:
        """Places of the clips, as they are, that each fold leaves to train on."""
        return [np.flatnonzero((self.fold != held) & (self.data.passes == 0)) for held in range(FOLDS)]

    @property
    def mean_clips(self) -> float:
        return float(np.mean([len(places) for places in self.clips]))

    def with_less(self, axis: Axis, limit: object) -> _Measured:
        kept = []
        for held, places in enumerate(self.clips):
            # The generator's seed is the same for every limit, so that smaller sets lie in larger ones.
            rng = np.random.default_rng([self.seed, AXES.index(axis), held])
            kept.append(places[axis.take(self._describe(places), limit, rng)])
        # A clip stays, or goes, in all its passes.
        indices = self.data.indices
        figures = self.score(keep=lambda held, train: train & np.isin(indices, indices[kept[held]]))
        return _Measured(*self.sizes(axis, kept), figures)

    def with_fewer_filters(self, share: Fraction) -> _Measured:
        columns = take_filters(self.data.config, share, np.random.default_rng([self.seed, len(AXES)]))
        filters = len(np.unique(filter_of_column(self.data.config)[columns]))
        return _Measured(float(filters), self.mean_clips, self.score(columns=lambda held: columns))

    def sizes(self, axis: Axis, kept: Sequence[Whole]) -> tuple[float, float]:
        """What ``axis`` counts, and the number of clips, where the clips at ``kept`` stay; means over the folds."""
        counts = [axis.count(self._describe(places)) for places in kept]
        return float(np.mean(counts)), float(np.mean([len(places) for places in kept]))

    def score(self, **less: Any) -> Figures:
        """Of the clips as they are, and the mean of those of the augmented passes; ``less`` as `score_left_out`."""
        (raw_score,) = score_left_out(self.data, self.fold, [self.penalty], **less)
        plain, *augmented = (
            figures_of(self.data, raw_score, number) for number in np.unique(self.data.passes).tolist()
        )
        means = {name: float(np.mean([found[name] for found in augmented])) for name in plain if augmented}
        self.advance()
        return plain | {AUGMENTED + name: value for name, value in means.items()}

    def _describe(self, places: Whole) -> Clips:
        data = self.data
        return Clips(data.source[places], data.bonafide[places], data.attack[places])


def _point(limit: str, measured: Sequence[_Measured]) -> Point:
    return Point(
        limit=limit,
        counts=tuple(one.count for one in measured),
        clips=float(np.mean([one.clips for one in measured])),
        figures={name: tuple(one.figures[name] for one in measured) for name in measured[0].figures},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--penalty", type=float, help="of every head  [default: the one that the run kept]")
    parser.add_argument("--passes", type=int, nargs="+", help="augmented passes to use beside pass 0  [default: all]")
    parser.add_argument("--repeats", type=int, default=4, help="divisions and draws  [default: 4]")
    parser.add_argument("--seed", type=int, default=1, help="of the first repeat; others count on  [default: 1]")
    parser.add_argument("--json", action="store_true", help="one JSON object a curve, figures as fractions")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a page, and its drawing beside it")
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(given)
    if options.repeats < 1 or (options.penalty is not None and options.penalty <= 0):
        parser.error("--repeats is at least 1, and --penalty is positive")
    run: Path = options.run
    try:
        penalty = options.penalty or kept_penalty(run)
        data = read_statistics(run, None if options.passes is None else [0, *options.passes])
        with tqdm(desc=run.name, total=STEPS * options.repeats, leave=False, disable=None) as bar:
            curves = measure(data, penalty, options.repeats, options.seed, bar.update)
    except (EdgeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print("\n".join(json.dumps({"run": run.resolve().name} | curve.to_dict()) for curve in curves))
    else:
        print(summary(run.resolve().name, curves))
    if options.markdown is not None:
        drawing = options.markdown.with_suffix(".svg")
        write_atomically(drawing, draw(curves))
        write_atomically(options.markdown, page(curves, _describe_run(run, penalty), _command(given), drawing.name))
    return 0


def _describe_run(run: Path, penalty: float) -> str:
    info = RunFolder(run).info()
    model, settings = info.config.model, info.config.train.ridge
    return (
        f"- Run `{run.resolve().name}`: configuration `{info.config.name}`, {model.patch_filters} filters, "
        f"{settings.passes} passes, WCCN penalty {settings.wccn_penalty:g}, penalty {penalty:g}, "
        f"corpus `{info.manifest_digest[:8]}`"
    )


def _command(arguments: Sequence[str]) -> str:
    """The command as anyone could give it: folders of runs lie elsewhere on every machine."""
    shown = []
    for argument in arguments:
        path = Path(argument)
        if path.is_absolute():
            path = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path("runs") / path.name
        shown.append(path.as_posix() if Path(argument).is_absolute() else argument)
    return shlex.join(["python", "tools/research/learning_curves.py", *shown])


if __name__ == "__main__":
    sys.exit(main())
