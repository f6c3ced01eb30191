"""Parts of an array as users write them: "0,:,1:3". Parsed by hand, never evaluated."""

import re
from types import EllipsisType

from cnnkit.errors import ConfigError
from cnnkit.files.names import printable

Part = int | slice | EllipsisType
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_FORM = 'expected indices and ranges such as "0,:,1:3"'


def parse(text: str) -> tuple[Part, ...]:
    """Return "0, 1:3, :, ..." as (0, slice(1, 3), slice(None), Ellipsis). Raises ConfigError."""
    parts = tuple(_part(part.strip(), text) for part in text.strip().removeprefix("[").removesuffix("]").split(","))
    if sum(part is Ellipsis for part in parts) > 1:
        raise ConfigError(f"--slice {printable(text, 60)}: ... may stand once")
    return parts


def _part(part: str, text: str) -> Part:
    if part == "...":
        return Ellipsis
    numbers = [_number(piece.strip(), text) for piece in part.split(":")]
    if len(numbers) == 1 and numbers[0] is not None:
        return numbers[0]
    if not 2 <= len(numbers) <= 3 or (len(numbers) == 3 and numbers[2] == 0):
        raise ConfigError(f"--slice {printable(text, 60)}: {_FORM}, got {printable(part, 30)!r}")
    return slice(*numbers)


def _number(piece: str, text: str) -> int | None:
    if not piece:
        return None
    if not _NUMBER.fullmatch(piece):
        raise ConfigError(f"--slice {printable(text, 60)}: {_FORM}, got {printable(piece, 30)!r}")
    return int(piece)


def misfit(parts: tuple[Part, ...], shape: tuple[int, ...]) -> str | None:
    """Return why an array of that shape has no such part, None when it has."""
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


def kept_axes(parts: tuple[Part, ...], axes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the axes that are left: those that no single index was given for."""
    if Ellipsis not in parts:
        parts = (*parts, Ellipsis)
    place = parts.index(Ellipsis)
    tail = parts[place + 1 :]
    full = [*parts[:place], *[slice(None)] * (len(axes) - len(parts) + 1), *tail]
    return tuple(axis for axis, part in zip(axes, full, strict=True) if not isinstance(part, int))
