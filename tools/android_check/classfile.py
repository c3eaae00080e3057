"""Read compiled Java classes: their members, what each instruction names, and where it may go on.

The format is chapter 4 of the Java Virtual Machine Specification. Only what the API check asks is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from android_check.bytecode import (
    BIPUSH,
    CLASSES,
    INVOKEDYNAMIC,
    LDC,
    LDC_W,
    MEMBERS,
    SIPUSH,
    falls_through,
    size_of,
    targets_of,
)
from android_check.errors import CheckError

_MAGIC = 0xCAFEBABE
_UTF8, _INTEGER, _LONG, _DOUBLE, _CLASS, _METHOD_HANDLE = 1, 3, 5, 6, 7, 15
_CONSTANTS = {3: ">i", 4: ">f", 5: ">q", 6: ">d", 7: ">H", 8: ">H", 9: ">HH", 10: ">HH", 11: ">HH", 12: ">HH",
              15: ">BH", 16: ">H", 17: ">HH", 18: ">HH", 19: ">H", 20: ">H"}  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """What an instruction names: a member (with descriptor), or a class alone; ``owner`` has slashes and dollars."""

    owner: str
    name: str = ""
    descriptor: str = ""


@dataclass(frozen=True)
class Instruction:
    """One instruction of a method.

    Attributes
    ----------
    references : what it names; for an invokedynamic, the methods that its lambda or method reference stands for.
    constant : the int that it pushes, if it pushes one.
    targets : offsets it may jump to.
    falls_through : whether the next instruction may follow.
    """

    offset: int
    opcode: int
    references: tuple[Reference, ...] = ()
    constant: int | None = None
    targets: tuple[int, ...] = ()
    falls_through: bool = True


@dataclass
class Method:
    """A method with its code; ``requires`` is the level of its `@RequiresApi`, 0 without one."""

    name: str
    descriptor: str
    requires: int = 0
    synthetic: bool = False
    instructions: list[Instruction] = field(default_factory=list)
    handlers: list[tuple[int, int, int, str]] = field(default_factory=list)
    """Start, end (excluded) and handler of each exception table entry, and the class it catches."""
    line_numbers: list[tuple[int, int]] = field(default_factory=list)

    def line(self, offset: int) -> int:
        """The source line of an instruction, 0 where it is not known."""
        return max(((start, line) for start, line in self.line_numbers if start <= offset), default=(0, 0))[1]


@dataclass
class JavaClass:
    """A compiled class; names have slashes and dollars."""

    name: str
    parent: str
    interfaces: tuple[str, ...]
    source: str = ""
    requires: int = 0
    fields: set[str] = field(default_factory=set)
    methods: list[Method] = field(default_factory=list)


def read_class(path: Path, requires_api: str) -> JavaClass:
    """Read a class file.

    Parameters
    ----------
    requires_api : descriptor of the annotation that states a level, as ``Lorg/example/RequiresApi;``.

    Raises
    ------
    CheckError
        No class file.
    """
    data = path.read_bytes()
    if data[:4] != _MAGIC.to_bytes(4, "big"):
        raise CheckError(f"{path}: expected a compiled Java class")
    return _Reader(data, requires_api).read()


class _Reader:
    def __init__(self, data: bytes, requires_api: str) -> None:
        self._data, self._at, self._requires_api = data, 8, requires_api
        self._pool: dict[int, tuple[Any, ...]] = {}
        self._bootstraps: list[tuple[int, ...]] = []

    def read(self) -> JavaClass:
        self._read_pool()
        _, own, parent, count = self._take(">HHHH")
        interfaces = tuple(self._class(index) for index in self._take(f">{count}H"))
        result = JavaClass(self._class(own), self._class(parent) if parent else "", interfaces)
        for _ in range(self._take(">H")[0]):
            _, name, _ = self._take(">HHH")
            result.fields.add(self._text(name))
            list(self._attributes())
        bodies = []
        for _ in range(self._take(">H")[0]):
            access, name, descriptor = self._take(">HHH")
            method = Method(self._text(name), self._text(descriptor), synthetic=bool(access & 0x1000))
            for kind, body in self._attributes():
                if kind == "Code":
                    bodies.append((method, body))
                method.requires = max(method.requires, self._level(kind, body))
            result.methods.append(method)
        for kind, body in self._attributes():
            result.requires = max(result.requires, self._level(kind, body))
            if kind == "SourceFile":
                result.source = self._text(struct.unpack(">H", body)[0])
            elif kind == "BootstrapMethods":
                self._bootstraps = _bootstraps(body)
        for method, body in bodies:
            self._code(method, body)
        return result

    def _take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return values

    def _read_pool(self) -> None:
        count, index = self._take(">H")[0], 1
        while index < count:
            (tag,) = self._take(">B")
            if tag == _UTF8:
                (length,) = self._take(">H")
                text = self._data[self._at : self._at + length].decode("utf-8", "surrogatepass")
                self._at += length
                self._pool[index] = (tag, text)
            else:
                self._pool[index] = (tag, *self._take(_CONSTANTS[tag]))
            index += 2 if tag in (_LONG, _DOUBLE) else 1

    def _attributes(self) -> Iterator[tuple[str, bytes]]:
        for _ in range(self._take(">H")[0]):
            name, length = self._take(">HI")
            body = self._data[self._at : self._at + length]
            self._at += length
            yield self._text(name), body

    def _text(self, index: int) -> str:
        return str(self._pool[index][1])

    def _class(self, index: int) -> str:
        return self._text(self._pool[index][1])

    def _reference(self, index: int) -> Reference:
        _, owner, name_and_type = self._pool[index]
        _, name, descriptor = self._pool[name_and_type]
        return Reference(self._class(owner), self._text(name), self._text(descriptor))

    def _level(self, kind: str, body: bytes) -> int:
        """The level that our annotation states, among those of a ``Runtime…Annotations`` attribute; 0 without it."""
        if kind not in ("RuntimeInvisibleAnnotations", "RuntimeVisibleAnnotations"):
            return 0
        # num_annotations, then for ours: type, one pair, its name, the tag 'I', the constant.
        for at in range(2, len(body) - 8):
            type_index, pairs, _, tag, value = struct.unpack_from(">HHHBH", body, at)
            if pairs == 1 and tag == ord("I") and self._pool.get(type_index) == (_UTF8, self._requires_api):
                return int(self._pool[value][1])
        return 0

    def _code(self, method: Method, body: bytes) -> None:
        (length,) = struct.unpack_from(">I", body, 4)
        code = body[8 : 8 + length]
        offset = 0
        while offset < length:
            method.instructions.append(self._instruction(code, offset))
            offset += size_of(code, offset)
        saved, self._data, self._at = (self._data, self._at), body, 8 + length
        for _ in range(self._take(">H")[0]):
            start, end, handler, caught = self._take(">HHHH")
            method.handlers.append((start, end, handler, self._class(caught) if caught else ""))
        for kind, table in self._attributes():
            if kind == "LineNumberTable":
                pairs = struct.unpack(f">{(len(table) - 2) // 2}H", table[2:])
                method.line_numbers += list(zip(pairs[::2], pairs[1::2], strict=True))
        self._data, self._at = saved

    def _instruction(self, code: bytes, offset: int) -> Instruction:
        opcode = code[offset]
        index = int.from_bytes(code[offset + 1 : offset + (2 if opcode == LDC else 3)], "big")
        references: tuple[Reference, ...] = ()
        if opcode in MEMBERS:
            references = (self._reference(index),)
        elif opcode in CLASSES:
            references = (Reference(self._class(index)),)
        elif opcode == INVOKEDYNAMIC:
            references = self._lambda(index)
        elif opcode in (LDC, LDC_W) and self._pool[index][0] == _CLASS:
            references = (Reference(self._class(index)),)
        targets = targets_of(code, offset)
        return Instruction(offset, opcode, references, self._pushed(code, offset), targets, falls_through(opcode))

    def _pushed(self, code: bytes, offset: int) -> int | None:
        opcode = code[offset]
        if 2 <= opcode <= 8:
            return opcode - 3
        if opcode in (BIPUSH, SIPUSH):
            return int.from_bytes(code[offset + 1 : offset + (2 if opcode == BIPUSH else 3)], "big", signed=True)
        if opcode in (LDC, LDC_W):
            found = self._pool[int.from_bytes(code[offset + 1 : offset + (2 if opcode == LDC else 3)], "big")]
            return int(found[1]) if found[0] == _INTEGER else None
        return None

    def _lambda(self, index: int) -> tuple[Reference, ...]:
        bootstrap = self._bootstraps[self._pool[index][1]]
        handles = (self._pool[argument] for argument in bootstrap if self._pool[argument][0] == _METHOD_HANDLE)
        return tuple(self._reference(handle[2]) for handle in handles)


def _bootstraps(body: bytes) -> list[tuple[int, ...]]:
    found, at = [], 2
    for _ in range(struct.unpack_from(">H", body)[0]):
        _, count = struct.unpack_from(">HH", body, at)
        found.append(struct.unpack_from(f">{count}H", body, at + 4))
        at += 4 + 2 * count
    return found
