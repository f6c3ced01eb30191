"""The graph of an ONNX file as data: nodes in the file's order, values with their declared types and shapes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cnnkit.exporters.core.weight_file import Tensor


@dataclass(frozen=True)
class Unreadable:
    """A tensor or attribute whose value cannot be had, and why: "a graph", "its values lie in w.bin: ..."."""

    reason: str


AttributeValue = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | Tensor | Unreadable


class FileNode(NamedTuple):
    """An operation. inputs: names, "" where an optional one is left out.

    place   position among the nodes of the file
    domain  "" for ONNX's own operators
    """

    place: int
    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, AttributeValue]


class FileValue(NamedTuple):
    """A value with its declared type: extents are numbers, names ("batch"), or None; shape None where undeclared.

    dtype: "float32"; "" where it is no tensor, or of a type that is not known.
    """

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True)
class FileNetwork:
    """What an ONNX file says of its network.

    file       path, as given
    inputs     those without initializers
    outputs    in the file's order
    declared   what value_info says of values between nodes
    tensors    initializers; their values are read when asked for
    versions   {domain: version}; "" is ONNX's own
    functions  {(domain, name)} of the model's own functions
    producer   the program that wrote the file
    size       of the file in bytes
    """

    file: str
    nodes: tuple[FileNode, ...]
    inputs: tuple[FileValue, ...]
    outputs: tuple[FileValue, ...]
    declared: Mapping[str, FileValue]
    tensors: Mapping[str, Tensor | Unreadable]
    versions: Mapping[str, int]
    functions: frozenset[tuple[str, str]] = frozenset()
    producer: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
