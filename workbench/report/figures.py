"""The figures of an evaluation page: detection error trade-off, histograms, reliability, and a clip's score over time.

Each is drawn by matplotlib and given as an ``svg`` element whose colours are variables of the page's style sheet, for
the light and the dark theme.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.contract import Thresholds
from edge.decision import TimelinePoint
from workbench.evaluate.bootstrap import RankedScores, resampled_figures
from workbench.evaluate.evaluate import BOOTSTRAP_SEED, SMALLEST_GROUP, scores_of, sources_of
from workbench.evaluate.groups import Group
from workbench.evaluate.trials import Trial

Array = NDArray[np.float64]

COLOURS = {
    "ink": "#1c1d21",
    "soft": "#565a64",
    "line": "#e3e0da",
    "strong-line": "#c9c5bd",
    "raised": "#ffffff",
    "accent": "#1f5fa8",
    "bonafide": "#1f6f8b",
    "spoof": "#b3471d",
    "phone": "#6d4fa3",
}
"""The light theme's colour of each variable of the style sheet; no two may be the same."""
CURVES = {"all": "accent", "unseen": "spoof", "phone": "phone"}
"""The colour of a curve by its class in the legend."""
STYLE: Any = {
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.facecolor": COLOURS["raised"],
    "axes.edgecolor": COLOURS["strong-line"],
    "axes.labelcolor": COLOURS["soft"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": COLOURS["line"],
    "text.color": COLOURS["soft"],
    "xtick.color": COLOURS["soft"],
    "ytick.color": COLOURS["soft"],
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "font.size": 10.0,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "bonafone",
}
_WORDS = {"color": COLOURS["soft"], "fontsize": 10.0}
_BAND_RESAMPLES = 400
_LEAST, _MOST = 0.005, 0.8
"""Ends of the DET axes, as fractions: 200 clips say nothing of rarer errors."""
_RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)
_SCORE_LIMIT = 6.0
"""Nats; beyond it a score is as sure as the figure can show."""


@dataclass(frozen=True)
class DetLine:
    """A curve of one group: APCER, and its 95 % band, at each of ``bpcer`` [shape=(n,)]; fractions."""

    name: str
    css: str
    bpcer: Array
    apcer: Array
    low: Array | None
    high: Array | None


def det_line(name: str, css: str, trials: Sequence[Trial], group: Group, *, band: bool = True) -> DetLine | None:
    """The curve of a group; None where it has fewer than five scored clips of a class."""
    chosen = [t for t in trials if t.cm_score is not None and t.transmission == group.transmission and group.holds(t)]
    bonafide, spoof = ([t for t in chosen if t.is_bonafide == real] for real in (True, False))
    if min(len(bonafide), len(spoof)) < SMALLEST_GROUP:
        return None
    bpcer = np.array([NormalDist().cdf(value) for value in np.linspace(_deviate(_LEAST), _deviate(_MOST), 160)])
    at = RankedScores(scores_of(bonafide), scores_of(spoof)).accept_at(bpcer)
    apcer = at(np.ones((1, len(bonafide)), np.uint16), np.ones((1, len(spoof)), np.uint16))[0]
    low = high = None
    if band:
        sources = (sources_of(bonafide), sources_of(spoof))
        drawn = resampled_figures({"at": at}, sources, np.random.default_rng(BOOTSTRAP_SEED), n=_BAND_RESAMPLES)["at"]
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return DetLine(name, css, bpcer, apcer, low, high)


