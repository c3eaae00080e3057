"""Evaluation reports: the JSON that is kept, the table that is printed, the block of a model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edge.contract import Contract
from edge.tables import columns
from workbench.errors import EvaluationError
from workbench.evaluate import GroupResult, result_to_dict
from workbench.manifest import Manifest
from workbench.runs import write_atomically

BEGIN = "<!-- measured: written by `workbench card`, do not edit -->"
END = "<!-- end of measured -->"


def make_report(
    model_path: Path, contract: Contract, manifest: Manifest, split: str, results: Sequence[GroupResult]
) -> dict[str, Any]:
    """Gather what identifies a measurement, and its figures (fractions)."""
    data = model_path.read_bytes()
    return {
        "model": contract.name,
        "model_sha256": hashlib.sha256(data).hexdigest(),
        "model_bytes": len(data),
        "parameters": contract.parameters,
        "quantization": contract.quantization,
        "manifest_digest": manifest.digest(),
        "split": split,
        "thresholds": {
            "spoof_below": contract.thresholds.spoof_below,
            "bonafide_above": contract.thresholds.bonafide_above,
        },
        "groups": [result_to_dict(result) for result in results],
    }


def write_report(report: dict[str, Any], path: Path) -> None:
    """Keep a report as JSON."""
    write_atomically(path, json.dumps(report, indent=1) + "\n")


def read_report(path: Path) -> dict[str, Any]:
    """Read what `write_report` kept.

    Raises
    ------
    EvaluationError
        Unreadable, or no report.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        report["groups"][0]["eer"]["value"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise EvaluationError(f"{path}: not a report of `workbench evaluate -o` ({error!r})") from error
    return report


def percent(interval: dict[str, float]) -> str:
    """``12.3 (10.1–14.9)``."""
    return f"{100 * interval['value']:.1f} ({100 * interval['low']:.1f}–{100 * interval['high']:.1f})"


def text_table(report: dict[str, Any]) -> str:
    """The report for a terminal."""
    head = ("group", "bona fide", "spoof", "sources", "EER %", "AUC %", "false alarms %", "detected %")
    rows = [
        (
            group["name"],
            str(group["bonafide"]),
            str(group["spoof"]),
            str(group["sources"]),
            percent(group["eer"]),
            percent(group["auc"]),
            percent(group["false_alarm_rate"]),
            percent(group["detection_rate"]),
        )
        for group in report["groups"]
    ]
    title = f"{report['model']} on {report['split']}: value (95 % interval, resampling sources and clips)"
    return "\n".join([title, *columns([head, *rows])])


def card_block(contract: Contract, reports: Iterable[dict[str, Any]], baselines: Iterable[dict[str, Any]]) -> str:
    """The measured part of a model card, between its markers."""
    reports, baselines = list(reports), list(baselines)
    first, thresholds = reports[0], contract.thresholds
    size = f"{first['model_bytes'] / 1000:.0f} kB, {contract.parameters:,} parameters, {contract.quantization}"
    bounds = f"below a `cm_score` of {thresholds.spoof_below:.2f}, `bonafide` above {thresholds.bonafide_above:.2f}"
    lines = [
        BEGIN,
        "",
        f"- {size}; SHA-256 `{first['model_sha256'][:16]}…`",
        f"- Called `spoof` {bounds}, `uncertain` between; set on dev",
        f"- Corpus digest `{contract.corpus_digest[:16]}…`, code at `{contract.git_revision}`",
    ]
    for report in reports:
        lines += ["", f"### {report['split']}", "", *_markdown(report)]
    if baselines:
        lines += ["", "### Compared on the same splits", "", *_comparison([*reports, *baselines])]
    return "\n".join([*lines, "", END])


def replace_block(card: str, block: str) -> str:
    """Put ``block`` where the card's markers stand.

    Raises
    ------
    EvaluationError
        The card has no markers.
    """
    before, begin, rest = card.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise EvaluationError(f"the card lacks the lines {BEGIN!r} and {END!r}; add both where the figures belong")
    return before + block + after


_COLUMNS = (
    "group",
    "bona fide / spoof",
    "sources",
    "EER %",
    "AUC %",
    "bona fide called spoof %",
    "spoof called spoof %",
    "spoof called bona fide %",
    "min DCF",
    "Cllr",
)


def _markdown(report: dict[str, Any]) -> list[str]:
    rows = [
        (
            group["name"],
            f"{group['bonafide']} / {group['spoof']}",
            str(group["sources"]),
            *(percent(group[name]) for name in ("eer", "auc", "false_alarm_rate", "detection_rate", "accept_rate")),
            f"{group['min_dcf']:.3f}",
            f"{group['cllr']:.3f}",
        )
        for group in report["groups"]
    ]
    unscored = next((group["unscored"] for group in report["groups"] if group["name"] == "all"), 0)
    note = f"{unscored} clips had too little speech for a score and count in no rate."
    return [*_rows(_COLUMNS, rows), "", note]


def _comparison(reports: Sequence[dict[str, Any]]) -> list[str]:
    rows = []
    for report in reports:
        figures = {group["name"]: percent(group["eer"]) for group in report["groups"]}
        rows.append(
            (
                report["model"],
                report["split"],
                f"{report['model_bytes'] / 1000:,.0f}",
                f"{report['parameters']:,}",
                figures.get("all", "–"),
                figures.get("unseen attacks, paired", "–"),
            )
        )
    return _rows(("model", "split", "kB", "parameters", "EER %, all", "EER %, unseen attacks, paired"), rows)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
