"""Pieces of C text: loops, flat indices, numbers."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

INDENT = "    "
_PER_LINE = 8
Lines = list[str]
Loop = tuple[str, int]  # variable, length


def indent(lines: Iterable[str]) -> Lines:
    """Return lines one level deeper; empty ones stay."""
    return [f"{INDENT}{line}" if line else line for line in lines]


def nest(loops: Sequence[Loop], body: Iterable[str]) -> Lines:
    """Return the body inside loops from 0, the first outermost."""
    if not loops:
        return list(body)
    (name, length), *rest = loops
    return [f"for (int {name} = 0; {name} < {length}; {name}++) {{", *indent(nest(rest, body)), "}"]


def flat(indices: Sequence[str], shape: Sequence[int]) -> str:
    """Return the place of an element in row-major order: `(i * 28 + j) * 28 + k`; indices of length 1 are left out."""
    kept = [(index, length) for index, length in zip(indices, shape, strict=True) if length != 1]
    if not kept:
        return "0"
    text = kept[0][0]
    for index, length in kept[1:]:
        inner = f"({text})" if any(sign in text for sign in "+-?") else text
        text = f"{inner} * {length} + {index}"
    return text


def name_indices(count: int, first: str = "i") -> list[str]:
    """Return i0, i1, ...: an index for each axis."""
    return [f"{first}{axis}" for axis in range(count)]


def number(value: float) -> str:
    """Return a double that reads back as itself."""
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return repr(float(value))


def array(name: str, values: np.ndarray, kind: str, what: str = "") -> Lines:
    """Return a constant array, floats as exact hexadecimal numbers."""
    flat_values = values.reshape(-1)
    if flat_values.dtype.kind == "f":
        suffix = "f" if kind == "float" else ""
        texts = [_write_hex(value, suffix) for value in flat_values.tolist()]
    else:
        texts = [str(value) for value in flat_values.tolist()]
    rows = [", ".join(texts[start : start + _PER_LINE]) for start in range(0, len(texts), _PER_LINE)]
    comment = [f"/* {what} */"] if what else []
    return [*comment, f"static const {kind} {name}[{len(texts)}] = {{", *(f"{INDENT}{row}," for row in rows), "};", ""]


def _write_hex(value: float, suffix: str) -> str:
    if not math.isfinite(value):
        return number(value)
    if value == 0:
        return f"{'-' if math.copysign(1, value) < 0 else ''}0.0{suffix}"
    mantissa, _, exponent = value.hex().partition("p")
    return f"{mantissa.rstrip('0') if '.' in mantissa else mantissa}p{exponent}{suffix}".replace(".p", ".0p")


def comment(text: str) -> str:
    """Return text that may stand in a comment: it neither ends it nor begins another."""
    return text.replace("*", "x").replace("\\", "/") if "*/" in text or "/*" in text else text.replace("\\", "/")
