"""The tables of what operating points cost, for terminals and for cards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.tables import columns
from workbench.errors import EvaluationError


def live_text(report: dict[str, Any]) -> str:
    """A table of the operating points, then one by transmission, under a line that states the calls."""
    points = report["points"]
    rows = [("point", "alarm below", "smoothed", "least", "held", "false alarms", "caught", "median", "90 %")]
    rows += [
        (
            point["name"],
            f"{point['enter_below']:.2f}",
            f"{point['smoothing_s']:g} s",
            f"{point['min_speech_s']:g} s",
            f"{point['hold_s']:g} s",
            *cells(point["figures"]),
        )
        for point in points
    ]
    by_transmission = [("transmission", "point", "false alarms", "caught", "median", "90 %")]
    by_transmission += [
        (transmission, point["name"], *cells(point["by_transmission"][transmission]))
        for transmission in report["transmissions"]
        for point in points
    ]
    return "\n".join([head(report), "", *columns(rows), "", *columns(by_transmission)])


def live_markdown(report: dict[str, Any]) -> list[str]:
    """What the operating points cost, as lines of a card: in all, and by transmission for the default one."""
    top = ("operating point", "false alarms", "fake voices detected", "half of them by", "nine tenths by")
    rows = [(point["name"], *cells(point["figures"])) for point in report["points"]]
    balanced = next((point for point in report["points"] if point["name"] == "balanced"), report["points"][0])
    by_transmission = [
        (transmission, *cells(balanced["by_transmission"][transmission])) for transmission in report["transmissions"]
    ]
    return [
        f"{head(report)}.",
        "",
        *pipes((top, *rows)),
        "",
        f"`{balanced['name']}` by transmission:",
        "",
        *pipes((("transmission", *top[1:]), *by_transmission)),
    ]


def read_live_report(path: Path) -> dict[str, Any]:
    """Read what `workbench calibrate --report` kept.

    Raises
    ------
    EvaluationError
        Unreadable, or no such report.
    """
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        report["points"][0]["figures"]["false_alarms_per_h"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise EvaluationError(f"{path}: not a report of `workbench calibrate --report` ({error!r})") from error
    return report


def pipes(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown; the first of ``rows`` is its head."""
    return [f"| {' | '.join(row)} |" for row in (rows[0], ["---"] * len(rows[0]), *rows[1:])]


def head(report: dict[str, Any]) -> str:
    """State the calls that were measured, in one sentence."""
    hours = report["points"][0]["figures"]["genuine_speech_h"] if report["points"] else 0.0
    entry = (
        f"after {report['before_s']:g} s of a real person" if report["before_s"] else "from the first word of the call"
    )
    return (
        f"{report['split']}: {report['genuine_calls']} calls of real people ({report['genuine_sources']} sources) and "
        f"{report['invaded_calls']} calls with a fake voice {entry} ({report['invaded_sources']} sources, "
        f"{report['invaded_paired']} calls with the real person of the same source), each through "
        f"{len(report['transmissions'])} transmissions: {hours:.1f} h of genuine speech"
    )


def cells(figures: dict[str, Any]) -> tuple[str, str, str, str]:
    """False alarms an hour, share caught, and the delays, as cells."""
    rate, caught = figures["false_alarms_per_h"], figures["caught_share"]
    median, ninety = ("–" if caught is None else _seconds(figures[name]) for name in ("delay_median_s", "delay_p90_s"))
    return (
        "–" if rate is None else f"{rate:.2f}/h",
        "–" if caught is None else f"{100 * caught:.0f} %",
        median,
        ninety,
    )


def _seconds(value: float | None) -> str:
    return "not caught" if value is None else f"{value:.1f} s"
