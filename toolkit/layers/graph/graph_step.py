"""One step of a graph's plan: a layer with the values that it takes and gives."""

from dataclasses import dataclass, replace
from typing import Any

from cnnkit.layers import half_layer
from cnnkit.layers.base import Context, Layer, Values
from cnnkit.layers.named_layer import placing
from cnnkit.tree import Tree, child, map_leaves

Reference = tuple[str, int]  # a value of a graph: an output of a node, or an input and 0
ValueMap = dict[Reference, Any]


@dataclass(frozen=True)
class GraphStep:
    """`layer` on the values `inputs`; `name` addresses its random draws and errors, `owner` its weights.

    outputs  the values that it gives, all of the layer's
    dropped  values that no later step reads
    """

    name: str
    owner: str
    layer: Layer
    inputs: tuple[Reference, ...]
    outputs: tuple[Reference, ...]
    dropped: tuple[Reference, ...] = ()

    def dropping(self, values: tuple[Reference, ...]) -> "GraphStep":
        """Return the step after which these values are dropped."""
        return replace(self, dropped=values)

    @placing
    def forward(self, context: Context, params: Tree, state: Tree, values: ValueMap) -> Any:
        """Add the outputs to `values` and return the layer's cache."""
        layer, owner = self.layer, self.owner
        x: Values = (
            values[self.inputs[0]] if layer.input_count == 1 else tuple(values[source] for source in self.inputs)
        )
        y, cache = half_layer.forward(layer, context.child(self.name), child(params, owner), child(state, owner), x)
        if layer.output_count == 1:
            values[self.outputs[0]] = y
        else:
            several: Values = y
            values.update(zip(self.outputs, several, strict=True))
        for reference in self.dropped:
            del values[reference]
        return cache if context.keeps_caches else None

    @placing
    def backward(
        self, context: Context, params: Tree, cache: Any, gradients: ValueMap, needed: frozenset[Reference]
    ) -> Tree:
        """Take the outputs' gradients out of `gradients` and add those of the inputs that are `needed`.

        Returns the gradients of the parameters, {} where there are none.
        """
        layer, own, inner = self.layer, child(params, self.owner), context.child(self.name)
        if layer.output_count == 1:
            dy: Values = gradients.pop(self.outputs[0])
        else:
            dy = tuple(gradients.pop(reference, None) for reference in self.outputs)  # None: nothing reads this one
        if not needed.intersection(self.inputs):
            return half_layer.parameter_gradients(layer, inner, own, cache, dy)
        dx, grads = half_layer.backward(layer, inner, own, cache, dy)
        parts: Values = (dx,) if layer.input_count == 1 else dx
        for reference, part in zip(self.inputs, parts, strict=True):
            if reference in needed:
                add_gradient(gradients, reference, part)
        return grads

    @placing
    def next_state(self, state: Tree, cache: Any) -> Tree:
        """Return the parent's state with this layer's after the step that left `cache`."""
        if self.owner not in state:
            return state
        return state | {self.owner: half_layer.next_state(self.layer, state[self.owner], cache)}


def add_gradient(gradients: ValueMap, reference: Reference, part: Any) -> None:
    """Add what one reader of a value gives back to what its other readers gave."""
    gradients[reference] = gradients[reference] + part if reference in gradients else part


def add_gradients(total: Tree, owner: str, grads: Tree) -> None:
    """Add a layer's gradients to those of its earlier uses."""
    if grads:
        total[owner] = map_leaves(lambda a, b: a + b, total[owner], grads) if owner in total else grads
