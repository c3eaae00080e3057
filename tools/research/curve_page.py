"""Learning curves for people: a table for the terminal, a page with its command and conclusion, and its drawing."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import matplotlib
from curves import AUGMENTED, Curve, Gain, Point
from matplotlib.figure import Figure

from workbench.report.figures import COLOURS, STYLE

_PANEL = (5.5, 4.0)
"""Inches."""
_COLUMNS = 2
_NEAREST = 0.09
"""Between labels below an axis, in widths of it."""
_FIGURES = {"auc": ("accent", "as they are"), AUGMENTED + "auc": ("phone", "augmented")}

_TITLES = {
    "auc": "AUC",
    "eer": "EER",
    "auc_inside_sources": "AUC inside",
    AUGMENTED + "auc": "AUC augm.",
    AUGMENTED + "eer": "EER augm.",
    AUGMENTED + "auc_inside_sources": "AUC inside augm.",
}

_HEAD = """\
# Learning curves

Made by `tools/research/learning_curves.py`; do not edit it by hand:

```sh
{command}
```

{run}

{conclusion}

![AUC over what there is to learn from]({drawing})

Figures are percent over paired sources of train that the head did not see: means over {repeats}, each of which divides
the sources into five folds anew and draws anew what is left to learn from, with the standard deviation over them.
*Inside* is the mean of the AUC inside each source, *augm.* the mean over the augmented passes; the others are of the
clips as they are. What a doubling gains is the slope of a line over log2 of the count, in points, with its standard
error over repeats; these share the same sources, so others would scatter more. The last doubling is from the point
nearest to half of everything on. Fewer sources and fewer attacks are fewer clips, too: compare them with the curve of
clips alone. Fewer filters are drawn at random from those learnt.
"""


def summary(name: str, curves: Sequence[Curve]) -> str:
    """What the terminal shows of one run: a table and two lines a curve, and `conclusion`."""
    blocks = []
    for curve in curves:
        rows = _table(curve)
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        blocks.append("\n".join([f"{name}: {curve.name}", *lines, *_gains(curve)]))
    return "\n\n".join([*blocks, conclusion(curves)]) + "\n"


def page(curves: Sequence[Curve], run: str, command: str, drawing: str) -> str:
    """Compose the page in Markdown: ``run`` describes the run, ``drawing`` is the name of the SVG beside it."""
    repeats = len(curves[0].points[-1].counts)
    text = _HEAD.format(
        command=command,
        run=run,
        conclusion=conclusion(curves),
        drawing=drawing,
        repeats="1 repeat" if repeats == 1 else f"{repeats} repeats",
    )
    for curve in curves:
        rows = _table(curve)
        lines = [_row(rows[0]), _row(["---:"] * len(rows[0])), *map(_row, rows[1:])]
        title = curve.name.capitalize()
        text += "\n".join(["", f"## {title}", "", *lines, "", *(f"- {line}" for line in _gains(curve)), ""])
    return text


def conclusion(curves: Sequence[Curve]) -> str:
    """Two sentences: what a doubling gains over all of each curve, and what it gains at the end."""
    # What has a single size, since no limit took anything away, has no slope.
    ordered = sorted((curve for curve in curves if len(curve.points) > 1), key=lambda curve: -curve.gain("auc").mean)
    if not ordered:
        return "There was too little to take anything away from."
    whole = _list([f"{_points(curve.gain('auc'))} for {curve.what}" for curve in ordered])
    ends = {curve.what: curve.last_doubling("auc") for curve in ordered}
    end = _list([f"{_points(gain)} for {what}" for what, gain in ends.items()])
    sure = [what for what, gain in ends.items() if gain.is_sure]
    verdict = f"of these, {_list(sure) if sure else 'none'} stand{'' if len(sure) > 1 else 's'}"
    if len(sure) == len(ends):
        verdict = "each of these stands"
    return (
        f"Over all sizes measured, a doubling gained these points of AUC on sources left out: {whole}. "
        f"Over the last doubling alone, which says more of what is still to come, it was {end}; "
        f"{verdict} more than two standard errors off nothing."
    )


def _table(curve: Curve) -> list[list[str]]:
    figures = [name for name in _TITLES if name in curve.points[-1].figures]
    rows = [["limit", curve.what, "clips", *(_TITLES[name] for name in figures)]]
    for point in curve.points:
        rows.append([point.limit, f"{point.count:.1f}", f"{point.clips:.0f}", *(_percent(point, f) for f in figures)])
    return rows


def _gains(curve: Curve) -> list[str]:
    """Two lines: what a doubling gains over the whole curve, and at its end."""
    figures = [name for name in _TITLES if name in curve.points[-1].figures]
    return [
        f"{what}: " + ", ".join(f"{_TITLES[name]} {_points(gain(name))}" for name in figures)
        for what, gain in (("points a doubling", curve.gain), ("the last doubling", curve.last_doubling))
    ]


def _percent(point: Point, figure: str) -> str:
    if math.isnan(point.mean(figure)):
        return "–"
    spread = f" ± {100 * point.deviation(figure):.1f}" if len(point.counts) > 1 else ""
    return f"{100 * point.mean(figure):.1f}{spread}"


def _points(gain: Gain) -> str:
    # One repeat has no error to state.
    if math.isnan(gain.mean):
        return "–"
    error = "" if math.isnan(gain.error) else f" ± {100 * gain.error:.1f}"
    return f"{100 * gain.mean:+.1f}{error}".replace("-", "−")


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def draw(curves: Sequence[Curve]) -> str:
    """Draw the curves as SVG, a panel each; bands are one standard deviation over repeats to either side."""
    columns, rows = min(_COLUMNS, len(curves)), math.ceil(len(curves) / _COLUMNS)
    file = io.StringIO()
    with matplotlib.rc_context({**STYLE, "savefig.facecolor": COLOURS["raised"]}):
        figure = Figure(figsize=(_PANEL[0] * columns, _PANEL[1] * rows), layout="constrained")
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for place, axes in enumerate(panels):
            axes.set_visible(place < len(curves))
            if place < len(curves):
                _panel(axes, curves[place])
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=4, frameon=False)
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _panel(axes: matplotlib.axes.Axes, curve: Curve) -> None:
    counts = [point.count for point in curve.points]
    for figure, (colour, words) in _FIGURES.items():
        if figure not in curve.points[-1].figures:
            continue
        means = [100 * point.mean(figure) for point in curve.points]
        spread = [100 * point.deviation(figure) for point in curve.points]
        below, above = ([y + sign * s for y, s in zip(means, spread, strict=True)] for sign in (-1, 1))
        axes.fill_between(counts, below, above, color=COLOURS[colour], alpha=0.15, linewidth=0)
        axes.plot(counts, means, "o-", color=COLOURS[colour], markersize=4, label=words)
    axes.set_xscale("log", base=2)
    # A single size still needs an axis with two ends.
    ends = min(counts) / 1.1, max(counts) * 1.1
    axes.set(xlim=ends, xlabel=curve.what, ylabel="AUC, percent")
    ticks = spaced(counts, ends)
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
