"""Charts as inline SVG: one frame with axes, and marks in data units. Colours are classes of the page's style sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

Scale = Callable[[float], float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """One axis: its name, where its ticks stand (in data units) and what they say; ``scale`` maps data to length."""

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    scale: Scale = field(default=lambda value: value)

    def place(self, value: float) -> float:
        """Where ``value`` lies, 0 to 1 from the low to the high end; what lies outside is put on the end."""
        low, high = self.scale(self.low), self.scale(self.high)
        inside = min(max(value, min(self.low, self.high)), max(self.low, self.high))
        return (self.scale(inside) - low) / (high - low)


class Chart:
    """A frame of ``width`` by ``height`` units with two axes, and what is drawn in it, in order.

    Parameters
    ----------
    title, description : read out by screen readers.
    """

    def __init__(
        self,
        title: str,
        description: str,
        x: Axis,
        y: Axis,
        *,
        width: int = 440,
        height: int = 320,
        left: int = 52,
        css: str = "",
    ) -> None:
        self.title, self.description = title, description
        self._x, self._y = x, y
        self._width, self._height, self._css = width, height, css
        self._box = (left, 14, width - 16, height - max(46, left - 6))
        self._parts: list[str] = []

    def line(self, points: Sequence[Point], css: str) -> None:
        """A line through ``points``."""
        if points:
            self._parts.append(f'<polyline class="{css}" points="{self._path(points)}"/>')

    def area(self, points: Sequence[Point], css: str) -> None:
        """A filled outline."""
        if points:
            self._parts.append(f'<polygon class="{css}" points="{self._path(points)}"/>')

    def bar(self, left: float, right: float, low: float, high: float, css: str) -> None:
        """A rectangle."""
        (x0, y0), (x1, y1) = self._at((left, high)), self._at((right, low))
        gap = 0.75 if x1 - x0 > 3 else 0.0
        size = f'width="{max(x1 - x0 - gap, 0.5):.1f}" height="{max(y1 - y0, 0.0):.1f}"'
        self._parts.append(f'<rect class="{css}" x="{x0:.1f}" y="{y0:.1f}" {size}/>')

    def dot(self, point: Point, radius: float, css: str, tip: str = "") -> None:
        """A disc, with what it says when pointed at."""
        x, y = self._at(point)
        told = f"<title>{escape(tip)}</title>" if tip else ""
        self._parts.append(f'<circle class="{css}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{told}</circle>')

    def rule(self, x: float, css: str, label: str = "", *, above: bool = True) -> None:
        """A vertical line across the frame at ``x``, with a word at its upper or lower end."""
        place, _ = self._at((x, self._y.low))
        _, top, _, bottom = self._box
        self._parts.append(f'<line class="{css}" x1="{place:.1f}" x2="{place:.1f}" y1="{top}" y2="{bottom}"/>')
        if label:
            y = top + 11 if above else bottom - 5
            self._parts.append(f'<text class="note" x="{place + 4:.1f}" y="{y}">{escape(label)}</text>')

    def text(self, point: Point, words: str, css: str = "note", anchor: str = "start") -> None:
        """Words at a point."""
        x, y = self._at(point)
        self._parts.append(f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>')

    def render(self) -> str:
        """The whole chart as one `svg` element."""
        label = escape(f"{self.title}. {self.description}", quote=True)
        css = f"chart {self._css}".strip()
        return "".join(
            (
                f'<svg class="{css}" viewBox="0 0 {self._width} {self._height}" role="img" aria-label="{label}">',
                *self._axes(),
                *self._parts,
                "</svg>",
            )
        )

    def _axes(self) -> list[str]:
        left, top, right, bottom = self._box
        parts = [f'<rect class="frame" x="{left}" y="{top}" width="{right - left}" height="{bottom - top}"/>']
        for value, words in self._x.ticks:
            x, _ = self._at((value, self._y.low))
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
            parts.append(
                f'<text class="tick" x="{x:.1f}" y="{bottom + 4}" dy="1em" text-anchor="middle">{escape(words)}</text>'
            )
        for value, words in self._y.ticks:
            _, y = self._at((self._x.low, value))
            parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(
                f'<text class="tick" x="{left - 7}" y="{y:.1f}" dy="0.35em" text-anchor="end">{escape(words)}</text>'
            )
        middle = (left + right) / 2, (top + bottom) / 2
        parts.append(
            f'<text class="axis" x="{middle[0]:.0f}" y="{self._height - 8}" text-anchor="middle">'
            f"{escape(self._x.label)}</text>"
        )
        parts.append(
            f'<text class="axis" transform="translate(3 {middle[1]:.0f}) rotate(-90)" dy="0.8em" text-anchor="middle">'
            f"{escape(self._y.label)}</text>"
        )
        return parts

    def _at(self, point: Point) -> Point:
        left, top, right, bottom = self._box
        return (
            left + self._x.place(point[0]) * (right - left),
            bottom - self._y.place(point[1]) * (bottom - top),
        )

    def _path(self, points: Sequence[Point]) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self._at, points))
