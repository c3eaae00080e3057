"""Which clips a line of a report is about: the standard groups, and one group a value of an axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from workbench.data.manifest import Row
from workbench.evaluate.trials import Trial
from workbench.transmissions import CLEAN

SPEECH_EDGES_S = (1.0, 2.0, 3.0, 4.0, 8.0)
SNR_EDGES_DB = (10.0, 20.0, 30.0, 40.0)


@dataclass(frozen=True)
class Group:
    """A name, which bona fide and spoof trials belong, and the transmission that they went through."""

    name: str
    holds: Callable[[Trial], bool]
    transmission: str = CLEAN


def standard_groups(rows: Sequence[Row], apart: Sequence[str] = ()) -> list[Group]:
    """The groups that a report states: paired and unpaired, seen and unseen attacks, families, sources set apart."""
    groups = [
        _of_rows("all", lambda row: True),
        _of_rows("paired", lambda row: row.paired == "yes"),
        _of_rows("unpaired", lambda row: row.paired == "no"),
        _against_all("seen attacks", lambda row: row.attack_seen_in_train == "yes"),
        _against_all("unseen attacks", lambda row: row.attack_seen_in_train == "no"),
        _of_rows("unseen attacks, paired", _unseen_paired),
    ]
    for source in apart:
        inside = _equals("source_repo", source)
        outside = partial(_unseen_paired_outside, inside)
        groups += [_of_rows(f"unseen attacks, paired, without {source}", outside), _of_rows(f"only {source}", inside)]
    families = sorted({row.attack_family for row in rows if not _is_bonafide(row) and row.attack_family != "-"})
    return groups + [_against_all(f"family {family}", _equals("attack_family", family)) for family in families]


def transmission_groups(transmissions: Sequence[str]) -> list[Group]:
    """For each transmission: all clips, and unseen attacks in paired sources."""
    return [
        _of_rows(f"{name}, {transmission}", holds, transmission)
        for transmission in transmissions
        for name, holds in (("all", lambda row: True), ("unseen attacks, paired", _unseen_paired))
    ]


AXES = ("attack", "source", "language", "duration", "snr", "codec", "rate")
"""What `axis_groups` can split by: synthesis system, source, language, seconds of speech, signal-to-noise ratio, the
codec that the corpus names, the sample rate that the recording had before the corpus."""


def axis_groups(axis: str, trials: Sequence[Trial]) -> list[Group]:
    """One group for each value of ``axis``, in their order.

    An attack is set against all bona fide clips, and once more, "NAME, own sources", against the bona fide clips of
    the sources that it comes from. On the other axes both classes are of the value; it may hold one class only.

    Raises
    ------
    ValueError
        No such axis.
    """
    if axis == "attack":
        return _attack_groups(trials)
    if axis == "duration":
        return _binned(SPEECH_EDGES_S, "s of speech", lambda trial: trial.speech_s)
    if axis == "snr":
        return _binned(SNR_EDGES_DB, "dB", lambda trial: trial.snr_db)
    read: dict[str, Callable[[Row], str]] = {
        "source": lambda row: row.source_repo,
        "language": lambda row: row.language,
        "rate": lambda row: row.source_sample_rate,
        "codec": _codec,
    }
    if axis not in read:
        raise ValueError(f"an axis is one of {', '.join(AXES)}; got {axis!r}")
    value, unit = read[axis], " Hz" if axis == "rate" else ""
    names = sorted({value(trial.row) for trial in trials} - {"-"}, key=_natural)
    return [_of_rows(f"{name}{unit}", partial(_has, value, name)) for name in names]


def _attack_groups(trials: Iterable[Trial]) -> list[Group]:
    sources: dict[str, set[str]] = {}
    for trial in trials:
        if not trial.is_bonafide and trial.row.attack_id != "-":
            sources.setdefault(trial.row.attack_id, set()).add(trial.row.source_repo)
    groups = []
    for attack in sorted(sources):
        is_attack = _equals("attack_id", attack)
        own = partial(_of_attack, is_attack, frozenset(sources[attack]))
        groups += [_against_all(attack, is_attack), _of_rows(f"{attack}{OWN_SOURCES}", own)]
    return groups


OWN_SOURCES = ", own sources"


def _binned(edges: Sequence[float], unit: str, value: Callable[[Trial], float | None]) -> list[Group]:
    bounds = [float("-inf"), *edges, float("inf")]
    names = [f"below {edges[0]:g} {unit}", *(f"{a:g} to {b:g} {unit}" for a, b in pairwise(edges))]
    names.append(f"{edges[-1]:g} {unit} and more")

    def within(low: float, high: float) -> Callable[[Trial], bool]:
        def holds(trial: Trial) -> bool:
            found = value(trial)
            return found is not None and low <= found < high

        return holds

    spans = zip(names, bounds, bounds[1:], strict=False)
    return [Group(name, within(low, high)) for name, low, high in spans]


def _of_rows(name: str, holds: Callable[[Row], bool], transmission: str = CLEAN) -> Group:
    return Group(name, lambda trial: holds(trial.row), transmission)


def _against_all(name: str, spoof: Callable[[Row], bool]) -> Group:
    """The spoof clips for which ``spoof`` holds against all bona fide ones."""
    return _of_rows(name, lambda row: _is_bonafide(row) or spoof(row))


def _equals(field: str, value: str) -> Callable[[Row], bool]:
    return lambda row: getattr(row, field) == value


def _has(read: Callable[[Row], str], value: str, row: Row) -> bool:
    return read(row) == value


def _of_attack(is_attack: Callable[[Row], bool], sources: frozenset[str], row: Row) -> bool:
    return row.source_repo in sources if _is_bonafide(row) else is_attack(row)


def _unseen_paired_outside(inside: Callable[[Row], bool], row: Row) -> bool:
    return _unseen_paired(row) and not inside(row)


def _codec(row: Row) -> str:
    """The codec that ASVspoof's protocols name; readers keep it in ``source_path``."""
    parts = row.source_path.split("/")
    if row.source_repo.startswith("asvspoof2021") and len(parts) == 4:
        return parts[2]
    return parts[0] if row.source_repo == "asvspoof5" and len(parts) == 2 else "-"


def _natural(name: str) -> tuple[float, str]:
    return (float(name), "") if name.replace(".", "", 1).isdecimal() else (0.0, name)


def _is_bonafide(row: Row) -> bool:
    return row.label == "bonafide"


def _unseen_paired(row: Row) -> bool:
    return row.paired == "yes" and (_is_bonafide(row) or row.attack_seen_in_train == "no")
