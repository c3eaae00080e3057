"""Look up every member of the API that compiled classes use, and compare its level with the guard around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from android_check.classfile import Instruction, JavaClass, Method, Reference
from android_check.guards import levels_of
from android_check.lookup import FROM_THE_REFERENCE, ApiLookup, shown


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong; ``where`` is source file, line and method."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class LevelCheck:
    """Check the classes of one app.

    Parameters
    ----------
    classes : all of the app's, compiled against the stubs.
    lookup : the API.
    min_sdk : the least level that the app runs on.
    apart : prefixes, with slashes, of libraries that are no part of the API.
    """

    def __init__(
        self,
        classes: Iterable[JavaClass],
        lookup: ApiLookup,
        min_sdk: int,
        apart: tuple[str, ...] = (),
    ) -> None:
        self._own = {java_class.name: java_class for java_class in classes}
        self._lookup, self._min_sdk, self._apart = lookup, min_sdk, apart
        self._findings: set[Finding] = set()
        self._lambdas: dict[tuple[str, str], int] = {}
        self._lambdas_before: dict[tuple[str, str], int] = {}

    def run(self) -> list[Finding]:
        """All findings, in order of place."""
        # A lambda's body is a method of its own, which runs at the level of the place that makes it: go over the code
        # until those are known, one level of nesting at a time.
        while True:
            self._findings.clear()
            self._lambdas_before, self._lambdas = self._lambdas, {}
            for java_class in self._own.values():
                self._check_class(java_class)
            if self._lambdas == self._lambdas_before:
                return sorted(self._findings)

    def _check_class(self, java_class: JavaClass) -> None:
        least = max(self._min_sdk, self._requires(java_class))
        where = f"{java_class.source}: class {java_class.name.rpartition('/')[2]}"
        for parent in (java_class.parent, *java_class.interfaces):
            self._check_use(Reference(parent), least, where)
        for method in java_class.methods:
            self._check_override(java_class, method)
            self._check_method(java_class, method, least)

    def _check_method(self, java_class: JavaClass, method: Method, least: int) -> None:
        start = max(least, method.requires, self._lambdas_before.get((java_class.name, method.name), 0))
        levels = levels_of(method, start, self._lookup.constant)
        for _, _, handler, caught in method.handlers:
            if caught and handler in levels:
                self._check_use(Reference(caught), levels[handler], self._place(java_class, method, handler))
        for instruction in method.instructions:
            if instruction.offset in levels:
                self._check_instruction(java_class, method, instruction, levels[instruction.offset])

    def _check_override(self, owner: JavaClass, method: Method) -> None:
        """A method that overrides one of the API must have the Java types of that, which only the table may tell."""
        if method.name == "<init>" or method.synthetic:
            return
        for parent in (owner.parent, *owner.interfaces):
            found = (
                self._lookup.level(Reference(parent, method.name, method.descriptor)) if parent not in self._own else 0
            )
            if isinstance(found, str) and found.endswith(FROM_THE_REFERENCE):
                where = f"{owner.source}:{method.line(0)} in {method.name}"
                self._findings.add(Finding(where, found))

    def _check_instruction(self, owner: JavaClass, method: Method, instruction: Instruction, level: int) -> None:
        for reference in instruction.references:
            target = self._own.get(reference.owner)
            body = next((m for m in target.methods if m.name == reference.name), None) if target else None
            if body is not None and body.synthetic and body.name.startswith("lambda$"):
                key = (reference.owner, reference.name)
                self._lambdas[key] = min(self._lambdas.get(key, 1 << 30), level)
                continue
            self._check_use(reference, level, self._place(owner, method, instruction.offset))

    def _place(self, owner: JavaClass, method: Method, offset: int) -> str:
        return f"{owner.source}:{method.line(offset)} in {method.name}"

    def _check_use(self, reference: Reference, level: int, where: str) -> None:
        found = self._level(reference)
        if isinstance(found, str):
            self._findings.add(Finding(where, found))
        elif found > level:
            what = shown(reference)
            self._findings.add(
                Finding(
                    where,
                    f"{what} came with API level {found}, and here the level may be {level}: "
                    f"put it inside `if (Build.VERSION.SDK_INT >= {found})`",
                )
            )

    def _level(self, reference: Reference) -> int | str:
        """The level that a class or member needs, or what is wrong with it."""
        if reference.owner.startswith("[") or reference.owner.startswith(self._apart or ("\0",)):
            return 0
        own = self._own.get(reference.owner)
        if own is None:
            return self._lookup.level(reference)
        if not reference.name:
            return self._requires(own)
        for method in own.methods:
            if (method.name, method.descriptor) == (reference.name, reference.descriptor):
                return max(self._requires(own), method.requires)
        if not reference.descriptor.startswith("(") and reference.name in own.fields:
            return self._requires(own)
        # Inherited: the first ancestor that knows it.
        tries = [
            self._level(Reference(parent, reference.name, reference.descriptor))
            for parent in (own.parent, *own.interfaces)
        ]
        known = [found for found in tries if isinstance(found, int)]
        return max(self._requires(own), min(known)) if known else tries[0]

    def _requires(self, own: JavaClass) -> int:
        outer = own.name.rpartition("$")[0]
        return max(own.requires, self._requires(self._own[outer]) if outer in self._own else 0)
