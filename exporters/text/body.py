"""Formats the values of one tensor as lines of numbers, slice by slice."""

import itertools
from collections.abc import Iterator

import numpy as np

from cnnkit.exporters.core.number_text.digits import all_finite, dump_json, format_numbers, shorten
from cnnkit.exporters.core.number_text.layout import Layout
from cnnkit.exporters.core.number_text.patterns import WIDTHS
from cnnkit.exporters.core.weight_file import Array, Tensor
from cnnkit.exporters.text.grammar import quote

_ALIGNED = 20_000  # numbers of a tensor; aligned columns of a larger one would take too many blanks
_SLICE = 16_384  # numbers formatted at once
_BULK = frozenset(("float32", "float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))))
_LINES = bytes.maketrans(b",]", b" \n")


def format_values(tensor: Tensor, values: Array, form: Layout, precision: int | None) -> Iterator[bytes]:
    """Yield labels and lines of numbers."""
    flat = values.reshape(-1)
    if not flat.size:
        return
    heads = _format_labels(tensor.shape, tensor.axes, form.labelled) if form.labelled else iter((b"",))
    if form.labelled and not form.group and form.block % form.line == 0 and form.block <= _SLICE // 4:
        yield from _format_small_blocks(tensor.dtype, flat, form, precision, heads)
        return
    step = form.line * max(form.group, 1)
    step *= max(_SLICE // step, 1)
    for head, begin in zip(heads, range(0, flat.size, form.block), strict=True):
        yield head
        for start in range(begin, begin + form.block, step):
            if form.group and start > begin:
                yield b"\n"
            piece = flat[start : min(start + step, begin + form.block)]
            yield _format_lines(tensor.dtype, piece, form.line, form.group, precision, flat.size <= _ALIGNED)


def _format_labels(shape: tuple[int, ...], axes: tuple[str, ...], labelled: int) -> Iterator[bytes]:
    """Yield "[o 3, i 0, kh, kw]" for every index of the first `labelled` axes."""
    counted = ", ".join(f"{quote(axis).replace('%', '%%')} %d" for axis in axes[:labelled])
    rest = "".join(f", {quote(axis).replace('%', '%%')}" for axis in axes[labelled:])
    form = f"[{counted}{rest}]\n".encode()
    return (form % index for index in itertools.product(*map(range, shape[:labelled])))


def _format_small_blocks(
    dtype: str, flat: Array, form: Layout, precision: int | None, heads: Iterator[bytes]
) -> Iterator[bytes]:
    """Yield blocks with their labels; many are formatted at once, separated by blank lines."""
    step = form.block * (_SLICE // form.block)
    for start in range(0, flat.size, step):
        piece = flat[start : start + step]
        text = _format_lines(dtype, piece, form.line, form.block // form.line, precision, flat.size <= _ALIGNED)
        for block in text[:-1].split(b"\n\n"):
            yield next(heads) + block + b"\n"


def _format_lines(dtype: str, flat: Array, line: int, group: int, precision: int | None, aligned: bool) -> bytes:
    """Return numbers as lines, with a blank line between groups of lines."""
    over = flat.size % line
    if over and over < flat.size:  # then there are no groups
        parts = (flat[:-over], flat[-over:])
        return b"".join(_format_lines(dtype, part, line, group, precision, aligned) for part in parts)
    if not aligned and precision is None and dtype in _BULK and flat.size % line == 0 and all_finite(flat, dtype):
        return _format_bulk(flat, line, group)
    numbers = format_numbers(flat, dtype, precision)
    form = b" %s"
    if aligned:
        room = WIDTHS[dtype] - 1
        form = b" %%%ds" % room
        if max(map(len, numbers)) > room:
            numbers = [shorten(word, room) for word in numbers]
    whole = form * line
    rows = [
        (whole if start + line <= len(numbers) else form * (len(numbers) - start))
        % tuple(numbers[start : start + line])
        for start in range(0, len(numbers), line)
    ]
    if group:
        return b"\n\n".join(b"\n".join(rows[start : start + group]) for start in range(0, len(rows), group)) + b"\n"
    return b"\n".join(rows) + b"\n"


def _format_bulk(flat: Array, line: int, group: int) -> bytes:
    """Return the same for finite numbers: JSON [[[1.0,2.0],[3.0,4.0]],...] without brackets, and without .0."""
    shape = (-1, group, line) if group else (-1, line)
    text = b" " + dump_json(flat.reshape(shape)).translate(_LINES, b"[").rstrip(b"\n") + b"\n"
    if flat.dtype.kind == "f" and (np.trunc(flat) == flat).any():
        text = text.replace(b".0 ", b" ").replace(b".0\n", b"\n")
    return text
