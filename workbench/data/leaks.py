"""Leak checks: speakers, sources, files and unseen attacks that lie on two sides of a split."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.data.manifest import Manifest, Row
from workbench.errors import LeakError, ManifestError

KINDS = ("speaker", "source", "file", "content", "attack")
_LISTED = 10
_NAMED = 3


@dataclass(frozen=True)
class Leak:
    """Something that lies on several splits.

    Attributes
    ----------
    kind : one of `KINDS`: a known speaker; a source; an original file (``source_blob``); equal bytes; or an attack
        that is marked unseen though train holds it, or that dev and test share though both call it unseen.
    name : which one.
    splits : on which sides, sorted.
    clips : how many.
    """

    kind: str
    name: str
    splits: tuple[str, ...]
    clips: int

    def __str__(self) -> str:
        return f"{self.kind} {self.name} on {' and '.join(self.splits)} ({self.clips} clips)"


def find_leaks(
    manifest: Manifest,
    *,
    content: bool = True,
    progress: Callable[[Sequence[Row]], Iterable[Row]] = iter,
) -> list[Leak]:
    """Find every leak of ``manifest``; with ``content`` each file is read and compared by the SHA-256 of its bytes.

    Raises
    ------
    ManifestError
        A file cannot be read.
    """
    rows = manifest.rows
    leaks = _on_two_sides("speaker", ((row.speaker_id, row) for row in rows))
    leaks += _on_two_sides("source", ((row.source_repo, row) for row in rows))
    leaks += _on_two_sides("file", ((row.source_blob, row) for row in rows))
    if content:
        leaks += _on_two_sides("content", ((_digest(manifest.root / row.path), row) for row in progress(rows)))
    return leaks + _attacks(rows)


def check_leaks(leaks: Sequence[Leak], allow: Collection[str] = ()) -> None:
    """Refuse leaks of kinds that are not allowed.

    Raises
    ------
    LeakError
        Lists the first ten of each kind.
    """
    found = [leak for leak in leaks if leak.kind not in allow]
    if not found:
        return
    lines = []
    for kind in KINDS:
        of_kind = [leak for leak in found if leak.kind == kind]
        lines += [f"  {leak}" for leak in of_kind[:_LISTED]]
        if len(of_kind) > _LISTED:
            lines.append(f"  … and {len(of_kind) - _LISTED} more of kind {kind}")
    kinds = ", ".join(dict.fromkeys(leak.kind for leak in found))
    raise LeakError(
        f"{len(found)} leaks between splits; move each to one side, or allow what is meant ({kinds}):\n"
        + "\n".join(lines)
    )


def describe_overlap(manifest: Manifest) -> list[str]:
    """Describe in sentences what train and dev of ``manifest`` share, or may share because it is not known.

    What dev shares with train makes its error rates look better than those for new voices and new systems.
    """
    rows = [row for row in manifest.rows if row.split in ("train", "dev")]
    found = []
    for what, field in (("speakers", "speaker_id"), ("systems", "attack_id"), ("sources", "source_repo")):
        shared = [leak.name for leak in _on_two_sides(what, ((getattr(row, field), row) for row in rows))]
        if shared:
            named = ", ".join(shared[:_NAMED])
            found.append(
                f"dev shares {what} with train ({named}; {len(shared)} in all): its error rates say little about new "
                f"{what}; give several, each in a folder of its own, or a manifest whose split keeps them apart"
            )
    if all(row.speaker_id == "-" == row.source_repo for row in rows if row.label == "bonafide"):
        found.append(
            "no speaker of the bona fide clips is known: dev may hold voices of train; "
            "put each speaker's recordings into a folder of their own"
        )
    return found


def _on_two_sides(kind: str, named: Iterable[tuple[str, Row]]) -> list[Leak]:
    clips: dict[str, list[str]] = defaultdict(list)
    for name, row in named:
        if name != "-":
            clips[name].append(row.split)
    return [
        Leak(kind, name, tuple(sorted(set(splits))), len(splits))
        for name, splits in sorted(clips.items())
        if len(set(splits)) > 1
    ]


def _attacks(rows: Sequence[Row]) -> list[Leak]:
    spoof = [row for row in rows if row.label == "spoof" and row.attack_id != "-"]
    trained = {row.attack_id for row in spoof if row.split == "train"}
    unseen = [row for row in spoof if row.attack_seen_in_train == "no"]
    untrue: dict[str, list[str]] = defaultdict(list)
    for row in unseen:
        if row.attack_id in trained:
            untrue[row.attack_id].append(row.split)
    leaks = [
        Leak("attack", name, tuple(sorted({"train", *splits})), len(splits)) for name, splits in sorted(untrue.items())
    ]
    return leaks + _on_two_sides("attack", ((row.attack_id, row) for row in unseen if row.attack_id not in trained))


def _digest(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ManifestError(
            f"{path}: cannot be read ({error.strerror}); mend its row, or check without content"
        ) from error
