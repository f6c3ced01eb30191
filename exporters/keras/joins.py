"""Layers with several inputs or outputs, as Keras layers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnnkit.errors import ExportError
from cnnkit.exporters.core.architecture import LayerFields, Shape, shapes_of
from cnnkit.exporters.keras.builder import KerasBuilder, KerasValue

Values = tuple[KerasValue, ...]
Adder = Callable[[KerasBuilder, LayerFields, Values], Values]


def join_elementwise(kind: str) -> Adder:
    """Return what appends a layer that computes each value from those at its place in all inputs."""

    def add(network: KerasBuilder, layer: LayerFields, values: Values) -> Values:
        ranks = {len(shape) for shape in shapes_of(layer["input_shape"])}
        if len(ranks) > 1:
            raise ExportError(f"layer {layer['path']} ({layer['type']}): Keras joins shapes of one length alone")
        network.join(kind, layer["path"], {}, _align(network, layer["path"], values))
        return (network.value,)

    return add


def join_results(network: KerasBuilder, kind: str, path: str, values: Values) -> Values:
    """Append an Add, or a Concatenate along the channels, of a combinator's results."""
    aligned = _align(network, path, values) if kind == "Add" else straighten(network, path, values)
    network.join(kind, path, {} if kind == "Add" else {"axis": -1}, aligned)
    return (network.value,)


def add_concatenate(network: KerasBuilder, layer: LayerFields, values: Values) -> Values:
    """Append a Concatenate."""
    rank = len(shapes_of(layer["input_shape"])[0])
    axis = find_axis(int(layer.get("axis", 1)), rank)
    network.join("Concatenate", layer["path"], {"axis": axis}, straighten(network, layer["path"], values))
    return (network.value,)


def add_split(network: KerasBuilder, layer: LayerFields, values: Values) -> Values:
    """Append for each part what cuts it out, since Keras has no layer with several results.

    The axis is brought first, all others become one, and the rest is cropped.
    """
    path, (shape,), outputs = layer["path"], shapes_of(layer["input_shape"]), shapes_of(layer["output_shape"])
    (value,) = straighten(network, path, values)
    turned = _turn(shape)
    axis = find_axis(int(layer.get("axis", 1)), len(shape)) % (len(shape) + 1)
    order = [axis, *(n for n in range(1, len(shape) + 1) if n != axis)]
    back = [order.index(n) + 1 for n in range(1, len(shape) + 1)]
    count, begin, parts = turned[axis - 1], 0, []
    for size, output in zip(layer["sizes"], outputs, strict=True):
        network.value = value
        rest = [n for index, n in enumerate(_turn(output), 1) if index != axis]
        if len(shape) > 1:
            network.put("Permute", path, {"dims": order})
        network.put("Reshape", path, {"target_shape": [count, -1]})
        network.put("Cropping1D", path, {"cropping": [begin, count - begin - int(size)]})
        network.put("Reshape", path, {"target_shape": [int(size), *rest]})
        if len(shape) > 1:
            network.put("Permute", path, {"dims": back})
        parts.append(network.value)
        begin += int(size)
    return tuple(parts)


def find_axis(axis: int, rank: int) -> int:
    """Return an axis of cnnkit, counted with the batch, in Keras's order: channels come last."""
    axis = axis % (rank + 1)
    if rank == 1 or axis == 0:
        return axis
    return -1 if axis == 1 else axis - 1


def _turn(shape: Shape) -> list[int]:
    return [*shape[1:], shape[0]]


def _align(network: KerasBuilder, path: str, values: Values) -> Values:
    """Return the values in one order: rows of the same image as they are, others in cnnkit's."""
    return values if len({value.row for value in values}) == 1 else straighten(network, path, values)


def straighten(network: KerasBuilder, path: str, values: Sequence[KerasValue]) -> Values:
    """Return the values in cnnkit's order, rows that Keras flattened as well."""
    straight = []
    for value in values:
        network.value = value
        network.straighten(path)
        straight.append(network.value)
    return tuple(straight)


JOINS: Mapping[Any, Adder] = {
    "Add": join_elementwise("Add"),
    "Subtract": join_elementwise("Subtract"),
    "Multiply": join_elementwise("Multiply"),
    "Average": join_elementwise("Average"),
    "Maximum": join_elementwise("Maximum"),
    "Minimum": join_elementwise("Minimum"),
    "Concatenate": add_concatenate,
    "Split": add_split,
}
