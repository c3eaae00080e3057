"""Learning curves as one drawing: a panel a curve, the AUC over the count, which doubles from left to right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from curves import AUGMENTED, Curve

from workbench.report.svg import Axis, Chart

_PANEL = (440, 320)
_COLUMNS = 2
_HEAD = 34
_STEP = 0.05
"""Between ticks of the AUC."""
_NEAREST = 0.09
"""Between labels below an axis, in widths of it."""
_FIGURES = {"auc": ("plain", "as they are"), AUGMENTED + "auc": ("augmented", "augmented")}

# A file of its own has no page whose style sheet it could take.
_STYLE = """\
text { font: 12px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: #565a64; }
.paper { fill: #fbfaf8; } .frame { fill: #ffffff; stroke: #c9c5bd; } .grid { stroke: #e3e0da; }
.curve { fill: none; stroke-width: 2; } .band { fill-opacity: 0.15; } .other { stroke-dasharray: 6 4; }
.curve.plain { stroke: #1f5fa8; } .band.plain, .dot.plain { fill: #1f5fa8; }
.curve.augmented { stroke: #6d4fa3; } .band.augmented, .dot.augmented { fill: #6d4fa3; }
@media (prefers-color-scheme: dark) {
text { fill: #a9adb7; } .paper { fill: #14161a; } .frame { fill: #1b1e24; stroke: #454b57; } .grid { stroke: #2c3038; }
.curve.plain { stroke: #7fb2ee; } .band.plain, .dot.plain { fill: #7fb2ee; }
.curve.augmented { stroke: #b69aea; } .band.augmented, .dot.augmented { fill: #b69aea; } }
"""


def draw(runs: Mapping[str, Sequence[Curve]]) -> str:
    """An SVG file of the curves of ``runs`` by name: the first in full lines, the others dashed.

    Bands are one standard deviation over repeats to either side.
    """
    first = next(iter(runs.values()))
    low, high = _range(runs)
    width = _PANEL[0] * min(_COLUMNS, len(first))
    height = _HEAD + _PANEL[1] * math.ceil(len(first) / _COLUMNS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<style>{_STYLE}</style><rect class="paper" width="{width}" height="{height}"/>',
        *_legend(runs),
    ]
    for place in range(len(first)):
        x, y = place % _COLUMNS * _PANEL[0], _HEAD + place // _COLUMNS * _PANEL[1]
        panel = _panel({name: curves[place] for name, curves in runs.items()}, low, high)
        parts.append(f'<svg x="{x}" y="{y}" width="{_PANEL[0]}" height="{_PANEL[1]}">{panel}</svg>')
    return "\n".join((*parts, "</svg>", ""))


def _panel(curves: Mapping[str, Curve], low: float, high: float) -> str:
    first = next(iter(curves.values()))
    counts = [point.count for curve in curves.values() for point in curve.points]
    # A single size still needs an axis with two ends.
    ends = min(counts) / 1.1, max(counts) * 1.1
    ticks = [
        (low + step * _STEP, f"{100 * (low + step * _STEP):.0f}") for step in range(round((high - low) / _STEP) + 1)
    ]
    chart = Chart(
        f"AUC over {first.what}",
        "A line for the clips as they are, and one for them augmented.",
        Axis(first.what, *ends, _ticks([point.count for point in first.points], ends), math.log2),
        Axis("AUC, percent", low, high, ticks),
        width=_PANEL[0],
        height=_PANEL[1],
    )
    for number, (name, curve) in enumerate(curves.items()):
        for figure, (css, _) in _FIGURES.items():
            if figure in curve.points[-1].figures:
                _add(chart, name, curve, figure, css if number == 0 else f"{css} other")
    return chart.render()


def _add(chart: Chart, name: str, curve: Curve, figure: str, css: str) -> None:
    line = [(point.count, point.mean(figure)) for point in curve.points]
    spread = [point.deviation(figure) for point in curve.points]
    above = [(x, y + more) for (x, y), more in zip(line, spread, strict=True)]
    below = [(x, y - less) for (x, y), less in zip(line, spread, strict=True)]
    chart.area([*above, *reversed(below)], f"band {css}")
    chart.line(line, f"curve {css}")
    for point, at in zip(curve.points, line, strict=True):
        chart.dot(at, 3.0, f"dot {css}", f"{name}, {point.limit}: {100 * at[1]:.1f} %")


def _ticks(counts: Sequence[float], ends: tuple[float, float]) -> list[tuple[float, str]]:
    """The counts that stand far enough apart, the largest one first of all."""
    length = math.log2(ends[1] / ends[0])
    found: list[float] = []
    for count in reversed(counts):
        if not found or math.log2(found[-1] / count) / length >= _NEAREST:
            found.append(count)
    return [(count, f"{count:.0f}" if count >= 9.5 else f"{count:.1f}") for count in found]


def _range(runs: Mapping[str, Sequence[Curve]]) -> tuple[float, float]:
    """Whole ticks around all that is drawn."""
    points = [point for curves in runs.values() for curve in curves for point in curve.points]
    named = [(point, figure) for point in points for figure in _FIGURES if figure in point.figures]
    low = min(point.mean(figure) - point.deviation(figure) for point, figure in named)
    high = max(point.mean(figure) + point.deviation(figure) for point, figure in named)
    return math.floor(low / _STEP) * _STEP, math.ceil(high / _STEP) * _STEP


def _legend(runs: Mapping[str, Sequence[Curve]]) -> list[str]:
    point = next(iter(runs.values()))[0].points[-1]
    entries = [(css, words) for figure, (css, words) in _FIGURES.items() if figure in point.figures]
    if len(runs) > 1:
        first, *others = runs
        entries = [
            (f"{css}{more}", f"{name}, {words}")
            for name, more in ((first, ""), *((other, " other") for other in others))
            for css, words in entries
        ]
    parts, x = [], 16
    for css, words in entries:
        parts.append(f'<line class="curve {css}" x1="{x}" x2="{x + 26}" y1="20" y2="20"/>')
        parts.append(f'<text x="{x + 32}" y="24">{escape(words)}</text>')
        x += 52 + 7 * len(words)
    return parts
