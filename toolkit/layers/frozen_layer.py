"""A layer of which some parameters are not trained."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from cnnkit.layers import external_layer, half_layer
from cnnkit.layers.base import Context, Layer, Reach, Shapes, Values
from cnnkit.tree import Tree, child


class FrozenCache(NamedTuple):
    """The frozen parameters, and what the layer needs for the backward pass."""

    frozen: Tree
    inner: Any


@dataclass(frozen=True)
class FrozenLayer(Layer):
    """`layer`; its frozen parameters are no params but lie in the state: {"params": frozen ones, "state": its own}.

    still: it runs as in inference, so that running statistics are used and do not move.
    """

    layer: Layer
    still: bool
    half_precision: ClassVar[bool | None] = None

    @property
    def input_count(self) -> int | None:
        return self.layer.input_count

    @property
    def output_count(self) -> int:
        return self.layer.output_count

    @property
    def couples_samples(self) -> bool:
        return self.layer.couples_samples and not self.still

    def output_shape(self, x_shape: Shapes) -> Shapes:
        return external_layer.output_shape(self.layer, x_shape)

    def reach(self, x_shape: Shapes) -> Reach | None:
        return external_layer.reach(self.layer, x_shape)

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
