"""The measured block of a model card, in Markdown, from the reports that were kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edge.contract import Contract, read_contract
from workbench.data.atomic_file import write_atomically
from workbench.deploy.thresholds import Support, dev_support
from workbench.errors import EvaluationError
from workbench.evaluate.evaluate import RATES
from workbench.live.text import live_markdown, pipes, read_live_report
from workbench.report.report import read_report
from workbench.report.text import (
    DURATION_HEAD,
    clean_groups,
    duration_rows,
    durations_note,
    group_named,
    number,
    percent,
)
from workbench.transmissions import CLEAN

BEGIN = "<!-- measured: written by `workbench card`, do not edit -->"
END = "<!-- end of measured -->"

_RATE_HEADS = ("EER %", "AUC %", "bona fide called spoof %", "spoof called spoof %", "spoof called bona fide %")


def run_card(
    model_path: Path,
    reports: tuple[Path, ...],
    baselines: tuple[Path, ...],
    card_path: Path,
    *,
    check: bool,
    live: tuple[Path, ...] = (),
) -> bool:
    """Update the measured block of a card; return whether it differed."""
    own = [read_report(path) for path in reports]
    digest = hashlib.sha256(model_path.read_bytes()).hexdigest()
    for path, report in zip(reports, own, strict=True):
        if report["model_sha256"] != digest:
            raise EvaluationError(
                f"{path}: measured on another model than {model_path}; run `workbench evaluate` again"
            )
    before = card_path.read_text(encoding="utf-8") if card_path.exists() else f"# {card_path.stem}\n\n{BEGIN}\n{END}\n"
    others = [read_report(path) for path in baselines]
    block = card_block(read_contract(model_path), own, others, [read_live_report(path) for path in live])
    after = replace_block(before, block)
    changed = after != before or not card_path.exists()
    if changed and not check:
        write_atomically(card_path, after)
    return changed


def card_block(
    contract: Contract,
    reports: Iterable[dict[str, Any]],
    baselines: Iterable[dict[str, Any]],
    live: Iterable[dict[str, Any]] = (),
) -> str:
    """The measured part of a model card, between its markers.

    ``live`` are reports of `workbench calibrate` or of the tool that measures operating points.

    Raises
    ------
    EvaluationError
        A live report is of other operating points than the model's.
    """
    reports, baselines = list(reports), list(baselines)
    first, thresholds = reports[0], contract.thresholds
    size = f"{first['model_bytes'] / 1000:.0f} kB, {contract.parameters:,} parameters, {contract.quantization}"
    bounds = f"below a `cm_score` of {thresholds.spoof_below:.2f}, `bonafide` above {thresholds.bonafide_above:.2f}"
    lines = [
        BEGIN,
        "",
        f"- {size}; SHA-256 `{first['model_sha256'][:16]}…`",
        f"- Called `spoof` {bounds}, `uncertain` between; set on dev{_doubt(dev_support(thresholds))}",
        f"- Corpus digest `{contract.corpus_digest[:16]}…`, code at `{contract.git_revision}`",
    ]
    for report in reports:
        lines += ["", f"### {report['split']}", "", *_markdown(report)]
    for report in live:
        _check_points(contract, report)
        lines += ["", f"### Live calls, {report['split']}", "", *live_markdown(report)]
    if baselines:
        lines += ["", "### Compared on the same splits", "", *_comparison([*reports, *baselines])]
    return "\n".join([*lines, "", END])


def _doubt(support: Support | None) -> str:
    return f", which is too small to tell: {support.doubt}" if support and support.doubt else ""


def _check_points(contract: Contract, report: dict[str, Any]) -> None:
    here = [(point.name, point.enter_below) for point in contract.operating_points]
    there = [(point["name"], point["enter_below"]) for point in report["points"]]
    if here != there or report["model"] != contract.name:
        raise EvaluationError(
            f"a live report of {report['model']} measured the operating points {there}, the model carries {here}; "
            "measure again"
        )


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


def _markdown(report: dict[str, Any]) -> list[str]:
    groups = clean_groups(report)
    unscored = next((group["unscored"] for group in groups if group["name"] == "all"), 0)
    note = f"{unscored} clips had too little speech for a score and count in no rate."
    # A report from before a figure was introduced gets no column of dashes.
    extra = [name for name in ("min_cllr", "min_tdcf") if any(group.get(name) is not None for group in groups)]
    lines = [*_group_table(groups, "min_dcf", "cllr", *extra), "", note]
    if doubt := _doubt(Support(**report["support"]) if report.get("support") else None):
        lines += ["", f"No grade follows from {report['split']}{doubt}."]
    through = [group for group in report["groups"] if group.get("transmission", CLEAN) != CLEAN]
    if through:
        lines += ["", "Through transmissions:", "", *_group_table(through, "cllr")]
    for part in (_by_transmission(report), _durations(report), _reliability(report)):
        if part:
            lines += ["", *part]
    return lines


def _group_table(groups: Sequence[dict[str, Any]], *costs: str) -> list[str]:
    heads = {"min_dcf": "min DCF", "cllr": "Cllr", "min_cllr": "min Cllr", "min_tdcf": "min t-DCF"}
    head = ("group", "bona fide / spoof", "sources", *_RATE_HEADS, *(heads[name] for name in costs))
    rows = [
        (
            group["name"],
            f"{group['bonafide']} / {group['spoof']}",
            str(group["sources"]),
            *(percent(group[name]) for name in RATES),
            *(number(group.get(name)) for name in costs),
        )
        for group in groups
    ]
    return pipes((head, *rows))


def _by_transmission(report: dict[str, Any]) -> list[str]:
    lines = report.get("bonafide_by_transmission", [])
    if len(lines) < 2:
        return []
    rows = [
        (
            line["transmission"],
            str(line["bonafide"]),
            percent(line["bonafide_called_spoof"]),
            f"{100 * line['uncertain']:.1f}",
        )
        for line in lines
    ]
    head = ("transmission", "bona fide", "called spoof %", "left uncertain %")
    return ["Bona fide through transmissions:", "", *pipes((head, *rows))]


def _durations(report: dict[str, Any]) -> list[str]:
    durations = report.get("durations")
    if not durations or not durations["groups"]:
        return []
    return [durations_note(durations), "", *pipes((DURATION_HEAD, *duration_rows(durations)))]


def _reliability(report: dict[str, Any]) -> list[str]:
    whole = group_named(report, "all")
    if not report.get("reliability") or whole is None:
        return []
    lost = whole["cllr"] - whole["min_cllr"]
    line = (
        f"Calibration over all clips: of {whole['cllr']:.3f} bits of Cllr it loses {lost:.3f}; expected calibration "
        f"error {100 * report['reliability']['ece']:.1f} % at even odds."
    )
    return [line]


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
    return pipes((("model", "split", "kB", "parameters", "EER %, all", "EER %, unseen attacks, paired"), *rows))
