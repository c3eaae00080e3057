"""Which operators a `.tflite` asks for, and in which versions: an older runtime refuses a newer version.

Source: TensorFlow Lite's schema.fbs, tables Model (1 operator_codes, 2 subgraphs), SubGraph (3 operators), Operator
(0 opcode_index) and OperatorCode (0 deprecated_builtin_code, 1 custom_code, 2 version, 3 builtin_code); FlatBuffers
internals, "Format of Table and Vector".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.errors import NotAModelError


@dataclass(frozen=True)
class Operator:
    """A kind of operator that the model uses.

    Attributes
    ----------
    code : number in TFLite's schema; 32 for custom ones.
    version : least version that the runtime must know.
    custom : name of a custom operator, empty for those that TFLite brings.
    nodes : indices of the nodes of the first subgraph that are of this kind.
    """

    code: int
    version: int
    custom: str = ""
    nodes: tuple[int, ...] = ()


def read_operators(data: bytes) -> list[Operator]:
    """The operators of a `.tflite`, in the file's order.

    Raises
    ------
    NotAModelError
        The file is cut or damaged.
    """
    try:
        model = _Table.root(data)
        graphs = model.tables(2)
        uses = [node.number(0, "<I", 0) for node in graphs[0].tables(3)] if graphs else []
        return [
            Operator(
                # Codes beyond one byte have 127 in the old field and are in the new one; older files have only the old.
                code=max(code.number(0, "<b", 0), code.number(3, "<i", 0)),
                version=code.number(2, "<i", 1),
                custom=code.text(1),
                nodes=tuple(node for node, use in enumerate(uses) if use == index),
            )
            for index, code in enumerate(model.tables(1))
        ]
    except (struct.error, UnicodeDecodeError) as error:
        raise NotAModelError(f"the model's flatbuffer is cut or damaged ({error}); copy the file again") from error


def named(operators: Iterable[Operator], details: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Names and versions, sorted; names from the runtime's own list of nodes (``index`` and ``op_name`` of each).

    The runtime puts delegates behind the model's nodes, so that an index means the same node in both. An operator that
    it does not list goes by its number.
    """
    names = {detail["index"]: detail["op_name"] for detail in details}
    return sorted((_name(operator, names), operator.version) for operator in operators)


def _name(operator: Operator, names: Mapping[int, str]) -> str:
    known = (names[node] for node in operator.nodes if node in names)
    return operator.custom or next(known, f"builtin {operator.code}")


class _Table:
    """A table of a flatbuffer, read where it lies; whatever points outside is a `struct.error`."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position = data, position
        self._fields = position - self._at(position, "<i")
        self._size = self._at(self._fields, "<H")

    @classmethod
    def root(cls, data: bytes) -> _Table:
        return cls(data, cls._read(data, 0, "<I"))

    def number(self, field: int, form: str, default: int) -> int:
        place = self._place(field)
        return default if place is None else self._at(place, form)

    def text(self, field: int) -> str:
        place = self._place(field)
        if place is None:
            return ""
        start, length = self._vector(place)
        return self._data[start : start + length].decode()

    def tables(self, field: int) -> list[_Table]:
        place = self._place(field)
        if place is None:
            return []
        start, length = self._vector(place)
        entries = range(start, start + 4 * length, 4)
        return [_Table(self._data, entry + self._at(entry, "<I")) for entry in entries]

    def _place(self, field: int) -> int | None:
        slot = 4 + 2 * field
        offset = self._at(self._fields + slot, "<H") if slot < self._size else 0
        return self._position + offset if offset else None

    def _vector(self, place: int) -> tuple[int, int]:
        start = place + self._at(place, "<I")
        length = self._at(start, "<I")
        if length > len(self._data):
            raise struct.error(f"a vector of {length} elements in {len(self._data)} bytes")
        return start + 4, length

    def _at(self, place: int, form: str) -> int:
        return self._read(self._data, place, form)

    @staticmethod
    def _read(data: bytes, place: int, form: str) -> int:
        if place < 0:
            raise struct.error(f"a position before the beginning ({place})")
        return int(struct.unpack_from(form, data, place)[0])
