"""A layer that keeps what the layer inside it takes and gives, and the gradients that come back through it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from cnnkit.layers import external_layer
from cnnkit.layers.base import Context, Values
from cnnkit.layers.wrapping_layer import WrappingLayer
from cnnkit.tree import Tree


class Pass(NamedTuple):
    """One call of a layer: its arrays on the backend, for the whole batch."""

    params: Tree
    state: Tree
    x: Values
    y: Values


@dataclass(frozen=True, eq=False)
class Tap(WrappingLayer):
    """`layer`, of which `passes` keeps each forward pass, and `gradients` dy of each backward pass."""

    passes: list[Pass] = field(default_factory=list)
    gradients: list[Values] = field(default_factory=list)
    pure: ClassVar[bool] = False

    @property
    def half_precision(self) -> bool | None:  # type: ignore[override]
        return self.layer.half_precision

    @property
    def whole_batch(self) -> bool:
        return True  # shards would come from several threads, in any order

    def forward(self, context: Context, params: Tree, state: Tree, x: Values) -> tuple[Values, Any]:
        y, cache = external_layer.forward(self.layer, context, params, state, x)
        self.passes.append(Pass(params, state, x, y))
        return y, cache

    def backward(self, context: Context, params: Tree, cache: Any, dy: Values) -> tuple[Values, Tree]:
        self.gradients.append(dy)
        return external_layer.backward(self.layer, context, params, cache, dy)
