"""The base of combinators whose named children all get the same x."""

import functools
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from cnnkit.backends.protocol import Array, Shape
from cnnkit.layers.base import Context, Layer, Variables, join_variables
from cnnkit.layers.external_layer import require_layers
from cnnkit.layers.named_layer import NamedLayer
from cnnkit.tree import Tree


class Parallel(Layer):
    """Base of layers that give x to several children and join their outputs."""

    half_precision: ClassVar[bool | None] = None

    def __post_init__(self) -> None:
        children = self.named()
        require_layers(self.type, " and ".join(children), tuple(children.values()))

    @abstractmethod
    def named(self) -> dict[str, Layer]:
        """Return the children by name."""

    def children(self, x_shape: Shape) -> Iterator[tuple[str, Layer, Shape]]:
        for name, layer in self.named().items():
            yield name, layer, x_shape

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        streams = rng.spawn(len(self._children))
        return join_variables(
            child.init(stream, x_shape) for child, stream in zip(self._children, streams, strict=True)
        )

    def variable_shapes(self, x_shape: Shape) -> Variables:
        return join_variables(child.variable_shapes(x_shape) for child in self._children)

    def shapes(self, x_shape: Shape) -> dict[str, Shape]:
        """Return each child's output shape; an error names the child."""
        return {child.name: child.output_shape(x_shape) for child in self._children}

    def forward_all(
        self, context: Context, params: Tree, state: Tree, x: Array
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return every child's output and cache."""
        outputs, caches = {}, {}
        for child in self._children:
            outputs[child.name], caches[child.name] = child.forward(context, params, state, x)
        return outputs, caches

    def backward_all(
        self, context: Context, params: Tree, caches: dict[str, Any], dys: dict[str, Array]
    ) -> tuple[Array, Tree]:
        """Return the sum of the children's dx, and their gradients by name."""
        grads: Tree = {}
        total: Array | None = None
        for child in self._children:
            dx, child_grads = child.backward(context, params, caches[child.name], dys[child.name])
            total = dx if total is None else total + dx
            grads |= child_grads
        assert total is not None  # noqa: S101 (for the type checker: a combinator has at least one child)
        return total, grads

    def next_state(self, state: Tree, cache: Any) -> Tree:
        for child in self._children:
            state = child.next_state(state, cache[child.name])
        return state

    @functools.cached_property
    def _children(self) -> tuple[NamedLayer, ...]:
        return tuple(NamedLayer(name, layer) for name, layer in self.named().items())
