"""Which classes and members of the API a set of Java sources needs: what they name, and what javac needs with it.

A member is needed when its name occurs as a word in the sources, or when an interface asks for it. So the stubs stay
a few hundred members out of a hundred thousand, and a member that does not exist cannot come among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from android_check.declarations import Api, ApiClass, Member
from android_check.errors import CheckError
from android_check.java_types import erased
from android_check.signatures import Signature

IN_THE_JDK = ("java.", "javax.")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_TYPE = re.compile(r"(?<![\w.])[a-z]\w*(?:\.[a-z]\w*)*(?:\.[A-Z]\w*)+(?:\.[a-z]\w*)?")
_STRIPPED = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', re.S)
_JDK_INTERFACES = ("java.lang.AutoCloseable", "java.io.Closeable", "java.lang.CharSequence")
_OF_OBJECT = {"equals", "hashCode", "toString", "clone", "finalize", "getClass"}


@dataclass
class Needs:
    """Classes to write, each with its members and the interfaces it must implement."""

    members: dict[str, list[Member]] = field(default_factory=dict)
    implements: dict[str, list[str]] = field(default_factory=dict)


def words_of(sources: Iterable[str]) -> set[str]:
    """Every word of the sources outside of comments and texts."""
    return {word for source in sources for word in _WORD.findall(_STRIPPED.sub(" ", source))}


def named_classes(sources: Iterable[str], api: Api) -> set[str]:
    """Classes of the API, but for Java's own, that the sources import or name in full.

    Raises
    ------
    CheckError
        An import of a whole package, which hides what is used.
    """
    found: set[str] = set()
    for source in sources:
        text = _STRIPPED.sub(" ", source)
        if wild := re.search(r"import (?:static )?([\w.]+\.\*);", text):
            raise CheckError(f"import {wild[1]}: name each class, so that the check sees what is used")
        for name in _TYPE.findall(text):
            known = _longest_known(name, api)
            if known and not known.startswith(IN_THE_JDK):
                found.add(known)
    return found


def _longest_known(name: str, api: Api) -> str:
    while name and name not in api:
        name = name.rpartition(".")[0]
    return name


def find_needs(sources: Iterable[str], api: Api, signatures: Iterable[Signature]) -> Needs:
    """All that the sources need of the API, closed under what javac has to see with it."""
    sources = list(sources)
    words, needs = words_of(sources), Needs()
    waiting = list(named_classes(sources, api))
    extra = {(s.owner, s.name): type_names(s) for s in signatures}
    nested: dict[str, list[str]] = {}
    for name in api:
        if name.rpartition(".")[2] in words:
            nested.setdefault(name.rpartition(".")[0], []).append(name)
    while waiting:
        while waiting:
            name = waiting.pop()
            if name in needs.members or name not in api or name.startswith(IN_THE_JDK):
                continue
            needs.members[name] = _chosen(api[name], words)
            waiting += [*_beside(api[name], needs.members[name], api, extra), *nested.get(name, ())]
        waiting = _complete_interfaces(needs, api)
    return needs


def type_names(signature: Signature) -> list[str]:
    """The dotted type names that a line of the table spells out."""
    return [
        name
        for text in (*(signature.parameters or ()), signature.type, signature.throws)
        for name in _TYPE.findall(text)
    ]


def _chosen(api_class: ApiClass, words: set[str]) -> list[Member]:
    simple = api_class.name.rpartition(".")[2]
    chosen: dict[tuple[str, tuple[str, ...] | None], Member] = {}
    for member in api_class.members:
        if member.name == "<init>":
            wanted = simple in words and not api_class.interface
        else:
            wanted = member.name in words or (api_class.interface and member.parameters is not None)
        if wanted and member.name not in _OF_OBJECT:
            key = (member.name, None if member.parameters is None else tuple(map(erased, member.parameters)))
            chosen.setdefault(key, member)
    return list(chosen.values())


def _beside(api_class: ApiClass, members: list[Member], api: Api, extra: dict[tuple[str, str], list[str]]) -> list[str]:
    """Names of the classes that the class and its members cannot be written without."""
    texts = [api_class.extends or "", api_class.name.rpartition(".")[0]]
    for member in members:
        texts += [*(member.parameters or ()), member.type, *extra.get((api_class.name, member.name), ())]
    return [name for text in texts for name in _TYPE.findall(text) if name in api]


def _complete_interfaces(needs: Needs, api: Api) -> list[str]:
    """Let each class implement those of its interfaces that are written; return what that needs in turn."""
    more: list[str] = []
    for name, members in needs.members.items():
        wanted = [erased(i) for i in api[name].implements if erased(i) in needs.members or erased(i) in _JDK_INTERFACES]
        needs.implements[name] = wanted
        if api[name].interface:
            continue
        for interface in wanted:
            for method in _methods_of(interface, api):
                if not any(_same(method, member) for member in members):
                    members.append(method)
                    more += [n for text in (*(method.parameters or ()), method.type) for n in _TYPE.findall(text)]
    return [name for name in more if name in api and name not in needs.members]


def _methods_of(interface: str, api: Api) -> list[Member]:
    own = api[interface]
    methods = [m for m in own.members if m.parameters is not None and not m.static and m.name != "<init>"]
    inherited = [m for parent in own.implements if erased(parent) in api for m in _methods_of(erased(parent), api)]
    return [m for m in (*methods, *inherited) if m.name not in _OF_OBJECT]


def _same(first: Member, second: Member) -> bool:
    if first.name != second.name or first.parameters is None or second.parameters is None:
        return False
    return list(map(erased, first.parameters)) == list(map(erased, second.parameters))
