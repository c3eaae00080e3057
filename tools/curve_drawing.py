"""Learning curves as one drawing: a panel a curve, the AUC over the count, which doubles from left to right."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

import matplotlib
from curves import AUGMENTED, Curve
from matplotlib.figure import Figure

from workbench.report.figures import COLOURS, STYLE

_PANEL = (5.5, 4.0)
"""Inches."""
_COLUMNS = 2
_NEAREST = 0.09
"""Between labels below an axis, in widths of it."""
_FIGURES = {"auc": ("accent", "as they are"), AUGMENTED + "auc": ("phone", "augmented")}


def draw(runs: Mapping[str, Sequence[Curve]]) -> str:
    """An SVG file of the curves of ``runs`` by name: the first in full lines, the others dashed.

    Bands are one standard deviation over repeats to either side.
    """
    first = next(iter(runs.values()))
    columns, rows = min(_COLUMNS, len(first)), math.ceil(len(first) / _COLUMNS)
    file = io.StringIO()
    with matplotlib.rc_context({**STYLE, "savefig.facecolor": COLOURS["raised"]}):
        figure = Figure(figsize=(_PANEL[0] * columns, _PANEL[1] * rows), layout="constrained")
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for place, axes in enumerate(panels):
            axes.set_visible(place < len(first))
            if place < len(first):
                _panel(axes, {name: curves[place] for name, curves in runs.items()})
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=4, frameon=False)
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _panel(axes: matplotlib.axes.Axes, curves: Mapping[str, Curve]) -> None:
    first = next(iter(curves.values()))
    for number, (name, curve) in enumerate(curves.items()):
        for figure, (colour, words) in _FIGURES.items():
            if figure not in curve.points[-1].figures:
                continue
            counts = [point.count for point in curve.points]
            means = [100 * point.mean(figure) for point in curve.points]
            spread = [100 * point.deviation(figure) for point in curve.points]
            below, above = ([y + sign * s for y, s in zip(means, spread, strict=True)] for sign in (-1, 1))
            axes.fill_between(counts, below, above, color=COLOURS[colour], alpha=0.15, linewidth=0)
            label = words if len(curves) == 1 else f"{name}, {words}"
            axes.plot(counts, means, "o-" if number == 0 else "o--", color=COLOURS[colour], markersize=4, label=label)
    axes.set_xscale("log", base=2)
    counts = [point.count for curve in curves.values() for point in curve.points]
    # A single size still needs an axis with two ends.
    ends = min(counts) / 1.1, max(counts) * 1.1
    axes.set(xlim=ends, xlabel=first.what, ylabel="AUC, percent")
    ticks = spaced([point.count for point in first.points], ends)
    axes.set_xticks(ticks, [f"{count:.0f}" if count >= 9.5 else f"{count:.1f}" for count in ticks])
    axes.minorticks_off()


def spaced(counts: Sequence[float], ends: tuple[float, float]) -> list[float]:
    """The counts that stand far enough apart on an axis with these ends, the largest one first of all."""
    length = math.log2(ends[1] / ends[0])
    found: list[float] = []
    for count in reversed(counts):
        if not found or math.log2(found[-1] / count) / length >= _NEAREST:
            found.append(count)
    return found
