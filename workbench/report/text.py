"""The figures of a report as text: numbers as they are printed, and tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge.tables import columns
from workbench.transmissions import CLEAN


def percent(interval: Mapping[str, float] | None) -> str:
    """``12.3 (10.1–14.9)``; a dash where there is no figure."""
    if interval is None:
        return "–"
    return f"{100 * interval['value']:.1f} ({100 * interval['low']:.1f}–{100 * interval['high']:.1f})"


def ratio(interval: Mapping[str, float] | None) -> str:
    """``0.81 (0.62–1.03)``; a dash where there is no figure."""
    if interval is None:
        return "–"
    return f"{interval['value']:.2f} ({interval['low']:.2f}–{interval['high']:.2f})"


def number(value: float | None, digits: int = 3) -> str:
    """``0.123``; a dash where there is no figure."""
    return "–" if value is None else f"{value:.{digits}f}"


def signed(value: float, digits: int = 2) -> str:
    """``+0.12``, ``−0.12`` with a true minus sign, or ``0`` where nothing is left of it."""
    text = f"{value:+.{digits}f}"
    return text[1:] if not text.strip("+-0.") else text.replace("-", "−")


def clean_groups(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The groups of clips as they lie in the corpus; older reports know no others."""
    return [group for group in report["groups"] if group.get("transmission", CLEAN) == CLEAN]


def group_named(report: Mapping[str, Any], *names: str) -> dict[str, Any] | None:
    """The first of ``names`` that the report has a group of."""
    groups = {group["name"]: group for group in report["groups"]}
    return next((groups[name] for name in names if name in groups), None)


_COUNTS = ("bona fide", "spoof", "sources")
_RATES = {
    "EER %": "eer",
    "AUC %": "auc",
    "accuracy %": "accuracy",
    "bona fide called spoof %": "bonafide_called_spoof",
    "spoof called spoof %": "spoof_called_spoof",
}


def text_report(report: dict[str, Any], by: Sequence[str] = ()) -> str:
    """The report for a terminal; of the groups by axis only those of ``by``."""
    parts = [[text_table(report)]]
    parts += [_table(axis, report["by"][axis]) for axis in by if report.get("by", {}).get(axis)]
    if len(report.get("bonafide_by_transmission", [])) > 1:
        parts.append(_by_transmission(report["bonafide_by_transmission"]))
    if report.get("durations"):
        parts.append(_durations(report["durations"]))
    whole = group_named(report, "all")
    if report.get("reliability") and whole is not None:
        line = (
            f"calibration: Cllr {number(whole['cllr'])} bits, {number(whole['min_cllr'])} after the best one; "
            f"expected calibration error {100 * report['reliability']['ece']:.1f} %"
        )
        parts.append([line])
    if report.get("asv") and whole is not None:
        parts.append([f"min t-DCF with the given verifier: {number(whole['min_tdcf'])}"])
    return "\n\n".join("\n".join(lines) for lines in parts)


def text_table(report: dict[str, Any]) -> str:
    """The groups of the report for a terminal."""
    title = f"{report['model']} on {report['split']}: value (95 % interval, resampling sources and clips)"
    return "\n".join([title, *_table("group", report["groups"])])


def _table(what: str, groups: Sequence[dict[str, Any]]) -> list[str]:
    rows = [
        (
            group["name"],
            *(str(group[name]) for name in ("bonafide", "spoof", "sources")),
            *(percent(group.get(name)) for name in _RATES.values()),
        )
        for group in groups
    ]
    return columns([(what, *_COUNTS, *_RATES), *rows])


def _by_transmission(lines: Sequence[dict[str, Any]]) -> list[str]:
    head = ("bona fide through", "clips", "called spoof %", "uncertain %", "score shift, nats")
    rows = [
        (
            line["transmission"],
            str(line["bonafide"]),
            percent(line["bonafide_called_spoof"]),
            f"{100 * line['uncertain']:.1f}",
            signed(line["median_shift"]),
        )
        for line in lines
    ]
    return columns([head, *rows])


def durations_note(durations: Mapping[str, Any]) -> str:
    """In a sentence, what the figures by length of speech were made of."""
    longest = durations["seconds"][-1]
    text = (
        f"The same {durations['trials']} recordings of at least {longest:g} s of speech, cut to each length; "
        f"{durations['joined']} of them are two or more clips of the same label, attack, speaker and source joined "
        "end to end"
    )
    unknown = durations["unknown_speaker"]
    return f"{text}, {unknown} of these without a speaker in the manifest." if unknown else f"{text}."


def duration_rows(durations: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A line a group and length: the name, the seconds, the counts, the rates, and the ratio to the length before."""
    ratios = {(line["name"], line["longer"]): line for line in durations["ratios"]}
    rows = []
    for group in sorted(durations["groups"], key=lambda group: (group["name"], group["seconds"])):
        line = ratios.get((group["name"], group["seconds"]))
        rows.append(
            (
                group["name"],
                f"{group['seconds']:g} s",
                f"{group['bonafide']} / {group['spoof']}",
                *(percent(group[name]) for name in ("eer", "auc", "bonafide_called_spoof", "spoof_called_spoof")),
                "–" if line is None else ratio(line["eer_ratio"]),
            )
        )
    return rows


DURATION_HEAD = (
    *("group", "speech", "bona fide / spoof", "EER %", "AUC %", "bona fide called spoof %", "spoof called spoof %"),
    "EER against the length before",
)


def _durations(durations: Mapping[str, Any]) -> list[str]:
    return [durations_note(durations), *columns([DURATION_HEAD, *duration_rows(durations)])]
