"""Softmax: values become shares that sum to 1."""

from dataclasses import dataclass
from typing import Any

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.layers.activations.elementwise import Elementwise
from cnnkit.layers.axes import Axes, require_axes, resolve_axes
from cnnkit.layers.base import Context, Reach
from cnnkit.tree import Tree


def subtract_largest(backend: Backend, x: Array, axes: Axes) -> Array:
    """Return x minus its maximum over these axes, so that exp of it never overflows."""
    largest = x
    for axis in axes:
        largest = backend.max(largest, axis=axis, keepdims=True)
    return x - largest


def softmax(backend: Backend, x: Array, axes: Axes = (1,)) -> Array:
    """exp(x) / sum(exp(x)) over these axes, shifted by the maximum so that exp never overflows."""
    powers = backend.exp(subtract_largest(backend, x, axes))
    return powers / backend.sum(powers, axis=axes, keepdims=True)


@dataclass(frozen=True)
class SoftmaxLayer(Elementwise):
    """Base of layers whose output depends on all values along some axes of a sample."""

    axes: Axes = (1,)

    def __post_init__(self) -> None:
        require_axes(self.type, self.axes)

    def output_shape(self, x_shape: Shape) -> Shape:
        resolve_axes(self, self.axes, x_shape)
        return x_shape

    def reach(self, x_shape: Shape) -> Reach | None:
        return super().reach(x_shape) if resolve_axes(self, self.axes, x_shape) == (1,) else None

    def resolve(self, x: Array) -> Axes:
        """Return the axes of x, counted from its first. Raises ShapeError where it lacks one."""
        return resolve_axes(self, self.axes, x.shape[1:])


@dataclass(frozen=True)
class Softmax(SoftmaxLayer):
    """y[k] = exp(x[k]) / sum over j of exp(x[j]), j along `axes`: 1 is that of classes (N, K) or channels (N, C, ...).

    An input of -infinity has the share 0.
    """

    def forward(self, context: Context, params: Tree, state: Tree, x: Array) -> tuple[Array, Any]:
        y = softmax(context.backend, x, self.resolve(x))
        return y, y

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Array, Tree]:
        weighted = context.backend.sum(dy * cache, axis=self.resolve(dy), keepdims=True)
        return (dy - weighted) * cache, {}
