"""The evaluation page: one HTML file with all that it shows inside, and nothing to be fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.evaluate.comparison import Comparison, compare
from workbench.evaluate.evaluate import scores_of
from workbench.evaluate.groups import OWN_SOURCES, Group, standard_groups, transmission_groups
from workbench.evaluate.trials import Trial, load_quietly
from workbench.report import plain_words
from workbench.report.figures import DetLine, det_figure, det_line, histogram_figure, reliability_figure
from workbench.report.gallery import Exhibit, exhibit, worst
from workbench.report.report import EvaluationOptions, run_evaluation
from workbench.report.text import clean_groups, durations_note, number, signed
from workbench.transmissions import CLEAN

_TEMPLATES = Path(__file__).parent / "templates"

AXIS_TITLES = {
    "source": "By source",
    "language": "By language",
    "duration": "By seconds of speech",
    "snr": "By speech over background",
    "codec": "By codec of the corpus",
    "rate": "By original sample rate",
}


@dataclass(frozen=True)
class PageParts:
    """What a page is made from beside the report.

    Attributes
    ----------
    trials : of the model, and ``other_trials`` of the one it is set against (empty without one).
    other : the report of that model.
    bonafide, spoof : the worst errors of each class.
    with_audio : whether their recordings are in the page.
    """

    trials: Sequence[Trial]
    bonafide: Sequence[Exhibit]
    spoof: Sequence[Exhibit]
    with_audio: bool
    comparisons: Sequence[Comparison] = ()
    other: Mapping[str, Any] | None = None
    other_trials: Sequence[Trial] = ()


def run_report(
    model_path: Path,
    other_path: Path | None,
    manifest_path: Path,
    split: str,
    options: EvaluationOptions,
    *,
    gallery: int,
    with_audio: bool,
) -> str:
    """Evaluate a split and make a page of it; see `workbench report --help`. Returns the page's HTML.

    Raises
    ------
    EvaluationError
        As `run_evaluation`.
    """
    found = run_evaluation(model_path, manifest_path, split, options)
    # The other model is compared on the clips as they are; its transmissions and lengths would be shown nowhere.
    other = (
        None
        if other_path is None
        else run_evaluation(other_path, manifest_path, split, EvaluationOptions(jobs=options.jobs))
    )
    groups = [group for group in standard_groups(found.manifest.rows) if group.name in plain_words.HEADLINE_GROUPS]
    model = load_quietly(model_path)
    exhibits = [
        [exhibit(model, found.manifest.root, trial, with_audio=with_audio) for trial in trials]
        for trials in worst(found.trials, gallery)
    ]
    parts = PageParts(
        trials=found.trials,
        bonafide=exhibits[0],
        spoof=exhibits[1],
        with_audio=with_audio and gallery > 0,
        comparisons=[] if other is None else compare(found.trials, other.trials, groups),
        other=None if other is None else other.report,
        other_trials=[] if other is None else other.trials,
    )
    return render_page(found.report, parts)


def render_page(report: Mapping[str, Any], parts: PageParts) -> str:
    """The page of a report as HTML text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "p_value": plain_words.p_value, "signed": signed, "unbroken": unbroken}
    scored = [trial for trial in parts.trials if trial.transmission == CLEAN and trial.cm_score is not None]
    bonafide, spoof = (scores_of([trial for trial in scored if trial.is_bonafide == real]) for real in (True, False))
    other = None if parts.other is None else parts.other["model"]
    lines = _det_lines(report, parts)
    alarms = [line["bonafide_called_spoof"]["high"] for line in report["bonafide_by_transmission"]]
    return environment.get_template("report.html").render(
        report=report,
        parts=parts,
        grade=plain_words.grade(report),
        headline=plain_words.headline(report),
        sentences=plain_words.summary(report, parts.comparisons, other),
        compared=lambda line: plain_words.compared(line, report["model"], other or ""),
        groups=clean_groups(report),
        transmissions=[group for group in report["groups"] if group.get("transmission", CLEAN) != CLEAN],
        attacks=attack_rows(report),
        axes=[(title, axis, report["by"][axis]) for axis, title in AXIS_TITLES.items() if report["by"].get(axis)],
        durations=report.get("durations"),
        duration_ratios=_ratios(report.get("durations")),
        durations_note=durations_note(report["durations"]) if report.get("durations") else "",
        alarm_top=max([0.05, *alarms]),
        det_lines=lines,
        det=det_figure(lines),
        histogram=histogram_figure(bonafide, spoof, report["thresholds"]),
        reliability=reliability_figure(report["reliability"]),
        whole=next(group for group in report["groups"] if group["name"] == "all"),
        uncertain=sum(trial.verdict == "uncertain" for trial in scored) / max(1, len(scored)),
    )


def unbroken(text: str) -> str:
    """Keep numbers together with their units where a line breaks."""
    for pair in (" %", " = ", " s of", " points", " bits"):
        text = text.replace(pair, pair.replace(" ", "\u00a0"))
    return text


def attack_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row an attack: its figures against all bona fide clips, and ``own``, the EER against its own sources'."""
    groups = report["by"].get("attack", [])
    own = {group["name"].removesuffix(OWN_SOURCES): group for group in groups if group["name"].endswith(OWN_SOURCES)}
    rows = [group for group in groups if not group["name"].endswith(OWN_SOURCES)]
    return [{**row, "own": own.get(row["name"], {}).get("eer")} for row in rows]


def _det_lines(report: Mapping[str, Any], parts: PageParts) -> list[DetLine]:
    names = ("all", "unseen attacks, paired")
    standard = {group.name: group for group in standard_groups([trial.row for trial in parts.trials])}
    wanted: list[tuple[str, str, Group, Sequence[Trial], bool]] = [
        (name, css, standard[name], parts.trials, True) for name, css in zip(names, ("all", "unseen"), strict=True)
    ]
    phone = {group.name: group for group in transmission_groups(["telephone"])}
    wanted.append(("all, telephone", "phone", phone["all, telephone"], parts.trials, True))
    if parts.other is not None:
        wanted += [
            (f"{parts.other['model']}: {name}", f"{css} other", standard[name], parts.other_trials, False)
            for name, css in zip(names, ("all", "unseen"), strict=True)
        ]
    found = [det_line(name, css, trials, group, band=band) for name, css, group, trials, band in wanted]
    return [line for line in found if line is not None]


def _ratios(durations: Mapping[str, Any] | None) -> dict[tuple[str, float], dict[str, Any]]:
    if durations is None:
        return {}
    return {(line["name"], line["longer"]): line for line in durations["ratios"]}
