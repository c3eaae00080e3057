"""Plain text for terminals: aligned columns, a row for each score, and its bar over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import click

from edge.decision import TimelinePoint, probability
from edge.scoring import Score

_COLOURS = {"bonafide": "green", "spoof": "red", "uncertain": "yellow"}
_BARS = "▁▂▃▄▅▆▇█"
_CELLS = 40
_LEAST_S = 2.0
"""Seconds of speech below which a change of verdict is flicker."""
HEADER = f"{'verdict':<10} {'p(bona fide)':>12} {'speech':>9} {'length':>9}  recording"


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows of cells as aligned lines; the first column to the left, the others to the right."""
    table = [list(row) for row in rows]
    widths = [max(len(row[index]) for row in table) for index in range(len(table[0]))]
    return [
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def text_row(score: Score) -> str:
    """One line of the table that `HEADER` heads."""
    verdict = click.style(f"{score.verdict:<10}", fg=_COLOURS.get(score.verdict, "bright_black"), bold=True)
    p_bonafide = "–" if score.p_bonafide is None else f"{100 * score.p_bonafide:.0f} %"
    # Names are bytes: what is no text is shown as a replacement mark, where strict terminals would refuse it.
    name = "samples" if score.path is None else click.format_filename(score.path)
    side = f" ({score.channel})" if score.channel not in ("mono", "mix") else ""
    partly = f", spoof in {_seconds(score.spoof_s)} of it" if score.spoof_s and score.verdict != "spoof" else ""
    lengths = f"{_seconds(score.speech_s):>9} {_seconds(score.duration_s):>9}"
    return f"{verdict} {p_bonafide:>12} {lengths}  {name}{side}{partly}"


def text_passages(score: Score) -> list[str]:
    """Where a recording is spoof that as a whole is not: a line a passage, to stand below its row."""
    if score.verdict == "spoof":
        return []
    return [
        click.style(f"    spoof from {_clock(passage.start_s)} to {_clock(passage.end_s)}", fg=_COLOURS["spoof"])
        + f", p(bona fide) {100 * probability(passage.cm_score):.0f} %"
        for passage in score.spoof_passages
    ]


def text_timeline(score: Score) -> list[str]:
    """A bar of p_bonafide over the recording, then its passages of one verdict."""
    if not score.timeline:
        return []
    passages = [
        f"    {_seconds(passage.points[0].start_s):>9} – {_seconds(passage.points[-1].end_s):<9} "
        f"{passage.verdict:<10} {_range(passage.points)}".rstrip()
        for passage in _passages(score.timeline)
    ]
    return [f"    {_bar(score.timeline)}", *passages]


@dataclass
class _Passage:
    verdict: str
    points: list[TimelinePoint]

    @property
    def is_flicker(self) -> bool:
        """Whether it is too short to stand alone; what is spoof stands alone however short, and so does no score."""
        speech_s = sum(point.speech_s for point in self.points)
        return self.verdict in ("bonafide", "uncertain") and speech_s < _LEAST_S


def _passages(timeline: Sequence[TimelinePoint]) -> list[_Passage]:
    """Merge points of one verdict, and flicker into the passage before it; at the beginning, into the one after it.

    Spoof takes in the flicker that follows it, not what came before: its beginning is where it was first judged so.
    """
    passages: list[_Passage] = []
    for verdict, group in groupby(timeline, key=lambda point: point.verdict):
        new, last = _Passage(verdict, list(group)), passages[-1] if passages else None
        if last is not None and last.verdict != "too_short" and (new.is_flicker or new.verdict == last.verdict):
            last.points += new.points
        elif last is not None and last.is_flicker and verdict != "spoof":
            passages[-1] = _Passage(verdict, last.points + new.points)
        else:
            passages.append(new)
    return passages


def _range(points: Sequence[TimelinePoint]) -> str:
    known = [point.p_bonafide for point in points if point.p_bonafide is not None]
    if not known:
        return ""
    low, high = (f"{100 * value:.0f}" for value in (min(known), max(known)))
    return f"p(bona fide) {low} %" if low == high else f"p(bona fide) {low}–{high} %"


def _bar(timeline: Sequence[TimelinePoint]) -> str:
    cells = min(_CELLS, len(timeline))
    bar = []
    for cell in range(cells):
        part = timeline[cell * len(timeline) // cells : (cell + 1) * len(timeline) // cells]
        known = [point.p_bonafide for point in part if point.p_bonafide is not None]
        bar.append(_BARS[min(int(sum(known) / len(known) * len(_BARS)), len(_BARS) - 1)] if known else "·")
    return "".join(bar)


def _seconds(value: float) -> str:
    if value < 600:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _clock(value: float) -> str:
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
