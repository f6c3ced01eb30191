"""A layer of which some parameters are not trained."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from cnnkit.layers import half_layer
from cnnkit.layers.base import Context, Layer, Values
from cnnkit.layers.wrapping_layer import WrappingLayer
from cnnkit.tree import Tree, child


class FrozenCache(NamedTuple):
    """The frozen parameters, and what the layer needs for the backward pass."""

    frozen: Tree
    inner: Any


@dataclass(frozen=True)
class FrozenLayer(WrappingLayer):
    """`layer`; its frozen parameters are no params but lie in the state: {"params": frozen ones, "state": its own}.

    still: it runs as in inference, so that running statistics are used and do not move.
    """

    still: bool
    half_precision: ClassVar[bool | None] = None

    @property
    def couples_samples(self) -> bool:
        return self.layer.couples_samples and not self.still

    def forward(self, context: Context, params: Tree, state: Tree, x: Values) -> tuple[Values, Any]:
        frozen = child(state, "params")
        y, cache = half_layer.forward(self.layer, self._context(context), frozen | params, child(state, "state"), x)
        return y, FrozenCache(frozen, cache)

    def backward(self, context: Context, params: Tree, cache: Any, dy: Values) -> tuple[Values, Tree]:
        whole = cache.frozen | params
        dx, grads = half_layer.backward(self.layer, self._context(context), whole, cache.inner, dy)
        return dx, {name: grads[name] for name in params}

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Values) -> Tree:
        whole = cache.frozen | params
        grads = half_layer.parameter_gradients(self.layer, self._context(context), whole, cache.inner, dy)
        return {name: grads[name] for name in params}

    def next_state(self, state: Tree, cache: Any) -> Tree:
        if self.still or "state" not in state:
            return state
        return state | {"state": half_layer.next_state(self.layer, state["state"], cache.inner)}

    def _context(self, context: Context) -> Context:
        return context._replace(training=False) if self.still else context


def stands_still(layer: Layer) -> bool:
    """Return whether a layer's state, which may hold frozen parameters, is the same after every step."""
    return isinstance(layer, FrozenLayer) and layer.still