def det_figure(lines: Sequence[DetLine]) -> str:
    """DET curves on normal deviate axes (Martin et al. 1997), with bands over sources; a sentence where none shows."""
    figure, axes = _frame(4.2, 4.2)
    ends = _deviate(_LEAST), _deviate(_MOST)
    axes.plot(ends, ends, color=COLOURS["strong-line"], linestyle=":", linewidth=1)
    visible = False
    for line in lines:
        colour = COLOURS[CURVES[line.css.split()[0]]]
        y = np.array([_deviate(rate) for rate in line.bpcer])
        if line.low is not None and line.high is not None:
            low, high = (np.clip([_deviate(rate) for rate in side], *ends) for side in (line.low, line.high))
            axes.fill_betweenx(y, low, high, color=colour, alpha=0.13, linewidth=0)
        # Runs along the edges of the frame are left out: there is nothing to see.
        inside = (line.apcer >= _LEAST) & (line.apcer <= _MOST)
        x = np.array([_deviate(rate) for rate in line.apcer])
        visible |= bool(inside.sum() > 1)
        axes.plot(x[inside], y[inside], color=colour, linestyle="--" if "other" in line.css else "-")
    if not visible:
        reason = "Hardly an error to draw:\nthese clips are too few or too easy" if lines else "No group has five clips"
        axes.text(0.5, 0.5, reason, ha="center", va="center", transform=axes.transAxes, **_WORDS)
    ticks, words = [_deviate(rate) for rate in _RATES], [f"{100 * rate:g}" for rate in _RATES]
    axes.set(
        xlim=ends, ylim=ends, aspect="equal", xlabel="spoof called bona fide, %", ylabel="bona fide called spoof, %"
    )
    axes.set_xticks(ticks, words)
    axes.set_yticks(ticks, words)
    names = "; ".join(line.name for line in lines)
    return _svg(figure, f"Detection error trade-off of {names}; nearer to the lower left corner is better", "large")


def histogram_figure(bonafide: Array, spoof: Array, thresholds: Mapping[str, Any]) -> str:
    """Scores of both classes, bona fide upwards and spoof downwards, with the shipped thresholds."""
    figure, axes = _frame(4.0, 2.7)
    edges = np.linspace(-_SCORE_LIMIT, _SCORE_LIMIT, 41)
    shares = [
        np.histogram(np.clip(side, -_SCORE_LIMIT, _SCORE_LIMIT), edges)[0] / max(1, side.size)
        for side in (bonafide, spoof)
    ]
    top = max(0.05, 1.3 * max(float(side.max()) for side in shares))
    for share, name, sign in zip(shares, ("bonafide", "spoof"), (1.0, -1.0), strict=True):
        axes.bar(edges[:-1], sign * share, 0.94 * np.diff(edges), align="edge", color=COLOURS[name])
    axes.axhline(0.0, color=COLOURS["strong-line"], linewidth=1)
    for name, y, va in (("bonafide_above", 0.97, "top"), ("spoof_below", 0.03, "bottom")):
        at = float(np.clip(thresholds[name], -_SCORE_LIMIT, _SCORE_LIMIT))
        axes.axvline(at, color=COLOURS["soft"], linestyle="--", linewidth=1)
        # On the side where there is room: a word at the edge of the frame would be cut off.
        left = at > _SCORE_LIMIT / 3.0
        words = "spoof below" if name == "spoof_below" else "bona fide above"
        axes.annotate(
            f"{words} " if left else f" {words}",
            (at, y),
            xycoords=("data", "axes fraction"),
            ha="right" if left else "left",
            va=va,
            **_WORDS,
        )
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(100 * value):.0f}")
    axes.set(xlim=(-_SCORE_LIMIT, _SCORE_LIMIT), ylim=(-top, top))
    axes.set(xlabel="cm_score, nats", ylabel="share of the class, %")
    return _svg(figure, f"Scores of {bonafide.size} bona fide clips above and {spoof.size} spoof clips below the line")


