"""What an evaluation means, in sentences for people who do not read error rates for a living."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.deploy.thresholds import Support
from workbench.evaluate.comparison import Comparison
from workbench.report.text import group_named, signed

_GRADES = (
    (0.02, "strong", "Few errors on what it was measured on."),
    (0.05, "good", "It errs seldom enough to sort calls, not to decide alone."),
    (0.10, "fair", "It helps to sort; each of its verdicts needs a second look."),
    (0.20, "weak", "It errs too often to act upon one verdict."),
    (1.01, "poor", "It must not decide anything: it errs on more than every fifth clip."),
)
_WELL_CALIBRATED = 0.05
_RECORDING_GAP = 0.10

HEADLINE_GROUPS = ("unseen attacks, paired", "unseen attacks", "paired", "all")
_SUBJECTS = {
    "unseen attacks, paired": "On synthesis that train lacks, recorded like the real voices beside it",
    "unseen attacks": "On synthesis that train lacks",
    "paired": "On clips whose sources hold real and synthetic speech of the same recording conditions",
    "all": "Over all clips",
}


def grade(report: Mapping[str, Any]) -> str:
    """What the EER of the hardest group makes of the model; of a split that is too small, that it cannot say."""
    doubt = doubt_of(report)
    if doubt:
        return f"The {report['split']} split cannot grade a detector: {doubt}."
    value = headline(report)["eer"]["value"]
    word, sentence = next((word, sentence) for bound, word, sentence in _GRADES if value < bound)
    return f"A {word} detector. {sentence}"


def doubt_of(report: Mapping[str, Any], of: str = "support") -> str:
    """Why the measured split, or with ``of="dev_support"`` the model's dev split, is too small; empty where it is not
    or where the report is older than the count.
    """
    return Support(**report[of]).doubt if report.get(of) else ""


def headline(report: Mapping[str, Any]) -> dict[str, Any]:
    """The group that a reader should look at first: unseen attacks in paired sources, or the next best."""
    group = group_named(report, *HEADLINE_GROUPS)
    assert group is not None  # every report has "all"
    return group


def summary(report: Mapping[str, Any], comparisons: Sequence[Comparison], other: str | None) -> list[str]:
    """The findings, the most important first."""
    group = headline(report)
    eer = group["eer"]
    ordering = (
        f"{_SUBJECTS[group['name']]}, {report['model']} errs on {_one_in(eer['value'])} when both kinds of error are "
        f"equally frequent: EER {_percent(eer)}."
    )
    shipped = (
        f"As shipped it calls {_percent(group['bonafide_called_spoof'])} of the real voices there spoof, and finds "
        f"{_percent(group['spoof_called_spoof'])} of the synthetic ones."
    )
    return [
        ordering,
        shipped,
        *_of_dev(report),
        *_of_recordings(report),
        *_of_transmissions(report),
        *_of_durations(report),
        *_of_calibration(report),
        *_of_comparison(report["model"], comparisons, other),
    ]


def compared(line: Comparison, first: str, other: str) -> str:
    """Which model is ahead in EER on a group, and whether that is more than chance."""
    points = 100 * line.eer_difference.value
    if line.eer_p < 0.05:
        better, worse = (first, other) if points < 0 else (other, first)
        return f"{better} errs less than {worse}, by {abs(points):.1f} points of EER (p = {p_value(line.eer_p)})"
    return f"no difference that these clips could show ({signed(points, 1)} points of EER, p = {p_value(line.eer_p)})"


def p_value(value: float) -> str:
    """``0.03``, or ``< 0.001``."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.01 else f"{value:.2f}"


def _of_dev(report: Mapping[str, Any]) -> list[str]:
    doubt = doubt_of(report, "dev_support")
    return [f"Its dev split was too small to set thresholds by ({doubt}): they are cautious guesses."] if doubt else []


def _of_recordings(report: Mapping[str, Any]) -> list[str]:
    groups = {group["name"]: group for group in report["groups"]}
    paired, unpaired = groups.get("paired"), groups.get("unpaired")
    if not (paired and unpaired) or paired["eer"]["value"] - unpaired["eer"]["value"] < _RECORDING_GAP:
        return []
    apart, together = (100 * group["eer"]["value"] for group in (unpaired, paired))
    text = (
        f"Much of what it separates elsewhere is the recording, not the voice: EER {apart:.1f} % where real and "
        f"synthetic clips come from different places, {together:.1f} % where they come from the same."
    )
    return [text]


def _of_transmissions(report: Mapping[str, Any]) -> list[str]:
    lines = [line for line in report.get("bonafide_by_transmission", []) if line["transmission"] != "clean"]
    if not lines:
        return []
    worst = max(lines, key=lambda line: line["bonafide_called_spoof"]["value"])
    clean = next((line for line in report["bonafide_by_transmission"] if line["transmission"] == "clean"), worst)
    usual, share = f"{100 * clean['bonafide_called_spoof']['value']:.1f} %", worst["bonafide_called_spoof"]
    among = f", the worst of {len(lines)} transmissions," if len(lines) > 1 else ""
    through = f"Through {worst['transmission']}{among}"
    text = f"{through} it calls {_percent(share)} of real voices spoof, against {usual} clean."
    if share["value"] <= clean["bonafide_called_spoof"]["value"]:
        tried = f"any of {len(lines)} transmissions" if len(lines) > 1 else worst["transmission"]
        text = f"Through {tried} it calls no more real voices spoof than clean ({usual})."
    phone = group_named(report, "unseen attacks, paired, telephone", "all, telephone")
    return [text] if phone is None else [text, f"Through a telephone its EER is {_percent(phone['eer'])}."]


def _of_durations(report: Mapping[str, Any]) -> list[str]:
    durations = report.get("durations")
    if not durations:
        return []
    names = [name for name in HEADLINE_GROUPS if any(group["name"] == name for group in durations["groups"])]
    at = {group["seconds"]: group for group in durations["groups"] if names and group["name"] == names[0]}
    if len(at) < 2:
        return []
    short, long = min(at), max(at)
    before, after = (100 * at[length]["eer"]["value"] for length in (short, long))
    text = (
        f"Given {long:g} s of speech instead of {short:g} s, its EER goes from {before:.1f} to {after:.1f} % on "
        f"the same {at[long]['bonafide'] + at[long]['spoof']} recordings."
    )
    return [text]


def _of_calibration(report: Mapping[str, Any]) -> list[str]:
    whole, part = group_named(report, "all"), report.get("reliability")
    if whole is None or not part:
        return []
    found = f"they are off by {100 * part['ece']:.1f} points on average"
    lost = whole["cllr"] - whole["min_cllr"]
    if part["ece"] <= _WELL_CALIBRATED:
        return [f"Its probabilities mean about what they say over all clips: {found}."]
    return [f"Its probabilities do not mean what they say: {found}, which costs {lost:.2f} bits of Cllr."]


def _of_comparison(model: str, comparisons: Sequence[Comparison], other: str | None) -> list[str]:
    if not comparisons or other is None:
        return []
    line = comparisons[-1]
    return [f"Against {other} ({line.name}): {compared(line, model, other)}."]


def _one_in(rate: float) -> str:
    if rate < 0.001:
        return "hardly any clip"
    return f"about 1 clip in {1.0 / rate:.0f}" if rate < 0.4 else "nearly every second clip"


def _percent(interval: Mapping[str, float]) -> str:
    return f"{100 * interval['value']:.1f} % ({100 * interval['low']:.1f}–{100 * interval['high']:.1f})"
