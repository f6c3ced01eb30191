"""The base of layers that make one value of several, element by element."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cnnkit.backends.protocol import Array, Backend, Shape
from cnnkit.errors import ShapeError
from cnnkit.layers.base import Context, Layer, Shapes, Values, with_batch
from cnnkit.tree import Tree


@dataclass(frozen=True)
class ElementwiseJoin(Layer):
    """y = what `join` makes of all inputs; of an input with an axis of length 1, the values are repeated along it.

    x: a tuple of arrays with equally many axes, whose lengths are equal or 1.
    """

    fewest: ClassVar[int] = 1
    most: ClassVar[int | None] = None

    @property
    def input_count(self) -> int | None:
        return None

    @abstractmethod
    def join(self, backend: Backend, arrays: Sequence[Array]) -> Array:
        """Return y."""

    @abstractmethod
    def split_gradient(self, backend: Backend, arrays: Sequence[Array], dy: Array) -> Sequence[Array]:
        """Return the gradient in each of `arrays`, in the shape of y."""

    def output_shape(self, x_shape: Shapes) -> Shape:
        wanted = f"{self.fewest}" if self.fewest == self.most else f"at least {self.fewest}"
        shapes = require_shapes(self.type, x_shape, wanted, self.fewest, self.most)
        if len({len(shape) for shape in shapes}) == 1:
            try:
                return np.broadcast_shapes(*shapes)
            except ValueError:
                pass
        problem = f"expected inputs of one shape, or with axes of length 1, got {with_batch(shapes)}"
        raise ShapeError(self.type, problem, "give the layers before it the same stride, and padding='same'")

    def forward(self, context: Context, params: Tree, state: Tree, x: Values) -> tuple[Array, Any]:
        return self.join(context.backend, x), x

    def backward(self, context: Context, params: Tree, cache: Any, dy: Array) -> tuple[Values, Tree]:
        parts = self.split_gradient(context.backend, cache, dy)
        return tuple(sum_repeats(context.backend, part, x.shape) for part, x in zip(parts, cache, strict=True)), {}


def require_shapes(layer: str, x_shape: Any, wanted: str, fewest: int, most: int | None) -> tuple[Shape, ...]:
    """Return the shapes of several inputs. Raises ShapeError for another number of them."""
    several = isinstance(x_shape, tuple) and all(isinstance(shape, tuple) for shape in x_shape)
    if not several or len(x_shape) < fewest or (most is not None and len(x_shape) > most):
        got = f"{len(x_shape)}" if several else "one"
        raise ShapeError(layer, f"expected {wanted} inputs, got {got}", "make it a node of a Graph")
    return x_shape  # type: ignore[no-any-return]


def sum_repeats(backend: Backend, dy: Array, shape: Shape) -> Array:
    """Return dy summed over the axes along which an input of this shape was repeated."""
    axes = tuple(i for i, (made, taken) in enumerate(zip(dy.shape, shape, strict=True)) if made != taken)
    return backend.sum(dy, axis=axes, keepdims=True) if axes else dy
