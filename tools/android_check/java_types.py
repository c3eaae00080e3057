"""TypeScript types of the declarations, as Java types and against descriptors of compiled classes.

TypeScript has one ``number`` for six Java types and one ``string`` for String, CharSequence and char, and the
declarations say ``any`` for every type that their generator did not resolve. So a comparison says whether the two can
be the same, never more.
"""

from __future__ import annotations

import re

from android_check.declarations import split_types

_NUMBERS = {"byte", "short", "int", "long", "float", "double", "char"}
_STRINGS = {"String", "java.lang.String", "CharSequence", "java.lang.CharSequence", "char"}
_PLAIN = {
    "number": "int", "string": "String", "any": "Object", "boolean": "boolean", "void": "void",
    "true": "boolean", "false": "boolean",
}  # fmt: skip
_CAN_BE = {
    "number": _NUMBERS,
    "string": _STRINGS,
    **{name: {_PLAIN[name]} for name in ("boolean", "true", "false", "void")},
}
_FRACTION = re.compile(r"-?[\d.]+(e[-+]?\d+)?")
_ARRAY = re.compile(r"androidNative\.Array<(.*)>$")
_DESCRIPTOR = re.compile(r"\[*(?:[BCDFIJSZV]|L[^;]+;)")
_PRIMITIVES = {
    "B": "byte", "C": "char", "D": "double", "F": "float", "I": "int", "J": "long", "S": "short", "Z": "boolean",
    "V": "void",
}  # fmt: skip


def is_vague(type_: str) -> bool:
    """Whether TypeScript's type leaves the Java type open, so that `signatures.py` must say it."""
    inner = _ARRAY.match(type_)
    return is_vague(inner[1]) if inner else type_ in ("number", "any")


def java_type(type_: str, variables: tuple[str, ...] = ()) -> str:
    """The Java type that stands for a TypeScript type: ``number`` is taken as int, ``any`` as Object.

    Parameters
    ----------
    variables : type parameters of the class, which keep their name.
    """
    if inner := _ARRAY.match(type_):
        return f"{java_type(inner[1], variables)}[]"
    if plain := _PLAIN.get(type_) or _of_literal(type_):
        return plain
    name, _, arguments = type_.partition("<")
    if not arguments:
        return name if "." in name or name in variables else "Object"
    boxed = (_argument(part, variables) for part in split_types(arguments.removesuffix(">")))
    return f"{name}<{', '.join(boxed)}>"


def _of_literal(type_: str) -> str | None:
    """The Java type of a constant, whose TypeScript type is its value; None for no constant."""
    if re.fullmatch(r"-?\d+", type_):
        return "int" if -(2**31) <= int(type_) < 2**31 else "long"
    if type_.startswith('"'):
        return "String"
    # `typeof NaN` and `typeof Infinity` are constants that TypeScript cannot write.
    return "double" if _FRACTION.fullmatch(type_) or type_.startswith("typeof ") else None


def _argument(type_: str, variables: tuple[str, ...]) -> str:
    java = java_type(type_, variables)
    return {"int": "?", "Object": "?", "boolean": "Boolean", "void": "Void"}.get(java, java)


def erased(type_: str) -> str:
    """A type without its type arguments, TypeScript's or Java's."""
    inner = _ARRAY.match(type_)
    return f"{erased(inner[1])}[]" if inner else re.sub(r"<.*>", "", type_)


def can_be(type_: str, java: str) -> bool:
    """Whether TypeScript's ``type_`` can be Java's ``java``: a primitive, ``X[]``, a simple or a dotted name."""
    java = re.sub(r"<.*>", "", java).replace("...", "[]")
    inner = _ARRAY.match(type_)
    if type_ != "any" and (inner or java.endswith("[]")):
        return inner is not None and java.endswith("[]") and can_be(inner[1], java[:-2])
    kind = {"String": "string", "int": "number", "long": "number", "double": "number"}.get(
        _of_literal(type_) or "", type_
    )
    if kind in _CAN_BE:
        return java in _CAN_BE[kind]
    name = erased(kind)
    if "." not in name:  # any, or a type parameter
        return java not in _NUMBERS | {"boolean", "void"}
    return f".{name}".endswith(f".{java}")


def parse_descriptor(descriptor: str) -> tuple[tuple[str, ...], str]:
    """Parameters and result of a method's descriptor, or no parameters and the type of a field's, as dotted names."""
    inside, found, result = descriptor.partition(")")
    if not found:
        return (), _from_descriptor(descriptor)
    return tuple(_from_descriptor(part) for part in _DESCRIPTOR.findall(inside[1:])), _from_descriptor(result)


def _from_descriptor(part: str) -> str:
    name = part.lstrip("[")
    plain = _PRIMITIVES.get(name) or name[1:-1].replace("/", ".").replace("$", ".")
    return plain + "[]" * (len(part) - len(name))
