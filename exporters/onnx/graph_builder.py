"""Builds a graph: nodes, weights and constants of operations, and its form as GraphProto."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnkit.exporters.core.claims import Claims
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.onnx.float64 import FLOAT32_ONLY
from cnnkit.exporters.onnx.tensor_proto import TYPES
from cnnkit.exporters.onnx.wire_writer import Message

INPUT, OUTPUT = "input", "output"
_NUMBERS = {name: number for number, name in TYPES.items()}
_FLOAT, _INT, _TEXT, _INTS = 1, 2, 3, 7


class _BuiltNode(NamedTuple):
    op: str
    name: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


class GraphBuilder:
    """Collects operations in order; each has one output, which is named after the layer that it belongs to."""

    def __init__(self, weights: dict[str, Tensor], dtype: str) -> None:
        self.dtype = dtype
        self.used: list[Tensor] = []
        self._weights, self._constants = Claims(weights), dict[str, Tensor]()
        self._nodes: list[_BuiltNode] = []

    def weight(self, path: str, name: str, shape: Sequence[int]) -> str:
        """Return the name of a layer's weight. Raises ExportError when there is none of that shape."""
        tensor = self._weights.take(path, name, shape)
        self.used.append(tensor)
        return tensor.name

    def constant(self, name: str, values: Any, dtype: str | None = None) -> str:
        """Return the name of a small array that an operation needs; by default it has the dtype of the weights."""
        array = np.array(values, dtype or self.dtype)
        self._constants.setdefault(name, Tensor.of(name, array))
        return name

    def node(self, op: str, path: str, inputs: Sequence[str], part: str = "", **attributes: Any) -> str:
        """Append an operation of layer `path` and return the name of its result.

        In a float64 graph one that runtimes have in float32 only stands between casts.
        """
        part = part or op
        if self.dtype != "float64" or op not in FLOAT32_ONLY:
            return self._append(op, path, inputs, part, attributes)
        single, double = ({"to": _NUMBERS[name]} for name in ("float32", "float64"))
        rounded = [self._append("Cast", path, [name], f"{part}/float32/{i}", single) for i, name in enumerate(inputs)]
        result = self._append(op, path, rounded, part, attributes)
        return self._append("Cast", path, [result], f"{part}/float64", double)

    def _append(self, op: str, path: str, inputs: Sequence[str], part: str, attributes: dict[str, Any]) -> str:
        name = f"{path}/{part}"
        self._nodes.append(_BuiltNode(op, name, tuple(inputs), f"{name}:0", attributes))
        return f"{name}:0"

    def message(self, name: str, input_shape: Sequence[int], output_shape: Sequence[int], result: str) -> Message:
        """Return the GraphProto whose output is `result`. Raises ExportError when a weight belongs to no layer."""
        self._weights.require_none_left()
        if result == INPUT:
            result = self.node("Identity", "network", [INPUT])
        graph = Message()
        for node in self._nodes:
            graph.message(1, _make_node(node._replace(output=OUTPUT) if node.output == result else node))
        graph.content(2, name)
        for tensor in (*self.used, *self._constants.values()):
            graph.message(5, _make_tensor(tensor))
        graph.message(11, _make_value_info(INPUT, self.dtype, input_shape))
        return graph.message(12, _make_value_info(OUTPUT, self.dtype, output_shape))


def _make_node(node: _BuiltNode) -> Message:
    message = Message()
    for name in node.inputs:
        message.content(1, name)
    message.content(2, node.output).content(3, node.name).content(4, node.op)
    for name, value in node.attributes.items():
        message.message(5, _make_attribute(name, value))
    return message


def _make_attribute(name: str, value: Any) -> Message:
    message = Message().content(1, name)
    if isinstance(value, float):
        return message.real(2, value).number(20, _FLOAT)
    if isinstance(value, int):
        return message.number(3, value).number(20, _INT)
    if isinstance(value, str):
        return message.content(4, value).number(20, _TEXT)
    for item in value:
        message.number(8, item)
    return message.number(20, _INTS)


def _make_tensor(tensor: Tensor) -> Message:
    message = Message()
    for extent in tensor.shape:
        message.number(1, extent)
    return message.number(2, _NUMBERS[tensor.dtype]).content(8, tensor.name).values(9, tensor)


def _make_value_info(name: str, dtype: str, shape: Sequence[int]) -> Message:
    dimensions = Message().message(1, Message().content(2, "N"))
    for extent in shape:
        dimensions.message(1, Message().number(1, extent))
    kind = Message().message(1, Message().number(1, _NUMBERS[dtype]).message(2, dimensions))
    return Message().content(1, name).message(2, kind)
