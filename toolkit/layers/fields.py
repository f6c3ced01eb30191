"""Configuration fields: checks, and fields that came later than the layer they belong to."""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeGuard

from cnnkit import initializers
from cnnkit.backends.protocol import Shape
from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value
from cnnkit.layers.spatial import AXES
from cnnkit.values import LARGEST_COUNT, is_count

MOST_AXES = 16  # of a sample; NumPy has at most 32 or 64
# Metadata of a field that a layer gained after files were written: described only where it differs from its default, so
# that what does not use it is described as before. Such fields are given by keyword.
ADDED_LATER = {"added_later": True}
PADDINGS = ("valid", "same", "same_lower")  # the words that padding may be
_TUPLES = {1: "a tuple of one", 2: "a pair", 3: "a triple"}


def is_described(field: "dataclasses.Field[Any]", value: object) -> bool:
    """Say whether a layer's description names this field, whose value it is."""
    return value is not None and not (field.metadata.get("added_later") and value == field.default)


def require(condition: bool, layer: str, field: str, expected: str, got: object) -> None:
    """Raise ConfigError when a field's value is not what it may be."""
    if not condition:
        raise ConfigError(f"{layer}: expected {field} to be {expected}, got {describe_value(got)}")


def require_count(layer: str, field: str, value: object, least: int = 1) -> None:
    """Raise ConfigError unless value is a whole number of at least `least`."""
    require(is_count(value, least), layer, field, _describe_count(least, value), value)


def require_size(layer: str, field: str, value: object, least: int = 1, rank: int = 2) -> None:
    """Raise ConfigError unless value is a whole number or one for each of `rank` axes, such as (height, width)."""
    good = is_count(value, least) or _is_tuple_of(rank, value, least)
    require(good, layer, field, f"{_describe_count(least, value)} or {_describe_tuple(rank)}", value)


def _is_tuple_of(rank: int, value: object, least: int) -> bool:
    return isinstance(value, tuple) and len(value) == rank and all(is_count(v, least) for v in value)


def _describe_tuple(rank: int) -> str:
    names = AXES[rank]
    return f"{_TUPLES[rank]} ({', '.join(names)}{',' * (rank == 1)})"


def _describe_count(least: int, value: object) -> str:
    numbers = value if isinstance(value, tuple) else (value,)
    too_large = any(isinstance(number, int) and number > LARGEST_COUNT for number in numbers)
    return f"a whole number {'<= 2**63 - 1' if too_large else f'>= {least}'}"


def require_input_shape(shape: object) -> Shape:
    """Return the shape of a sample, (C, H, W) or (F,). Raises ConfigError for anything else."""
    if not is_shape(shape):
        raise ConfigError(f"input_shape: expected whole numbers such as [1, 28, 28], got {describe_value(shape)}")
    return tuple(shape)


def require_input_shapes(shapes: object, count: int | None) -> Any:
    """Return the shape of a sample, or those of a network's `count` inputs. Raises ConfigError for anything else."""
    if count == 1:
        return require_input_shape(shapes)
    if not isinstance(shapes, tuple | list) or len(shapes) != count or not all(map(is_shape, shapes)):
        expected = f"{count} shapes such as [[3, 32, 32], [10]]"
        raise ConfigError(f"input_shape: expected {expected}, got {describe_value(shapes)}")
    return tuple(map(tuple, shapes))


def is_shape(value: object) -> TypeGuard[Sequence[int]]:
    """Say whether value lists the lengths of at most MOST_AXES axes, each 1 or more."""
    return isinstance(value, tuple | list) and 0 < len(value) <= MOST_AXES and all(is_count(n, 1) for n in value)


def require_flag(layer: str, field: str, value: object) -> None:
    """Raise ConfigError unless value is True or False; the text "false" would count as true."""
    require(isinstance(value, bool), layer, field, "true or false", value)


def require_initializers(layer: str, *values: object) -> None:
    """Raise ConfigError unless each value is an initializer or the text of one."""
    for value in values:
        if not isinstance(value, str | initializers.Initializer):
            got = describe_value(value)
            raise ConfigError(f"{layer}: expected an initializer to be a text like 'he_uniform', got {got}")
        initializers.parse(value)


def require_padding(layer: str, value: object, words: tuple[str, ...] = PADDINGS, rank: int = 2) -> None:
    """Raise ConfigError unless value is a number of pixels, one or a (begin, end) for each axis, or one of `words`."""
    if isinstance(value, str) and value in words:
        return
    uneven = isinstance(value, tuple) and len(value) == rank and all(_is_tuple_of(2, sides, 0) for sides in value)
    if not (is_count(value, 0) or _is_tuple_of(rank, value, 0) or uneven):
        sides = ["a (begin, end) for each axis", *map(repr, words)]
        expected = ", ".join(["a whole number >= 0", _describe_tuple(rank), *sides])
        raise ConfigError(f"{layer}: expected padding to be {expected}, got {describe_value(value)}")
