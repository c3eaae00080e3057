"""The hand-kept Java signatures of the members that the app uses, from the Android reference.

`signatures.txt` has the name of a class at the margin and members below it, indented, as Java writes them:

    android.media.AudioRecord
      int read(byte[], int, int)

Types are simple names, which the declarations complete, or dotted ones where the declarations have lost the type.
Modifiers are ``static``, ``protected``, ``abstract`` and ``default``; ``throws`` takes dotted names; ``since N``
corrects the level of a member. Every line must fit a declaration, so that none is invented.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from android_check.declarations import Api, Member, split_types
from android_check.errors import CheckError
from android_check.java_types import can_be

TABLE = Path(__file__).with_name("signatures.txt")
_LINE = re.compile(
    r"(?P<modifiers>(?:(?:static|protected|abstract|default) )*)(?:<(?P<variables>[\w., ]+)> )?"
    r"(?:(?P<type>[\w.<>?, \[\]]+?) )?(?P<name>\w+)(?:\((?P<parameters>.*)\))?"
    r"(?: throws (?P<throws>[\w., ]+?))?(?: since (?P<since>\d+))?$"
)


@dataclass(frozen=True)
class Signature:
    """One member as Java declares it; ``parameters`` is None for a field, ``name`` is ``<init>`` for a constructor."""

    owner: str
    name: str
    parameters: tuple[str, ...] | None
    type: str
    variables: str = ""
    modifiers: frozenset[str] = frozenset()
    throws: str = ""
    since: int | None = None

    def fits(self, member: Member) -> bool:
        """Whether the declaration can be of this member."""
        if member.name != self.name or (member.parameters is None) != (self.parameters is None):
            return False
        variables = self.variable_names()
        pairs = list(zip(member.parameters or (), self.parameters or (), strict=False))
        if self.name != "<init>":
            pairs.append((member.type, self.type))
        same_length = len(member.parameters or ()) == len(self.parameters or ())
        return same_length and all(java in variables or can_be(given, java) for given, java in pairs)

    def variable_names(self) -> set[str]:
        """Type parameters of the method, without their bounds."""
        return {part.split()[0] for part in self.variables.split(",") if part.strip()}

    def __str__(self) -> str:
        inside = "" if self.parameters is None else f"({', '.join(self.parameters)})"
        return f"{self.owner}.{self.name}{inside}"


def read_signatures(path: Path = TABLE) -> list[Signature]:
    """Read the table.

    Raises
    ------
    CheckError
        A line that is neither a class nor a member.
    """
    return parse_signatures(path.read_text(encoding="utf-8").splitlines(), path.name)


def parse_signatures(lines: Iterable[str], where: str = "the table") -> list[Signature]:
    """Parse the table's lines; see `read_signatures`."""
    owner, found = "", []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].rstrip()
        if not text:
            continue
        if not text.startswith(" "):
            owner = text
            continue
        match = _LINE.match(text.strip())
        if match is None or not owner:
            raise CheckError(f"{where}:{number}: expected a class, or below it an indented member; got {text!r}")
        found.append(_signature(owner, match))
    return found


def _signature(owner: str, match: re.Match[str]) -> Signature:
    constructor = match["type"] is None and match["name"] == owner.rpartition(".")[2]
    return Signature(
        owner,
        "<init>" if constructor else match["name"],
        None if match["parameters"] is None else tuple(split_types(match["parameters"])),
        match["type"] or "void",
        match["variables"] or "",
        frozenset(match["modifiers"].split()),
        match["throws"] or "",
        None if match["since"] is None else int(match["since"]),
    )


def check_signatures(signatures: Iterable[Signature], api: Api) -> None:
    """Refuse what no declaration bears out.

    Raises
    ------
    CheckError
        A class or member that the declarations do not have.
    """
    for signature in signatures:
        if signature.owner not in api:
            raise CheckError(f"signatures.txt: the declarations have no class {signature.owner}")
        if not any(signature.fits(member) for member in api[signature.owner].members):
            said = [f"{m.parameters} -> {m.type}" for m in api[signature.owner].members if m.name == signature.name]
            raise CheckError(f"signatures.txt: no declaration fits {signature}; they say {said or 'nothing'}")


def by_member(signatures: Iterable[Signature]) -> dict[tuple[str, str], list[Signature]]:
    """Signatures by class and member name."""
    table: dict[tuple[str, str], list[Signature]] = {}
    for signature in signatures:
        table.setdefault((signature.owner, signature.name), []).append(signature)
    return table
