"""Write Java stubs of the API: enough for javac to check the app's sources, with nothing inside the methods.

Constants are calls of a method, so that javac does not copy their value: the compiled app still names every constant
it uses, and `levels.py` sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from android_check.declarations import Api, ApiClass, Member
from android_check.java_types import can_be, erased, java_type
from android_check.needs import Needs, find_needs
from android_check.signatures import Signature, by_member

SUPPORT = {
    "stubs/Chain.java": "package stubs;\npublic final class Chain { private Chain() {} }\n",
    "stubs/Constant.java": "package stubs;\npublic final class Constant {\n  private Constant() {}\n"
    + "".join(
        f"  public static {kind} of({kind} value) {{ return value; }}\n"
        for kind in ("int", "long", "double", "boolean", "String")
    )
    + "}\n",
}
"""Chain marks the constructor through which stubs reach the one above; see `_constructor`."""
_NUMBERS = {"byte", "short", "int", "long", "float", "double", "char"}
_RESERVED = {"wait", "notify", "notifyAll", "getClass"}


def write_stubs(folder: Path, sources: Iterable[str], api: Api, signatures: Iterable[Signature]) -> Needs:
    """Write the stubs that ``sources`` need below ``folder``, and return what they are."""
    signatures = list(signatures)
    needs = find_needs(sources, api, signatures)
    writer = _Writer(needs, api, by_member(signatures))
    for name in needs.members:
        if name.rpartition(".")[0] not in needs.members:
            package = name.rpartition(".")[0]
            text = f'package {package};\n\n@SuppressWarnings("all")\n{writer.write_class(name, "")}'
            _write(folder / f"{name.replace('.', '/')}.java", text)
    for path, text in SUPPORT.items():
        _write(folder / path, text)
    return needs


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


class _Writer:
    def __init__(self, needs: Needs, api: Api, table: dict[tuple[str, str], list[Signature]]) -> None:
        self._needs, self._api, self._table = needs, api, table

    def write_class(self, name: str, indent: str) -> str:
        own = self._api[name]
        inner = indent + "  "
        lines = [indent + self._header(own, nested=bool(indent))]
        if not own.interface:
            up = "super((stubs.Chain) null);" if self._has_stub_above(own) else "super();"
            lines.append(f"{inner}protected {self._simple(own)}(stubs.Chain chain) {{ {up} }}")
        for member in self._needs.members[name]:
            # One declaration with a number stands for several methods, of int, of long …
            said: list[Signature | None] = [s for s in self._table.get((name, member.name), ()) if s.fits(member)]
            lines += [inner + self._member(own, member, signature) for signature in said or [None]]
        for nested in self._needs.members:
            if nested.rpartition(".")[0] == name:
                lines.append(self.write_class(nested, inner))
        return "\n".join([*dict.fromkeys(line for line in lines if line.strip()), indent + "}\n"])

    def _header(self, own: ApiClass, *, nested: bool) -> str:
        variables = f"<{', '.join(own.parameters)}>" if own.parameters else ""
        interfaces = ", ".join(self._needs.implements.get(own.name, ()))
        static = "static " if nested else ""
        if own.interface:
            extends = f" extends {interfaces}" if interfaces else ""
            return f"public {static}interface {self._simple(own)}{variables}{extends} {{"
        parent = erased(own.extends or "java.lang.Object")
        parent = parent if parent in self._api else "java.lang.Object"
        implements = f" implements {interfaces}" if interfaces else ""
        return (
            f"public {static}{'abstract ' if own.abstract else ''}class {self._simple(own)}{variables} "
            f"extends {parent}{implements} {{"
        )

    def _simple(self, own: ApiClass) -> str:
        return own.name.rpartition(".")[2]

    def _has_stub_above(self, own: ApiClass) -> bool:
        return erased(own.extends or "") in self._needs.members

    def _member(self, own: ApiClass, member: Member, signature: Signature | None) -> str:
        if member.parameters is None:
            return self._field(own, member, signature)
        types = [self._type(own, given, java) for given, java in self._pairs(member, signature)]
        inside = ", ".join(f"{kind} p{index}" for index, kind in enumerate(types))
        throws = f" throws {signature.throws}" if signature and signature.throws else ""
        if member.name == "<init>":
            up = "super((stubs.Chain) null);" if self._has_stub_above(own) else "super();"
            return f"public {self._simple(own)}({inside}){throws} {{ {up} }}"
        if member.name in _RESERVED and not types:
            return ""
        if not member.static and self._declared_above(own, member):
            return ""
        result = self._type(own, member.type, signature.type if signature else None)
        modifiers = signature.modifiers if signature else frozenset()
        variables = f"<{signature.variables}> " if signature and signature.variables else ""
        return self._method(own, member, modifiers, f"{variables}{result} {member.name}({inside}){throws}", result)

    def _method(self, own: ApiClass, member: Member, modifiers: frozenset[str], text: str, result: str) -> str:
        body = " {}" if result == "void" else f" {{ return {_nothing(result)}; }}"
        if own.interface:
            kind = "static " if member.static else "default " if "default" in modifiers else ""
            return f"{kind}{text}{body if kind else ';'}"
        if "abstract" in modifiers:
            return f"public abstract {text};"
        access = "protected" if "protected" in modifiers else "public"
        return f"{access} {'static ' if member.static else ''}{text}{body}"

    def _pairs(self, member: Member, signature: Signature | None) -> list[tuple[str, str | None]]:
        given = member.parameters or ()
        said: tuple[str | None, ...] = (signature.parameters or ()) if signature else (None,) * len(given)
        return list(zip(given, said, strict=True))

    def _type(self, own: ApiClass, given: str, said: str | None) -> str:
        """The type as the table says it, with simple names completed from the declaration, or as the latter has it."""
        default = java_type(given, own.parameters)
        if said is None or re.match(r"[a-z]\w*\.\w", said):
            return said or default
        base, _, arguments = said.partition("<")
        bare = base.replace("...", "").replace("[]", "")
        if re.match(r"[A-Z]", bare) and "." in erased(default) and can_be(given, said):
            full = erased(default).replace("[]", "")
            return full + said[len(bare) :] if full.endswith(f".{bare}") else said
        return said if not arguments else f"{base}<{arguments}"

    def _field(self, own: ApiClass, member: Member, signature: Signature | None) -> str:
        kind = self._type(own, member.type, signature.type if signature else None)
        if not member.static:
            return f"public {kind} {member.name};"
        literal = re.fullmatch(r'-?\d+|-?[\d.]+(e[-+]?\d+)?|".*"|true|false', member.type)
        primitive = kind in _NUMBERS or kind == "boolean"
        if not literal and not primitive:
            return f"public static final {kind} {member.name} = null;"
        value = f"{member.type}{'L' if kind == 'long' else ''}" if literal else _nothing(kind)
        cast = f"({kind}) " if kind in _NUMBERS else ""
        # Never a constant expression: javac would fold `SDK_INT >= 29` and drop the code behind it.
        return f"public static final {kind} {member.name} = {cast}stubs.Constant.of({value});"

    def _declared_above(self, own: ApiClass, member: Member) -> bool:
        """Whether a stub above has the same method, which is then enough and cannot clash."""
        mine = [java_type(erased(p)) for p in member.parameters or ()]
        parent = erased(own.extends or "")
        while parent in self._needs.members:
            for other in self._needs.members[parent]:
                if other.name == member.name and other.parameters is not None:
                    theirs = [java_type(erased(p)) for p in other.parameters]
                    if theirs == mine:
                        return not self._is_abstract(parent, other) and not self._table.get((own.name, member.name))
            parent = erased(self._api[parent].extends or "")
        return False

    def _is_abstract(self, owner: str, member: Member) -> bool:
        return any("abstract" in s.modifiers and s.fits(member) for s in self._table.get((owner, member.name), ()))


def _nothing(kind: str) -> str:
    if kind == "boolean":
        return "false"
    return f"({kind}) 0" if kind in _NUMBERS else "null"
