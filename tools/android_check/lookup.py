"""Find a used member in the declarations of the API, and the level that it needs."""

from __future__ import annotations

from collections.abc import Iterable

from android_check.classfile import Reference
from android_check.declarations import Api, ApiClass, Member
from android_check.java_types import can_be, erased, is_vague, parse_descriptor
from android_check.needs import IN_THE_JDK
from android_check.signatures import Signature, by_member

VERSION_CODES = ("android/os/Build$VERSION_CODES", "android/os/Build$VERSION_CODES_FULL")
"""Their constants are what a level is compared with, and are there on every level: javac copies them."""

FROM_THE_REFERENCE = "write its signature into signatures.txt, from the Android reference"


class ApiLookup:
    """The API as compiled classes name it.

    Parameters
    ----------
    api : the declarations.
    signatures : the hand-kept table.
    """

    def __init__(self, api: Api, signatures: Iterable[Signature]) -> None:
        self._api, self._table = api, by_member(signatures)
        self.used: set[str] = set()
        """Members that were found, as ``android.os.Vibrator.vibrate``."""

    def level(self, reference: Reference) -> int | str:
        """The level that a class or member needs, or what is wrong with it."""
        name = reference.owner.replace("/", ".").replace("$", ".")
        api_class = self._api.get(name)
        if api_class is None:
            return f"{name} is no class of Android's API"
        if not reference.name:
            return api_class.since
        if reference.owner in VERSION_CODES:
            return 0
        found = self._find(api_class, reference)
        if found is None:
            return f"{shown(reference)} is no member of Android's API"
        owner, members = found
        self.used.add(f"{owner.name}.{reference.name}")
        if problem := self._unconfirmed(owner, members, reference):
            return problem
        levels = []
        for member in members:
            said = next((s.since for s in self._table.get((owner.name, member.name), ()) if s.fits(member)), None)
            levels.append(self._since(owner, member) if said is None else max(said, owner.since))
        return max(*levels, api_class.since)

    def constant(self, reference: Reference) -> int | None:
        """The value of an int constant; None where it is none."""
        api_class = self._api.get(reference.owner.replace("/", ".").replace("$", "."))
        for member in api_class.members if api_class else ():
            if member.name == reference.name and member.parameters is None and member.type.lstrip("-").isdigit():
                return int(member.type)
        return None

    def _find(self, api_class: ApiClass, reference: Reference) -> tuple[ApiClass, list[Member]] | None:
        """The nearest class upwards that declares the member, with the declarations that can be it."""
        parameters, result = parse_descriptor(reference.descriptor)
        is_method = reference.descriptor.startswith("(")
        fitting = [
            member
            for member in api_class.members
            if member.name == reference.name
            and (member.parameters is not None) == is_method
            and len(member.parameters or ()) == len(parameters)
            and all(can_be(given, java) for given, java in zip(member.parameters or (), parameters, strict=True))
            and (reference.name == "<init>" or is_method or can_be(member.type, result))
        ]
        if fitting:
            # What fits by its own type tells more than what fits because its type was lost.
            lost = [(member.parameters or ()).count("any") for member in fitting]
            return api_class, [member for member, count in zip(fitting, lost, strict=True) if count == min(lost)]
        if reference.name == "<init>":
            return None
        for parent in self._parents(api_class):
            if found := self._find(parent, reference):
                return found
        return None

    def _parents(self, api_class: ApiClass) -> list[ApiClass]:
        names = [erased(name) for name in (api_class.extends or "java.lang.Object", *api_class.implements)]
        return [self._api[name] for name in names if name in self._api and name != api_class.name]

    def _since(self, owner: ApiClass, member: Member) -> int:
        """The member's level. Where its own is not said, it may have come with an interface that was added later."""
        if member.since or member.parameters is None or member.name == "<init>":
            return max(owner.since, member.since)
        above = [self._said_above(parent, member) for parent in self._parents(owner)]
        return max(owner.since, *above, 0)

    def _said_above(self, api_class: ApiClass, member: Member) -> int:
        same = [m for m in api_class.members if (m.name, m.parameters) == (member.name, member.parameters)]
        return max((self._since(api_class, m) for m in same), default=0)

    def _unconfirmed(self, owner: ApiClass, members: list[Member], reference: Reference) -> str | None:
        """Whether only `signatures.txt` can tell the Java types, and does not."""
        if owner.name.startswith(IN_THE_JDK):
            return None
        vague = [
            m
            for m in members
            if any(map(is_vague, m.parameters or ())) or (m.name != "<init>" and (is_vague(m.type) or _is_text(m)))
        ]
        parameters, _ = parse_descriptor(reference.descriptor)
        for signature in self._said(owner, reference.name):
            said = [_bare(java, signature.variable_names()) for java in signature.parameters or ()]
            if said == [_bare(java, set()) for java in parameters]:
                return None
        if not vague:
            return None
        return f"{shown(reference)} has no Java types in the declarations; {FROM_THE_REFERENCE}"

    def _said(self, owner: ApiClass, name: str) -> list[Signature]:
        """The table's lines for a member, of the class or of one above that declared it first."""
        above = [] if name == "<init>" else [s for parent in self._parents(owner) for s in self._said(parent, name)]
        return [*self._table.get((owner.name, name), ()), *above]


def _is_text(member: Member) -> bool:
    return member.parameters is not None and member.type == "string"


def _bare(java: str, variables: set[str]) -> str:
    name = erased(java).replace("...", "[]").rpartition(".")[2]
    return "Object" if name in variables else name


def shown(reference: Reference) -> str:
    """A reference as a reader knows it: ``android.os.Vibrator.vibrate(VibrationEffect)``."""
    owner = reference.owner.replace("/", ".").replace("$", ".")
    if not reference.name:
        return owner
    parameters, _ = parse_descriptor(reference.descriptor)
    inside = f"({', '.join(part.rpartition('.')[2] for part in parameters)})"
    return f"{owner}.{reference.name}{inside if reference.descriptor.startswith('(') else ''}"
