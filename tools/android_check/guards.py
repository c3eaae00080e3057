"""At which API level, at least, each instruction of a method runs, given the checks of SDK_INT on every way to it.

A check is ``Build.VERSION.SDK_INT`` compared with a number or a constant of ``Build.VERSION_CODES``, in place: one
whose result is kept in a variable or a method of its own is not followed.
"""

from __future__ import annotations

from collections.abc import Callable

from android_check.bytecode import GETSTATIC
from android_check.classfile import Instruction, Method, Reference

SDK_INT = Reference("android/os/Build$VERSION", "SDK_INT", "I")
# if_icmp… by opcode: what holds where the jump is taken, with the level on the left.
_COMPARISONS = {159: "==", 160: "!=", 161: "<", 162: ">=", 163: ">", 164: "<="}
_MIRRORED = {"<": ">", ">": "<", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}

ConstantOf = Callable[[Reference], int | None]


def levels_of(method: Method, level: int, constant_of: ConstantOf) -> dict[int, int]:
    """The least level at each reachable offset.

    Parameters
    ----------
    level : that of the method's start.
    constant_of : the value of a static field, None where it is no constant.
    """
    order = method.instructions
    following = {order[i].offset: order[i + 1].offset for i in range(len(order) - 1)}
    raised = {
        order[i].offset: found
        for i in range(2, len(order))
        if (found := _comparison(order[i - 2], order[i - 1], order[i], constant_of))
    }
    at: dict[int, int] = {}
    by_offset = {instruction.offset: instruction for instruction in order}
    waiting = [(order[0].offset, level)] if order else []
    while waiting:
        offset, least = waiting.pop()
        if at.get(offset, 1 << 30) <= least:
            continue
        at[offset] = least
        instruction = by_offset[offset]
        taken, fallen = raised.get(offset, (0, 0))
        waiting += [(target, max(least, taken)) for target in instruction.targets]
        if instruction.falls_through and offset in following:
            waiting.append((following[offset], max(least, fallen)))
        waiting += [(handler, least) for start, end, handler, _ in method.handlers if start <= offset < end]
    return at


def _comparison(
    first: Instruction, second: Instruction, jump: Instruction, constant_of: ConstantOf
) -> tuple[int, int] | None:
    """Levels that are known where a jump on SDK_INT is taken, and where it is not."""
    relation = _COMPARISONS.get(jump.opcode)
    if relation is None:
        return None
    left, right = _pushed(first, constant_of), _pushed(second, constant_of)
    if left == SDK_INT and isinstance(right, int):
        value = right
    elif right == SDK_INT and isinstance(left, int):
        relation, value = _MIRRORED[relation], left
    else:
        return None
    return _least(relation, value), _least(_OPPOSITE[relation], value)


def _pushed(instruction: Instruction, constant_of: ConstantOf) -> Reference | int | None:
    if instruction.constant is not None:
        return instruction.constant
    if instruction.opcode != GETSTATIC:
        return None
    (reference,) = instruction.references
    return SDK_INT if reference == SDK_INT else constant_of(reference)


def _least(relation: str, value: int) -> int:
    return {">=": value, ">": value + 1, "==": value}.get(relation, 0)
