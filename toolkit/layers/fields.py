"""Checks of configuration fields, and the arithmetic of windows."""

from collections.abc import Sequence
from typing import Any, Literal, TypeGuard

from cnnkit import initializers
from cnnkit.backends.protocol import Padding, Pair, Shape
from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value
from cnnkit.values import LARGEST_COUNT, is_count

MOST_AXES = 16  # of a sample; NumPy has at most 32 or 64
Size = int | Pair
PaddingField = int | Pair | Literal["valid", "same"]


def require(condition: bool, layer: str, field: str, expected: str, got: object) -> None:
    """Raise ConfigError when a field's value is not what it may be."""
    if not condition:
        raise ConfigError(f"{layer}: expected {field} to be {expected}, got {describe_value(got)}")


def require_count(layer: str, field: str, value: object, least: int = 1) -> None:
    """Raise ConfigError unless value is a whole number of at least `least`."""
    require(is_count(value, least), layer, field, _describe_count(least, value), value)


def require_size(layer: str, field: str, value: object, least: int = 1) -> None:
    """Raise ConfigError unless value is a whole number or a pair of them, (height, width)."""
    good = is_count(value, least) or (
        isinstance(value, tuple) and len(value) == 2 and all(is_count(v, least) for v in value)
    )
    require(good, layer, field, f"{_describe_count(least, value)} or a pair (height, width)", value)


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


def require_padding(layer: str, value: object, words: tuple[str, ...] = ("valid", "same")) -> None:
    """Raise ConfigError unless value is a number of pixels, a pair (height, width) or one of `words`."""
    if not (isinstance(value, str) and value in words):
        try:
            require_size(layer, "padding", value, least=0)
        except ConfigError:
            expected = ", ".join(["a whole number >= 0", "a pair (height, width)", *map(repr, words)])
            raise ConfigError(f"{layer}: expected padding to be {expected}, got {describe_value(value)}") from None


def pair(value: Size) -> Pair:
    """3 -> (3, 3)."""
    return (value, value) if isinstance(value, int) else value


def resolve_padding(padding: PaddingField, size: Pair, window: Pair, stride: Pair, dilation: Pair) -> Padding:
    """Return ((top, bottom), (left, right)).

    "same" gives ceil(N/S) outputs, the odd pixel at the end (ONNX SAME_UPPER).
    """
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        return _same(size[0], window[0], stride[0], dilation[0]), _same(size[1], window[1], stride[1], dilation[1])
    height, width = pair(padding)
    return (height, height), (width, width)


def _same(size: int, window: int, stride: int, dilation: int) -> Pair:
    total = max((-(-size // stride) - 1) * stride + dilation * (window - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def output_size(size: int, window: int, stride: int, padding: Pair, dilation: int = 1) -> int:
    """O = floor((N + P - D*(F - 1) - 1) / S) + 1."""
    return (size + sum(padding) - dilation * (window - 1) - 1) // stride + 1


def output_sizes(x_shape: Shape, window: Pair, stride: Pair, padding: Padding, dilation: Pair = (1, 1)) -> Pair:
    """Return (OH, OW) of images x_shape (C, H, W)."""
    return (
        output_size(x_shape[1], window[0], stride[0], padding[0], dilation[0]),
        output_size(x_shape[2], window[1], stride[1], padding[1], dilation[1]),
    )
