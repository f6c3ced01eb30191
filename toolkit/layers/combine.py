"""What combinators of side-by-side layers share: named children that all see the same x."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnkit.backends.protocol import Array, Shape
from cnnkit.errors import ShapeError
from cnnkit.layers.base import Context, Layer, Variables
from cnnkit.tree import Tree, child


class Parallel(Layer):
    """Base of layers that give x to several children and join what comes back."""

    def named(self) -> dict[str, Layer]:
        """Return the children by name."""
        raise NotImplementedError

    @property
    def couples_samples(self) -> bool:  # type: ignore[override]
        return any(layer.couples_samples for layer in self.named().values())

    @property
    def stateful(self) -> bool:  # type: ignore[override]
        return any(layer.stateful for layer in self.named().values())

    @property
    def whole_batch(self) -> bool:  # type: ignore[override]
        return any(layer.whole_batch for layer in self.named().values())

    def children(self, x_shape: Shape) -> Iterator[tuple[str, Layer, Shape]]:
        for name, layer in self.named().items():
            yield name, layer, x_shape

    def init(self, rng: np.random.Generator, x_shape: Shape) -> Variables:
        children = self.named()
        made = {
            name: layer.init(stream, x_shape)
            for stream, (name, layer) in zip(rng.spawn(len(children)), children.items(), strict=True)
        }
        return Variables(
            {name: v.params for name, v in made.items() if v.params},
            {name: v.state for name, v in made.items() if v.state},
        )

    def shapes(self, x_shape: Shape) -> dict[str, Shape]:
        """Return each child's output shape, errors located."""
        found = {}
        for name, layer in self.named().items():
            try:
                found[name] = layer.output_shape(x_shape)
            except ShapeError as error:
                raise error.inside(name) from None
        return found

    def forward_all(
        self, context: Context, params: Tree, state: Tree, x: Array
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return every child's output and cache."""
        outputs, caches = {}, {}
        for name, layer in self.named().items():
            try:
                outputs[name], caches[name] = layer.forward(
                    context.child(name), child(params, name), child(state, name), x
                )
            except ShapeError as error:
                raise error.inside(name) from None
        return outputs, caches

    def backward_all(
        self, context: Context, params: Tree, caches: dict[str, Any], dys: dict[str, Array]
    ) -> tuple[Array, Tree]:
        """Return the sum of the children's dx, and their gradients by name."""
        grads: Tree = {}
        total: Array | None = None
        for name, layer in self.named().items():
            dx, found = layer.backward(context.child(name), child(params, name), caches[name], dys[name])
            total = dx if total is None else total + dx
            if found:
                grads[name] = found
        assert total is not None  # a combinator has at least one child
        return total, grads

    def next_state(self, state: Tree, cache: Any) -> Tree:
        children = self.named()
        return {name: children[name].next_state(kept, cache[name]) for name, kept in state.items()}
