"""How long each instruction of the Java virtual machine is, and where it may jump.

Opcodes are those of chapter 6 of the Java Virtual Machine Specification.
"""

from __future__ import annotations

import struct

BIPUSH, SIPUSH, LDC, LDC_W = 16, 17, 18, 19
GETSTATIC, INVOKEINTERFACE, INVOKEDYNAMIC = 178, 185, 186
NEW, ANEWARRAY, CHECKCAST, INSTANCEOF, MULTIANEWARRAY = 187, 189, 192, 193, 197
MEMBERS = range(GETSTATIC, INVOKEDYNAMIC)
"""Instructions that name a field or a method."""
CLASSES = (NEW, ANEWARRAY, CHECKCAST, INSTANCEOF, MULTIANEWARRAY)
"""Instructions that name a class."""
_GOTO, _RET, _TABLESWITCH, _LOOKUPSWITCH, _ATHROW, _WIDE, _GOTO_W, _JSR_W = 167, 169, 170, 171, 191, 196, 200, 201
_IINC, _IFNULL, _IFNONNULL = 132, 198, 199
_RETURNS = range(172, 178)
_JUMPS = {*range(153, 169), _IFNULL, _IFNONNULL}
_LEAVING = {_GOTO, _GOTO_W, _RET, _TABLESWITCH, _LOOKUPSWITCH, _ATHROW, *_RETURNS}
_TWO_BYTES = {BIPUSH, LDC, *range(21, 26), *range(54, 59), _RET, 188}
_THREE_BYTES = {
    SIPUSH,
    LDC_W,
    20,
    _IINC,
    *_JUMPS,
    *range(GETSTATIC, INVOKEINTERFACE),
    NEW,
    ANEWARRAY,
    CHECKCAST,
    INSTANCEOF,
}
_FIVE_BYTES = {INVOKEINTERFACE, INVOKEDYNAMIC, _GOTO_W, _JSR_W}


def size_of(code: bytes, offset: int) -> int:
    """Bytes of the instruction at ``offset``."""
    opcode = code[offset]
    if opcode in (_TABLESWITCH, _LOOKUPSWITCH):
        # Aligned to four bytes: default, then low, high and the jumps, or a count and pairs of value and jump.
        start = (offset + 4) & ~3
        _, first, second = _integers(code, start, 3)
        words = 3 + second - first + 1 if opcode == _TABLESWITCH else 2 + 2 * first
        return start + 4 * words - offset
    if opcode == _WIDE:
        return 6 if code[offset + 1] == _IINC else 4
    if opcode == MULTIANEWARRAY:
        return 4
    return 5 if opcode in _FIVE_BYTES else 3 if opcode in _THREE_BYTES else 2 if opcode in _TWO_BYTES else 1


def targets_of(code: bytes, offset: int) -> tuple[int, ...]:
    """Offsets that the instruction at ``offset`` may jump to."""
    opcode = code[offset]
    if opcode in _JUMPS:
        return (offset + int.from_bytes(code[offset + 1 : offset + 3], "big", signed=True),)
    if opcode in (_GOTO_W, _JSR_W):
        return (offset + _integers(code, offset + 1, 1)[0],)
    if opcode not in (_TABLESWITCH, _LOOKUPSWITCH):
        return ()
    start = (offset + 4) & ~3
    words = _integers(code, start, (offset + size_of(code, offset) - start) // 4)
    jumps = (words[0], *words[3:]) if opcode == _TABLESWITCH else (words[0], *words[3::2])
    return tuple(offset + jump for jump in jumps)


def falls_through(opcode: int) -> bool:
    """Whether the next instruction may follow."""
    return opcode not in _LEAVING


def _integers(code: bytes, offset: int, count: int) -> tuple[int, ...]:
    # The last lookupswitch of a method may end before its second word would: it is not needed then.
    padded = code[offset : offset + 4 * count].ljust(4 * count, b"\0")
    return struct.unpack(f">{count}i", padded)
