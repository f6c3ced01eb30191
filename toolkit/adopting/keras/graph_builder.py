"""Collects the nodes of the network: names, layers, weights, and the transpositions between orders of axes."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cnnkit.adopting.keras.values import FlattenedTensor, Order, Value, keep_order, lies_alike, put_first
from cnnkit.errors import CnnkitError, WeightFileError
from cnnkit.exporters.core.weight_file import Array
from cnnkit.files.names import printable
from cnnkit.layers import Concatenate, Flatten, Layer, Reshape, Split, Transpose, Variables
from cnnkit.layers.graph import Node
from cnnkit.tree import Tree

MOST_NODES = 20_000
LARGEST = 1 << 40  # values of one sample's tensor
Fault = Callable[[str], WeightFileError]


class KerasGraphBuilder:
    """The nodes so far, in the order in which they run.

    fault: makes the error of a problem with the file
    channels_last: whether images in the file are
    """

    def __init__(self, fault: Fault, channels_last: bool) -> None:
        self.fault = fault
        self._channels_last = channels_last
        self.nodes: list[Node] = []
        self._params: Tree = {}
        self._state: Tree = {}
        self._names: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._arranged: dict[tuple[str, Order], Value] = {}

    @property
    def variables(self) -> Variables:
        """The weights of all nodes."""
        return Variables(self._params, self._state)

    def prefer_order(self, rank: int) -> Order:
        """Return the order in which the network likes to have tensors of that rank: channels first."""
        return put_first(rank, rank - 1) if self._channels_last else keep_order(rank)

    def take_name(self, wanted: str) -> str:
        """Return a name for a node or input that is still free: the wanted one, or with a number behind."""
        base = name = re.sub(r"[^\w+-]", "_", printable(wanted, 120)) or "layer"
        while name in self._names:
            self._numbers[base] = self._numbers.get(base, 1) + 1
            name = f"{base}_{self._numbers[base]}"
        self._names.add(name)
        return name

    def add(
        self, name: str, layer: Layer, inputs: Sequence[str], variables: Variables | None = None, shares: str = ""
    ) -> str:
        """Append a node and return its name. shares: of the node whose layer and weights run again.

        Raises WeightFileError when the network grows beyond all reason.
        """
        if len(self.nodes) >= MOST_NODES:
            raise self.fault(f"a model of more than {MOST_NODES:,} layers")
        taken = self.take_name(name)
        if shares:
            self.nodes.append(Node(taken, None, tuple(inputs), shares=shares))
            return taken
        self.nodes.append(Node(taken, layer, tuple(inputs)))
        if variables is not None:
            if variables.params:
                self._params[taken] = variables.params
            if variables.state:
                self._state[taken] = variables.state
        return taken

    def emit(
        self,
        name: str,
        layer: Layer,
        inputs: Sequence[Value],
        order: Order | None = None,
        variables: Variables | None = None,
        shares: str = "",
    ) -> Value:
        """Append a node of one output and return that; its order of axes is `order`, or that of the first input.

        Raises WeightFileError when the layer does not take such inputs.
        """
        stored = self.measure(name, layer, inputs)[0]
        ref = self.add(name, layer, [value.ref for value in inputs], variables, shares)
        return to_value(ref, stored, inputs[0].order if order is None else order)

    def measure(self, name: str, layer: Layer, inputs: Sequence[Value], outputs: int = 1) -> list[tuple[int, ...]]:
        """Return the shapes of a layer's outputs. Raises WeightFileError when it does not take such inputs."""
        shapes: Any = tuple(value.stored_shape for value in inputs)
        try:
            made: Any = layer.output_shape(shapes[0] if len(shapes) == 1 else shapes)
        except CnnkitError as error:
            raise self.fault(f"layer {printable(name)}: {error}") from None
        found = [made] if outputs == 1 else list(made)
        for shape in found:
            if math.prod(shape) > LARGEST:
                raise self.fault(f"layer {printable(name)}: gives {shape}, which is too large")
        return found

    def arrange(self, value: Value, order: Order) -> Value:
        """Return a tensor with its axes in `order`, after a Transpose where that changes anything."""
        value = self.straighten(value)
        if value.order == order:
            return value
        key = value.ref, order
        if key not in self._arranged:
            axes = (0, *(value.find_axis(axis) for axis in order))
            self._arranged[key] = self.emit(f"{_base(value.ref)}_transposed", Transpose(axes), [value], order)
        return self._arranged[key]

    def straighten(self, value: Value) -> Value:
        """Return a vector with its values in the sequence in which Keras has them; other tensors as they are."""
        if not value.blocks:
            return value
        key = value.ref, value.order
        if key not in self._arranged:
            sizes = tuple(math.prod(block.shape) for block in value.blocks)
            parts = [value]
            if len(sizes) > 1:
                parts = self.split(f"{_base(value.ref)}_parts", Split(sizes), value, [(size,) for size in sizes])
            straight = [self._straighten(part, block) for part, block in zip(parts, value.blocks, strict=True)]
            if len(straight) > 1:
                straight = [self.emit(f"{_base(value.ref)}_joined", Concatenate(), straight)]
            self._arranged[key] = straight[0]
        return self._arranged[key]

    def split(self, name: str, layer: Layer, value: Value, shapes: Iterable[tuple[int, ...]]) -> list[Value]:
        """Append a node of several outputs, of which Keras has these shapes, and return them."""
        made = list(shapes)
        self.measure(name, layer, [value], max(2, len(made)))
        ref = self.add(name, layer, [value.ref])
        return [Value(f"{ref}:{i}" if i else ref, shape, value.order) for i, shape in enumerate(made)]

    def reshape(self, name: str, value: Value, shape: tuple[int, ...], order: Order) -> Value:
        """Return a tensor in another shape, as Keras does it; in `order` where that needs no Transpose."""
        value = self.straighten(value)
        if not lies_alike(value.shape, value.order):
            value = self.arrange(value, keep_order(value.rank))
        if not lies_alike(shape, order):
            order = keep_order(len(shape))
        target = tuple(shape[axis] for axis in order)
        if value.stored_shape == target:
            return Value(value.ref, shape, order)
        return self.emit(name, Flatten() if len(target) == 1 else Reshape(target), [value], order)

    def restore(self, name: str, value: Value, stored: tuple[int, ...], wanted: Value) -> Value:
        """Return a tensor without some axes of size 1, in shape `stored`; wanted: its shape and order in Keras."""
        layer = Flatten() if len(stored) == 1 else Reshape(stored)
        ref = self.emit(name, layer, [value], keep_order(len(stored))).ref
        return Value(ref, wanted.shape, wanted.order)

    def _straighten(self, value: Value, block: FlattenedTensor) -> Value:
        stored = tuple(block.shape[axis] for axis in block.order)
        name = _base(value.ref)
        image = self.emit(f"{name}_unflattened", Reshape(stored), [Value(value.ref, value.shape, (0,))], block.order)
        image = self.arrange(image, keep_order(image.rank))
        return self.emit(f"{name}_flattened", Flatten(), [image], (0,))


def to_value(ref: str, stored: Sequence[int], order: Order) -> Value:
    """Return the tensor that the network has in shape `stored`."""
    shape = [0] * len(stored)
    for axis, size in zip(order, stored, strict=True):
        shape[axis] = size
    return Value(ref, tuple(shape), order)


def pack(params: Mapping[str, Array], state: Mapping[str, Array] | None = None) -> Variables:
    """Return the arrays of one layer as its variables."""
    return Variables(dict(params), dict(state or {}))


def _base(ref: str) -> str:
    return ref.replace(":", "_")
