"""Read the TypeScript declarations of the Android API: classes, members, and the API level each came with.

The file is generated and regular, one declaration a line, so it is read line by line. What it lacks, by design of its
generator: whether a ``number`` is an int, a long, a float or a double; protected, final and abstract; checked
exceptions; type parameters of methods. `signatures.py` has those for the members that the app uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Member:
    """A field, method or constructor (``name`` is then ``<init>``).

    Attributes
    ----------
    parameters : TypeScript types; None for a field.
    type : TypeScript type of the field or of the result; for a constant, its literal.
    since : API level, 0 where it was there at level 21 or the declarations do not say.
    """

    name: str
    parameters: tuple[str, ...] | None
    type: str
    since: int = 0
    static: bool = False


@dataclass
class ApiClass:
    """A class or interface, by its dotted name."""

    name: str
    since: int = 0
    abstract: bool = False
    interface: bool = False
    parameters: tuple[str, ...] = ()
    extends: str | None = None
    implements: tuple[str, ...] = ()
    members: list[Member] = field(default_factory=list)


Api = dict[str, ApiClass]

_MODULE = re.compile(r"(?:declare|export) module ([\w.$]+) \{")
_CLASS = re.compile(r"export (abstract )?class (\w+)(?:<([\w, ]+)>)?\s*(.*)\{$")
_SINCE = re.compile(r"@since (\d+)")
_METHOD = re.compile(r'public (static )?"?([\w$]+)"?\((.*)\): (.+);$')
_CONSTRUCTOR = re.compile(r"public constructor\((.*)\);$")
_FIELD = re.compile(r"public (static )?([\w$]+): (.+);$")
_COMMENT = re.compile(r"/\*.*?\*/")


def parse_declarations(lines: Iterable[str]) -> Api:
    """Parse the whole file; classes are keyed by dotted name, nested ones as ``android.os.Build.VERSION``."""
    parser = _Parser()
    for line in lines:
        parser.read(line.strip())
    return parser.api


class _Parser:
    def __init__(self) -> None:
        self.api: Api = {}
        self._modules: list[str] = []
        self._current: ApiClass | None = None
        self._since = 0
        self._in_implementation = False

    def read(self, line: str) -> None:
        """Take the next line, without the space around it."""
        if line.startswith(("/*", "*", "//")):
            if found := _SINCE.search(line):
                self._since = int(found[1])
        elif self._in_implementation:
            self._in_implementation = line != "});"
        elif line:
            self._declaration(line)
            self._since = 0

    def _declaration(self, line: str) -> None:
        if match := _MODULE.match(line):
            self._modules.append(match[1])
        elif match := _CLASS.match(line):
            name = ".".join([*self._modules, match[2]])
            # A merged file may name a class twice; the later one adds to the first.
            self._current = self.api.setdefault(name, _class(name, match, self._since))
            self._modules.append("")
        elif line == "}":
            self._modules.pop()
            self._current = None
        elif self._current is not None and line.startswith("public constructor(implementation: {"):
            self._in_implementation = self._current.interface = True
        elif self._current is not None and (member := _member(line, self._since)):
            self._current.members.append(member)


def _class(name: str, match: re.Match[str], since: int) -> ApiClass:
    parents = _COMMENT.sub("", match[4]).strip()
    extends, _, implements = parents.partition("implements ")
    return ApiClass(
        name,
        since,
        abstract=bool(match[1]),
        parameters=tuple(part.strip() for part in (match[3] or "").split(",") if part.strip()),
        extends=extends.strip().removeprefix("extends ").strip() or None,
        implements=tuple(split_types(implements)),
    )


def _member(line: str, since: int) -> Member | None:
    line = _COMMENT.sub("", line).replace(" ;", ";")
    if match := _CONSTRUCTOR.match(line):
        return Member("<init>", _parameters(match[1]), "void", since)
    if match := _METHOD.match(line):
        return Member(match[2], _parameters(match[3]), _plain(match[4]), since, bool(match[1]))
    match = _FIELD.match(line)
    if match and match[2] != "class":
        return Member(match[2], None, _plain(match[3]), since, bool(match[1]))
    return None


def _parameters(text: str) -> tuple[str, ...]:
    return tuple(_plain(part.partition(":")[2]) for part in split_types(text))


def _plain(text: str) -> str:
    return text.strip() if text.strip().startswith('"') else text.replace("| null", "").strip()


def split_types(text: str) -> list[str]:
    """Split at the commas that are not inside angle brackets or parentheses."""
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(text):
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and not depth:
            parts.append(text[start:index])
            start = index + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def api_to_json(api: Api) -> list[Any]:
    """A compact form for the cache."""
    return [
        (c.name, c.since, c.abstract, c.interface, c.parameters, c.extends, c.implements, _members_to_json(c))
        for c in api.values()
    ]


def _members_to_json(api_class: ApiClass) -> list[Any]:
    return [(m.name, m.parameters, m.type, m.since, m.static) for m in api_class.members]


def api_from_json(data: list[Any]) -> Api:
    """The inverse of `api_to_json`."""
    api = {}
    for name, since, abstract, interface, parameters, extends, implements, members in data:
        read = [Member(m[0], None if m[1] is None else tuple(m[1]), m[2], m[3], m[4]) for m in members]
        api[name] = ApiClass(name, since, abstract, interface, tuple(parameters), extends, tuple(implements), read)
    return api
