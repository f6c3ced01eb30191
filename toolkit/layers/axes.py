"""Axes in the fields of layers: counted with the batch axis as 0, from the end where negative, and never the batch."""

from cnnkit.backends.protocol import Shape
from cnnkit.layers.base import Layer
from cnnkit.layers.fields import MOST_AXES, require

Axes = tuple[int, ...]


def require_axes(layer: str, axes: object, least: int = 1) -> None:
    """Raise ConfigError unless axes is a tuple of at least `least` different axes, none of which is the batch (0)."""
    good = (
        isinstance(axes, tuple)
        and least <= len(axes) <= MOST_AXES
        and all(isinstance(a, int) and not isinstance(a, bool) and 0 < abs(a) <= MOST_AXES for a in axes)
        and len(set(axes)) == len(axes)
    )
    require(good, layer, "axes", "a tuple of different axes, 1 (channels) or higher, or negative from the end", axes)


def resolve_axes(layer: Layer, axes: Axes, x_shape: Shape) -> Axes:
    """Return the axes in rising order, counted from the batch axis; x_shape is that of a sample.

    Raises ShapeError when samples have no such axis, or two of the axes are one.
    """
    count = len(x_shape) + 1
    resolved = tuple(sorted(axis % count if -count < axis < count else 0 for axis in axes))
    if 0 in resolved or len(set(resolved)) < len(resolved):
        raise layer.refuse(f"(N, ...) with different axes {', '.join(map(str, axes))}", x_shape)
    return resolved


def pick_lengths(x_shape: Shape, axes: Axes) -> Shape:
    """Return the lengths of these resolved axes of samples x_shape."""
    return tuple(x_shape[axis - 1] for axis in axes)


def spread_shape(shape: Shape, axes: Axes) -> Shape:
    """Return the shape in which an array over these axes is broadcast over one of `shape`, which has the batch axis."""
    return tuple(length if axis in axes else 1 for axis, length in enumerate(shape))


def other_axes(ndim: int, axes: Axes) -> Axes:
    """Return the axes of an array that are not among these."""
    return tuple(axis for axis in range(ndim) if axis not in axes)
