"""Parts of an array as users write them: "0,:,1:3". Parsed by hand, never evaluated."""

import re
from dataclasses import replace
from types import EllipsisType

import numpy as np

from cnnkit.errors import ConfigError
from cnnkit.exporters.core.weight_file import Array, Tensor
from cnnkit.files.names import printable

Parts = tuple[int | slice | EllipsisType, ...]
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_FORM = 'expected indices and ranges such as "0,:,1:3"'


def parse(text: str) -> Parts:
    """Return "0, 1:3, :, ..." as (0, slice(1, 3), slice(None), Ellipsis). Raises ConfigError."""
    parts = tuple(
        _parse_part(part.strip(), text) for part in text.strip().removeprefix("[").removesuffix("]").split(",")
    )
    if sum(part is Ellipsis for part in parts) > 1:
        raise ConfigError(f"--slice {printable(text, 60)}: ... may occur once")
    return parts


def _parse_part(part: str, text: str) -> int | slice | EllipsisType:
    if part == "...":
        return Ellipsis
    numbers = [_parse_number(piece.strip(), text) for piece in part.split(":")]
    if len(numbers) == 1 and numbers[0] is not None:
        return numbers[0]
    if not 2 <= len(numbers) <= 3 or (len(numbers) == 3 and numbers[2] == 0):
        raise ConfigError(f"--slice {printable(text, 60)}: {_FORM}, got {printable(part, 30)!r}")
    return slice(*numbers)


def _parse_number(piece: str, text: str) -> int | None:
    if not piece:
        return None
    if not _NUMBER.fullmatch(piece):
        raise ConfigError(f"--slice {printable(text, 60)}: {_FORM}, got {printable(piece, 30)!r}")
    return int(piece)


def explain_misfit(parts: Parts, shape: tuple[int, ...]) -> str | None:
    """Return why an array of that shape has no such part, None when it has one."""
    plain = [part for part in parts if part is not Ellipsis]
    if len(plain) > len(shape):
        return f"{len(plain)} indices for {len(shape)} axes"
    place = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    tail = len(parts) - place - 1
    axes = [*range(place), *range(len(shape) - max(tail, 0), len(shape))]
    for part, axis in zip(plain, axes, strict=True):
        if isinstance(part, int) and not -shape[axis] <= part < shape[axis]:
            return f"index {part} on axis {axis}, which has {shape[axis]}"
    return None


def read_part(tensor: Tensor, parts: Parts | None) -> tuple[Tensor, Array]:
    """Read a part of a tensor, all of it for None; return a tensor of the part's shape and axes, and the values."""
    array = tensor.read()
    if parts is None:
        return tensor, array
    values = np.ascontiguousarray(array[parts]).reshape(np.shape(array[parts]))
    return replace(tensor, shape=values.shape, axes=remaining_axes(parts, tensor.axes)), values


def remaining_axes(parts: Parts, axes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the remaining axes: those without a single index."""
    if Ellipsis not in parts:
        parts = (*parts, Ellipsis)
    place = parts.index(Ellipsis)
    tail = parts[place + 1 :]
    full = [*parts[:place], *[slice(None)] * (len(axes) - len(parts) + 1), *tail]
    return tuple(axis for axis, part in zip(axes, full, strict=True) if not isinstance(part, int))