def reliability_figure(part: Mapping[str, Any]) -> str:
    """Predicted against observed shares: bins of like weight, and the best monotone calibration as a step curve."""
    figure, axes = _frame(4.0, 3.0)
    axes.plot((0, 1), (0, 1), color=COLOURS["strong-line"], linestyle=":", linewidth=1)
    said = [1.0 / (1.0 + math.exp(-min(max(score, -40.0), 40.0))) for score in part["pav"]["scores"]]
    last = part["pav"]["probability"][-1:]
    steps = [*said, 1.0][: len(said) + len(last)], [*part["pav"]["probability"], *last]
    axes.step(*steps, where="post", color=COLOURS["accent"])
    tips = {}
    for index, found in enumerate(part["bins"]):
        axes.plot(
            *([found["predicted"]], [found["observed"]], "o"),
            markerfacecolor=COLOURS["raised"],
            markeredgecolor=COLOURS["ink"],
            gid=f"bin{index}",
            clip_on=False,
        )
        tips[f"bin{index}"] = (
            f"{found['clips']} clips with scores from {found['low']:.2f} to {found['high']:.2f}: predicted "
            f"{100 * found['predicted']:.0f} %, observed {100 * found['observed']:.0f} %"
        )
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted: p(bona fide), %", ylabel="observed: bona fide, %")
    axes.set_xticks(ticks, [f"{100 * tick:.0f}" for tick in ticks])
    axes.set_yticks(ticks, [f"{100 * tick:.0f}" for tick in ticks])
    return _svg(figure, f"Reliability in {len(tips)} bins; on the diagonal, the probability is right", tips=tips)


def clip_figure(
    bands: NDArray[np.float32], points: Sequence[TimelinePoint], duration_s: float, thresholds: Thresholds
) -> str:
    """A clip: its mel spectrogram ``bands`` [shape=(n_frames, n_mels), dB], and below it the running score."""
    figure, (above, axes) = _frame(4.4, 2.9, rows=2, sharex=True)
    low, high = np.percentile(bands, [5.0, 99.8])
    above.imshow(
        bands.T, origin="lower", aspect="auto", cmap="magma", vmin=low, vmax=max(high, low + 1e-6),
        extent=(0.0, duration_s, 0.0, 1.0),
    )  # fmt: skip
    above.set(yticks=[])
    above.grid(visible=False)
    above.tick_params(labelbottom=False)
    known = [(min(point.end_s, duration_s), point.cm_score) for point in points if point.cm_score is not None]
    limit = _SCORE_LIMIT if any(abs(score) > _SCORE_LIMIT / 2.0 for _, score in known) else _SCORE_LIMIT / 2.0
    for level in (thresholds.spoof_below, thresholds.bonafide_above):
        axes.axhline(level, color=COLOURS["soft"], linestyle="--", linewidth=1)
    axes.axhline(0.0, color=COLOURS["strong-line"], linewidth=1)
    axes.plot(*np.array(known).reshape(-1, 2).T, color=COLOURS["accent"], marker="o", markevery=[-1] if known else [])
    axes.set(xlim=(0.0, duration_s), ylim=(-limit, limit), xlabel="seconds", ylabel="nats")
    return _svg(figure, "Mel spectrogram, and below it the running score with the thresholds for spoof and bona fide")


def _frame(width: float, height: float, rows: int = 1, **options: Any) -> tuple[Any, Any]:
    """A figure of so many inches and its axes."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(rows, **options)


def _svg(figure: Any, description: str, css: str = "", tips: Mapping[str, str] | None = None) -> str:
    """The figure as one ``svg`` element: no address, ids of its own, and the page's colours."""
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<(metadata|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r"<svg [^>]*viewBox=\"([^\"]*)\"[^>]*>", r'<svg viewBox="\1">', text, count=1)
    text = text.replace("xlink:href", "href")
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", text)
    for name, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    for gid, tip in (tips or {}).items():
        text = text.replace(f'<g id="{gid}">', f'<g id="{gid}"><title>{escape(tip)}</title>', 1)
    wanted = set(re.findall(r"(?:url\(|href=\")#([^\")]*)", text))
    text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in wanted else "", text)
    own = hashlib.sha256((description + text).encode()).hexdigest()[:8]
    text = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{own}-", text)
    label = f'class="{f"chart {css}".strip()}" role="img" aria-label="{escape(description, quote=True)}"'
    return text.replace("<svg ", f"<svg {label} ", 1)


def _deviate(rate: float) -> float:
    return NormalDist().inv_cdf(min(max(rate, 1e-6), 1.0 - 1e-6))
