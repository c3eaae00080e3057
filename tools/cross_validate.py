#!/usr/bin/env python3
"""Cross-validate the head of a run that was solved (`train.solver = "ridge"`) over sources of its train split.

The dev split has ten paired sources, train has more than twenty: leaving out each fifth of them in turn, and scoring it
with a head solved on the rest as the run's own was, tells representations and recipes apart that dev cannot. Prints,
for each penalty and pass (0 is the clips as they are, the others are augmented), AUC and EER over the paired clips, and
the mean of the AUC inside each source. Which sources share a fold moves these figures: with --repeats they are means
over several divisions, with the range.

The filters saw all of train: without a label where `train.ridge.dictionary_atoms` is 0, else chosen by labels of the
sources left out, too. Then the figures flatter the run; compare it with runs of as many atoms alone.

Example: python tools/cross_validate.py runs/patches --repeats 5
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from folds import FIGURES, Heard, divide, figures_of, known, read_heard, score_left_out
from progress_bar import progress_bar

from edge.errors import EdgeError

Record = dict[str, Any]

TITLES = {"auc": "AUC", "eer": "EER", "auc_inside_sources": "AUC inside sources"}


def cross_validate(
    heard: Heard, penalties: Sequence[float], seeds: Sequence[int], advance: Callable[[], object] = lambda: None
) -> list[Record]:
    """One record a penalty and pass: each of `folds.FIGURES` as mean, as ``_range`` and as ``_each`` of ``seeds``.

    ``seeds`` are those of the divisions into folds; all figures are fractions. ``advance`` is called after each of
    them.
    """
    raw_score = []
    for seed in seeds:
        raw_score.append(score_left_out(heard, divide(heard, seed), penalties))
        advance()
    return [
        _record(heard, [scores[place] for scores in raw_score], number, seeds) | {"penalty": penalty}
        for place, penalty in enumerate(penalties)
        for number in np.unique(heard.passes).tolist()
    ]


def _record(heard: Heard, raw_score: Sequence[Any], number: int, seeds: Sequence[int]) -> Record:
    chosen = (heard.passes == number) & heard.paired
    figures = [figures_of(heard, scores, number) for scores in raw_score]
    record: Record = {
        "pass": number,
        "seeds": list(seeds),
        "bonafide": int((chosen & heard.bonafide).sum()),
        "spoof": int((chosen & ~heard.bonafide).sum()),
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
        heard = read_heard(options.run, options.passes)
        with progress_bar("divisions", options.repeats) as advance:
            seeds = range(options.seed, options.seed + options.repeats)
            records = cross_validate(heard, options.penalty, seeds, advance)
    except (EdgeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for record in records:
        print(json.dumps(record) if options.json else line(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())
