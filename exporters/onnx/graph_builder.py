"""Builds a graph: nodes, weights and constants of operations, and its form as GraphProto."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnkit.errors import ExportError
from cnnkit.exporters.core.claims import Claims
from cnnkit.exporters.core.weight_file import Tensor
from cnnkit.exporters.onnx.float64 import FLOAT32_ONLY
from cnnkit.exporters.onnx.tensor_proto import TYPES
from cnnkit.exporters.onnx.wire_writer import Message
from cnnkit.files.names import printable

INPUT, OUTPUT = "input", "output"
_NUMBERS = {name: number for number, name in TYPES.items()}
_FLOAT, _INT, _TEXT, _INTS = 1, 2, 3, 7


class _BuiltNode(NamedTuple):
    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class NamedValue(NamedTuple):
    """An input or output of the graph: its name there, the value that it is, the shape of one sample."""

    name: str
    value: str
    shape: Sequence[int]


class GraphBuilder:
    """Collects operations in order; each has one output, which is named after the layer that it belongs to."""

    def __init__(self, weights: dict[str, Tensor], dtype: str) -> None:
        self.dtype = dtype
        self._weights, self._constants = Claims(weights), dict[str, Tensor]()
        self._nodes: list[_BuiltNode] = []
        self._names = set[str]()

    @property
    def used(self) -> tuple[Tensor, ...]:
        """The weights that layers have taken, each once."""
        return self._weights.taken

    def weight(self, path: str, name: str, shape: Sequence[int]) -> str:
        """Return the name of a layer's weight. Raises ExportError when there is none of that shape.

        One of 16 bits in a graph of another type is stored as it is and cast there.
        """
        tensor = self._weights.take(path, name, shape)
        if tensor.dtype == self.dtype or tensor.dtype not in ("bfloat16", "float16"):
            return tensor.name
        return self.node("Cast", path, [tensor.name], f"{name}/{self.dtype}", to=_NUMBERS[self.dtype])

    def sharing(self, path: str, owner: str | None) -> contextlib.AbstractContextManager[None]:
        """Let the layers at and below `path` take the weights at and below `owner`, which may be taken again."""
        return self._weights.sharing(path, owner)

    def constant(self, name: str, values: Any, dtype: str | None = None) -> str:
        """Return the name of a small array that an operation needs; by default it has the dtype of the weights."""
        array = np.array(values, dtype or self.dtype)
        self._constants.setdefault(name, Tensor.of(name, array))
        return name

    def spread(self, path: str, name: str, x_shape: Sequence[int], axes: Sequence[int]) -> str:
        """Return an array with the lengths of `axes` of samples x_shape (1 is the first), to be broadcast over them."""
        if list(axes) == list(range(1 + len(x_shape) - len(axes), 1 + len(x_shape))):
            return name  # the last axes, which are broadcast as they are
        shape = [length if axis in axes else 1 for axis, length in enumerate(x_shape, 1)]
        target = self.constant(f"{path}/spread", shape, "int64")
        return self.node("Reshape", path, [name, target], f"spread/{name.rpartition('.')[2]}")

    def node(self, op: str, path: str, inputs: Sequence[str], part: str = "", **attributes: Any) -> str:
        """Append an operation of layer `path` and return the name of its result.

        In a float64 graph one that runtimes have in float32 only stands between casts.
        """
        return self.nodes(op, path, inputs, 1, part, **attributes)[0]

    def nodes(
        self, op: str, path: str, inputs: Sequence[str], count: int, part: str = "", **attributes: Any
    ) -> tuple[str, ...]:
        """Append an operation with `count` results and return their names, as `node` does."""
        part = part or op
        if self.dtype != "float64" or op not in FLOAT32_ONLY:
            return self._append(op, path, inputs, part, attributes, count)
        single, double = ({"to": _NUMBERS[name]} for name in ("float32", "float64"))
        rounded = [
            self._append("Cast", path, [name], f"{part}/float32/{i}", single)[0] for i, name in enumerate(inputs)
        ]
        results = self._append(op, path, rounded, part, attributes, count)
        names = (f"{part}/float64{f'/{i}' if i else ''}" for i in range(count))
        return tuple(self._append("Cast", path, [r], n, double)[0] for r, n in zip(results, names, strict=True))

    def _append(
        self, op: str, path: str, inputs: Sequence[str], part: str, attributes: dict[str, Any], count: int = 1
    ) -> tuple[str, ...]:
        name = f"{path}/{part}"
        self._reserve(name)
        outputs = tuple(f"{name}:{index}" for index in range(count))
        self._nodes.append(_BuiltNode(op, name, tuple(inputs), outputs, attributes))
        return outputs

    def _reserve(self, name: str) -> None:
        if name in self._names:
            raise ExportError(f"ONNX: two values would be named {printable(name)}: give one of the layers another name")
        self._names.add(name)

    def message(self, name: str, inputs: Sequence[NamedValue], outputs: Sequence[NamedValue]) -> Message:
        """Return the GraphProto. Raises ExportError when a weight belongs to no layer."""
        self._weights.require_none_left()
        renamed = self._name_results(inputs, outputs)
        graph = Message()
        for node in self._nodes:
            graph.message(1, _make_node(_rename(node, renamed)))
        graph.content(2, name)
        for tensor in (*self.used, *self._constants.values()):
            graph.message(5, _make_tensor(tensor))
        for value in inputs:
            graph.message(11, _make_value_info(value.name, self.dtype, value.shape))
        for value in outputs:
            graph.message(12, _make_value_info(value.name, self.dtype, value.shape))
        return graph

    def _name_results(self, inputs: Sequence[NamedValue], outputs: Sequence[NamedValue]) -> Mapping[str, str]:
        """Return {result of an operation: its name as an output}; an output that is none gets an operation."""
        fixed, renamed = {value.name for value in inputs}, dict[str, str]()
        for value in (*inputs, *outputs):
            self._reserve(value.name)
        for index, output in enumerate(outputs):
            result = output.value
            if result in fixed or result in renamed:
                result = self.node("Identity", "network", [result], f"Identity/{index}" if index else "")
            renamed[result] = output.name
        return renamed


def _rename(node: _BuiltNode, names: Mapping[str, str]) -> _BuiltNode:
    inputs, outputs = (tuple(names.get(name, name) for name in ends) for ends in (node.inputs, node.outputs))
    return node._replace(inputs=inputs, outputs=outputs)


def _make_node(node: _BuiltNode) -> Message:
    message = Message()
    for name in node.inputs:
        message.content(1, name)
    for name in node.outputs:
        message.content(2, name)
    message.content(3, node.name).content(4, node.op)
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
