"""Graph: named layers that take what other layers give."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from cnnkit.backends.protocol import Shape
from cnnkit.contracts import dtype_name
from cnnkit.errors import ConfigError, ShapeError
from cnnkit.files.names import describe_value
from cnnkit.layers.base import Context, Layer, Shapes, Values, Variables, join_variables, with_batch
from cnnkit.layers.graph.graph_plan import GraphPlan, make_step, plan_graph
from cnnkit.layers.graph.graph_step import Reference, ValueMap, add_gradient, add_gradients
from cnnkit.layers.graph.node import Node, split_reference
from cnnkit.layers.graph.ordering import find_layers, require_references, sort_nodes
from cnnkit.layers.graph.segment import SegmentCache
from cnnkit.layers.named_layer import NamedLayer
from cnnkit.tree import Tree


class GraphCache(NamedTuple):
    """The plan that ran, what its segments need for the backward pass, and the shapes and the dtype of x and y."""

    plan: GraphPlan
    segments: list[SegmentCache]
    x_shapes: tuple[Shape, ...]
    y_shapes: tuple[Shape, ...]
    dtype: str


@dataclass(frozen=True)
class Graph(Layer):
    """y = the values `output_names` of nodes that each apply a layer to values of other nodes or of x.

    nodes         Node(name, layer, inputs), in any order without a cycle; a child is named like its node
    input_names   what nodes call the inputs; of several, x is a tuple
    output_names  the values that are y, of several a tuple; by default that of the last node

    A node that shares the layer of another adds its gradients to the other's. What runs is a plan of the nodes
    (graph_plan.py), with the same results.
    """

    nodes: tuple[Node, ...]
    input_names: tuple[str, ...] = ("input",)
    output_names: tuple[str, ...] = ()
    half_precision: ClassVar[bool | None] = None

    def __post_init__(self) -> None:
        nodes = _require_nodes(self.nodes)
        inputs = _require_names("input_names", self.input_names)
        outputs = _require_names("output_names", self.output_names)
        if not inputs:
            raise ConfigError("Graph: expected at least one name in input_names, got none")
        object.__setattr__(self, "input_names", inputs)
        object.__setattr__(self, "output_names", outputs or (nodes[-1].name,))
        object.__setattr__(self, "nodes", sort_nodes(nodes, inputs))
        require_references(self.nodes, self._layers, inputs, self.output_names)

    # ---- structure

    @property
    def input_count(self) -> int:
        return len(self.input_names)

    @property
    def output_count(self) -> int:
        return len(self.output_names)

    def layer_of(self, reference: str) -> Layer:
        """Return the layer that gives a value, as `inputs` and `output_names` name it. Raises KeyError for an input."""
        return self._layers[split_reference(reference)[0]][1]

    @functools.cached_property
    def _layers(self) -> dict[str, tuple[str, Layer]]:
        """{name of a node: (name of the node that has its weights, its layer)}."""
        return find_layers(self.nodes)

    @functools.cached_property
    def _outputs(self) -> tuple[Reference, ...]:
        return tuple(map(split_reference, self.output_names))

    @property
    def couples_samples(self) -> bool:
        """Whether a node's layer does."""
        return self._habits[0]

    @property
    def whole_batch(self) -> bool:
        """Whether a node's layer prefers the whole batch; nodes are sharded one by one, so only speed depends on it."""
        return self._habits[1]

    @functools.cached_property
    def _habits(self) -> tuple[bool, bool]:
        """(couples_samples, whole_batch), asked of all nodes once."""
        own = [node.layer for node in self.nodes if node.layer is not None]
        return any(layer.couples_samples for layer in own), any(layer.whole_batch for layer in own)

    def children(self, x_shape: Shapes) -> Iterator[tuple[str, Layer, Shapes]]:
        """Yield (name, layer, its x_shape) of the nodes with a layer of their own; x_shape is that of the node."""
        shapes = self._input_shapes(x_shape)
        for node in self.nodes:
            taken = self._taken(node, shapes)
            if node.layer is not None:
                yield node.name, node.layer, taken
            self._give(node, taken, shapes)

    def node_shapes(self, x_shape: Shapes) -> dict[str, tuple[Shapes, Shapes]]:
        """Return {name of a node: (its x_shape, its output's)}, of all nodes in order. Raises ShapeError."""
        shapes, found = self._input_shapes(x_shape), {}
        for node in self.nodes:
            taken = self._taken(node, shapes)
            found[node.name] = taken, self._give(node, taken, shapes)
        return found

    def output_shape(self, x_shape: Shapes) -> Shapes:
        shapes = self._input_shapes(x_shape)
        for node in self.nodes:
            self._give(node, self._taken(node, shapes), shapes)
        results = tuple(shapes[reference] for reference in self._outputs)
        return results[0] if len(results) == 1 else results

    def _input_shapes(self, x_shape: Shapes) -> dict[Reference, Shape]:
        given = (x_shape,) if self.input_count == 1 else x_shape
        shapes = len(given) == self.input_count and all(isinstance(shape, tuple) for shape in given)
        if not shapes:
            names = ", ".join(self.input_names[:10])
            raise ShapeError(self.type, f"expected a shape for each of the inputs {names}, got {x_shape}")
        return {(name, 0): shape for name, shape in zip(self.input_names, given, strict=True)}

    def _taken(self, node: Node, shapes: dict[Reference, Shape]) -> Shapes:
        taken = tuple(shapes[split_reference(reference)] for reference in node.inputs)
        return taken[0] if self._layers[node.name][1].input_count == 1 else taken

    def _give(self, node: Node, taken: Shapes, shapes: dict[Reference, Shape]) -> Shapes:
        """Add the shapes of what a node gives to `shapes`, and return them."""
        layer = self._layers[node.name][1]
        made = NamedLayer(node.name, layer).output_shape(taken)
        given: Shapes = (made,) if layer.output_count == 1 else made
        shapes.update(((node.name, i), shape) for i, shape in enumerate(given))
        return made

    # ---- variables

    def init(self, rng: np.random.Generator, x_shape: Shapes) -> Variables:
        self._require_equal_sharing(x_shape)
        placed = list(self.children(x_shape))
        streams = rng.spawn(len(placed))
        return join_variables(
            NamedLayer(name, layer).init(stream, shape)
            for stream, (name, layer, shape) in zip(streams, placed, strict=True)
        )

    def variable_shapes(self, x_shape: Shapes) -> Variables:
        self._require_equal_sharing(x_shape)
        return join_variables(
            NamedLayer(name, layer).variable_shapes(shape) for name, layer, shape in self.children(x_shape)
        )

    def _require_equal_sharing(self, x_shape: Shapes) -> None:
        """Raise ShapeError for a node whose input needs other weights than those that it shares."""
        sharing = [node for node in self.nodes if node.shares is not None]
        if not sharing:
            return
        shapes = self.node_shapes(x_shape)
        for node in sharing:
            owner, layer = self._layers[node.name]
            mine, theirs = shapes[node.name][0], shapes[owner][0]
            if mine != theirs and layer.variable_shapes(mine) != layer.variable_shapes(theirs):
                problem = f"expected x of shape {with_batch(theirs)}, as for {owner}, got {with_batch(mine)}"
                raise ShapeError(layer.type, problem, path=(node.name,))

    # ---- passes

    def forward(self, context: Context, params: Tree, state: Tree, x: Values) -> tuple[Values, Any]:
        plan = self._plan(context.training, params, state)
        given = (x,) if self.input_count == 1 else x
        values: ValueMap = {(name, 0): array for name, array in zip(self.input_names, given, strict=True)}
        caches = [segment.forward(context, params, state, values) for segment in plan.segments]
        outputs = tuple(values[reference] for reference in self._outputs)
        x_shapes, y_shapes = (tuple(tuple(array.shape) for array in arrays) for arrays in (given, outputs))
        cache = GraphCache(plan, caches, x_shapes, y_shapes, dtype_name(given[0]))
        return (outputs[0] if len(outputs) == 1 else outputs), cache

    def outputs(self, context: Context, params: Tree, state: Tree, x: Values) -> Iterator[tuple[str, Layer, Values]]:
        """Yield (name, layer, what it gives) of each node in turn, none fused, the batch in one piece."""
        given = (x,) if self.input_count == 1 else x
        values: ValueMap = {(name, 0): array for name, array in zip(self.input_names, given, strict=True)}
        for node in self.nodes:
            step = make_step(node, *self._layers[node.name])
            step.forward(context, params, state, values)
            made = tuple(values[reference] for reference in step.outputs)
            yield node.name, step.layer, made[0] if len(made) == 1 else made

    def backward(self, context: Context, params: Tree, cache: Any, dy: Values) -> tuple[Values, Tree]:
        gradients, grads = self._backward(context, params, cache, dy, cache.plan.everything)
        dxs = tuple(
            gradients[name, 0] if (name, 0) in gradients else context.backend.zeros(shape, cache.dtype)
            for name, shape in zip(self.input_names, cache.x_shapes, strict=True)  # zeros: no node reads it
        )
        return (dxs[0] if len(dxs) == 1 else dxs), grads

    def parameter_gradients(self, context: Context, params: Tree, cache: Any, dy: Values) -> Tree:
        return self._backward(context, params, cache, dy, cache.plan.trained)[1]

    def _backward(
        self, context: Context, params: Tree, cache: GraphCache, dy: Values, needed: frozenset[Reference]
    ) -> tuple[ValueMap, Tree]:
        """Return the gradients of the inputs that are needed, and those of the parameters in the order of params."""
        gradients: ValueMap = {}
        given = (dy,) if self.output_count == 1 else dy
        for reference, part, shape in zip(self._outputs, given, cache.y_shapes, strict=True):
            unread = part is None
            add_gradient(gradients, reference, context.backend.zeros(shape, cache.dtype) if unread else part)
        grads: Tree = {}
        for segment, segment_cache in zip(reversed(cache.plan.segments), reversed(cache.segments), strict=True):
            for owner, tree in segment.backward(context, params, segment_cache, gradients, needed).items():
                add_gradients(grads, owner, tree)
        return gradients, {name: grads[name] for name in params}

    def next_state(self, state: Tree, cache: Any) -> Tree:
        for segment, segment_cache in zip(cache.plan.segments, cache.segments, strict=True):
            state = segment.next_state(state, segment_cache)
        return state

    def _plan(self, training: bool, params: Tree, state: Tree) -> GraphPlan:
        key = training, tuple(params), tuple(state)
        if key not in self._plans:
            self._plans[key] = plan_graph(self.nodes, self._layers, self._outputs, *key)
        return self._plans[key]

    @functools.cached_property
    def _plans(self) -> dict[tuple[bool, tuple[str, ...], tuple[str, ...]], GraphPlan]:
        return {}  # filled as plans are asked for; derived from the fields, so no part of the value


def _require_nodes(nodes: Any) -> tuple[Node, ...]:
    if not isinstance(nodes, list | tuple) or not nodes or not all(isinstance(node, Node) for node in nodes):
        raise ConfigError(f"Graph: expected nodes to be a list of at least one Node, got {describe_value(nodes)}")
    return tuple(nodes)


def _require_names(field: str, names: Any) -> tuple[str, ...]:
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"Graph: expected {field} to be a list of names, got {describe_value(names)}")
    return tuple(names)
